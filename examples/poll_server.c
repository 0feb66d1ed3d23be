/*
 * echo_server.c for many clients in one thread: poll(), sockets that do not
 * block, timers. Nothing is kept for a client until it has proved its address.
 *
 *	cc poll_server.c -o poll_server -ldtlsv1_listen -lssl -lcrypto
 *	./poll_server ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]
 *
 * PORT 0 takes a free one. With CLIENTS it ends after so many. Copy what you need.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* getaddrinfo() and friends under -std=c11 */

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

#define MOST   1000 /* clients at a time */
#define IDLE   20   /* seconds until a silent client is given up */
#define BUDGET 100  /* answers to hellos before the clients have a turn */
#define MTU    1232 /* bytes of a datagram, without UDP and IP headers, that every path may carry */

static struct client {
	SSL *ssl;
	struct sockaddr_storage addr;
	time_t heard;
	int accepted;
} clients[MOST];
static struct pollfd fds[1 + MOST]; /* the listening socket; then one each */
static struct sockaddr_storage own; /* its address */
static int n_clients, n_gone;
static time_t listen_again; /* after a failure: not before */

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static socklen_t
address_len(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(struct sockaddr_in6);
}

/* "127.0.0.1:4433" or "[::1]:4433"; the string is this function's own. */
static const char *
address_name(const struct sockaddr_storage *addr)
{
	static char name[NI_MAXHOST + NI_MAXSERV + 4];
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	getnameinfo((const struct sockaddr *)addr, address_len(addr), host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, sizeof(name), addr->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return name;
}

/*
 * A socket that does not block. All have the listening one's address and port, and must allow
 * it. (The BSDs want SO_REUSEPORT for that, which on Linux would share out hellos.)
 */
static int
udp_socket(const struct sockaddr *addr, socklen_t len)
{
	int fd = socket(addr->sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd != -1 &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
		bind(fd, addr, len) == -1)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void
open_listener(const char *address, const char *port)
{
	const int flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	struct addrinfo *info, hints = { .ai_flags = flags, .ai_socktype = SOCK_DGRAM };
	socklen_t len = sizeof(own);
	int error = getaddrinfo(address, port, &hints, &info);

	if (error != 0) {
		fprintf(stderr, "%s port %s: %s\n", address, port, gai_strerror(error));
		exit(1);
	}
	if ((fds[0].fd = udp_socket(info->ai_addr, info->ai_addrlen)) == -1 ||
	    getsockname(fds[0].fd, (struct sockaddr *)&own, &len) == -1)
		die(address);
	freeaddrinfo(info);
	printf(
	    "listening on %s, libdtlsv1_listen %s\n", address_name(&own), dtlsv1_listen_version());
}

/* An SSL that listens. It becomes the next client's, and then another is made. */
static SSL *
new_ssl(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new_dgram(fds[0].fd, BIO_NOCLOSE);

	if (ssl == NULL || bio == NULL)
		die("SSL_new");
	SSL_set_bio(ssl, bio, bio);
	return ssl;
}

/*
 * Gives ssl a socket that hears this client only. (Another's hello may slip in
 * between bind and connect; libssl drops it, and that client sends it again.)
 */
static int
connect_to(SSL *ssl, struct sockaddr_storage *peer)
{
	BIO *bio = SSL_get_rbio(ssl);
	int fd = udp_socket((struct sockaddr *)&own, address_len(&own));

	if (fd == -1 || connect(fd, (struct sockaddr *)peer, address_len(peer)) == -1) {
		perror("a client's socket");
		close(fd);
		return -1;
	}
	BIO_set_fd(bio, fd, BIO_CLOSE);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, peer);
	/* After DTLSv1_listen, which begins with a clean SSL. */
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(ssl, MTU);
	return fd;
}

static void
forget(int i, const char *why)
{
	printf("%s: %s\n", address_name(&clients[i].addr), why);
	ERR_print_errors_fp(stderr);
	SSL_free(clients[i].ssl); /* and its socket */
	clients[i] = clients[--n_clients];
	fds[1 + i] = fds[1 + n_clients];
	n_gone++;
}

static void
step(int i)
{
	struct client *c = &clients[i];
	char buf[2048];
	int n = 0;

	ERR_clear_error(); /* SSL_get_error() looks at it */
	if (!c->accepted && (n = SSL_accept(c->ssl)) == 1) {
		c->accepted = 1;
		printf("%s: accepted, %s, %s\n", address_name(&c->addr), SSL_get_version(c->ssl),
		    SSL_get_cipher(c->ssl));
	}
	while (c->accepted && (n = SSL_read(c->ssl, buf, sizeof(buf))) > 0) {
		printf("%s: echoing %d bytes\n", address_name(&c->addr), n);
		(void)SSL_write(c->ssl, buf, n); /* UDP may lose it */
	}
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: break; /* so far; poll() tells when there is more */
	case SSL_ERROR_ZERO_RETURN:
		SSL_shutdown(c->ssl);
		forget(i, "closed");
		break;
	default: forget(i, c->accepted ? "lost" : "no handshake");
	}
}

static int
is_served(const struct sockaddr_storage *peer)
{
	for (int i = 0; i < n_clients; i++)
		if (memcmp(&clients[i].addr, peer, address_len(peer)) == 0)
			return 1;
	return 0;
}

/* All who wait, a budget of them at most; then the clients have a turn. */
static void
listen_for_clients(SSL_CTX *ctx)
{
	static SSL *ssl;
	struct sockaddr_storage peer;
	int fd, ret;

	for (;;) {
		ssl = ssl != NULL ? ssl : new_ssl(ctx);
		ret = DTLSv1_listen(ssl, &peer);
		/*
		 * 0: nothing more to read, a datagram that was no good, or no budget
		 * is left; poll() knows which. (With EPOLLET nobody tells again:
		 * there, call until BIO_should_read() of the read BIO is true.)
		 */
		if (ret == 0)
			return;
		/*
		 * -1: something is wrong on this side, such as the file of secrets,
		 * and may pass. There is no client. Go on later: do not spin.
		 */
		if (ret < 0) {
			fprintf(stderr, "DTLSv1_listen: %s; once more in 1 s\n",
			    ERR_peek_error() == 0 ? strerror(errno) : "OpenSSL's reason follows");
			ERR_print_errors_fp(stderr);
			SSL_free(ssl);
			ssl = NULL;
			listen_again = time(NULL) + 1;
			return;
		}
		/* Where a client is served already there is no place for another. */
		if (n_clients == MOST || is_served(&peer) || (fd = connect_to(ssl, &peer)) == -1) {
			SSL_free(ssl);
			ssl = NULL;
			continue;
		}
		clients[n_clients] = (struct client){ .ssl = ssl, .heard = time(NULL) };
		memcpy(&clients[n_clients].addr, &peer, address_len(&peer));
		fds[++n_clients] = (struct pollfd){ fd, POLLIN, 0 };
		ssl = NULL;          /* it is the client's now */
		step(n_clients - 1); /* the hello is in it already */
	}
}

/* Milliseconds until the first timer runs out, a second at most. */
static int
next_timer(void)
{
	struct timeval left;
	int i, least = 1000, ms;

	for (i = 0; i < n_clients; i++)
		if (DTLSv1_get_timeout(clients[i].ssl, &left)) {
			ms = (int)(left.tv_sec * 1000 + left.tv_usec / 1000) + 1;
			least = ms < least ? ms : least;
		}
	return least;
}

/* What was lost on the way is sent again; whoever says nothing has to go. */
static void
run_timers(void)
{
	for (int i = n_clients - 1; i >= 0; i--) {
		ERR_clear_error(); /* below 0: it was sent too often */
		if (DTLSv1_handle_timeout(clients[i].ssl) < 0)
			forget(i, "no answer");
		else if (time(NULL) - clients[i].heard > IDLE)
			forget(i, "silent for too long");
	}
}

int
main(int argc, char *argv[])
{
	if (argc != 5 && argc != 6) {
		fputs(
		    "usage: poll_server ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]\n", stderr);
		return 2;
	}
	int most = argc == 6 ? atoi(argv[5]) : -1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* No cookie callbacks: the library makes and checks cookies itself. */
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1 ||
	    dtlsv1_listen_set_budget(ctx, BUDGET) != 1)
		die("loading the certificate and key");
	open_listener(argv[1], argv[2]);
	while (most < 0 || n_gone < most) {
		fds[0].events = time(NULL) < listen_again ? 0 : POLLIN;
		if (poll(fds, 1 + (nfds_t)n_clients, next_timer()) == -1)
			die("poll");
		/* From the last: forget() puts the last in the place of one. */
		for (int i = n_clients - 1; i >= 0; i--)
			if (fds[1 + i].revents != 0) {
				clients[i].heard = time(NULL);
				step(i);
			}
		run_timers();
		if (fds[0].revents != 0)
			listen_for_clients(ctx);
	}
	return 0;
}
