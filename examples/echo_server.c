/*
 * A DTLS server that answers each message with the same bytes. It serves many
 * clients from one listening socket, and keeps nothing for a client until that
 * has proved its address with a cookie.
 *
 *	cc echo_server.c -o echo_server -ldtlsv1_listen -lssl -lcrypto
 *	./echo_server ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]
 *
 * ADDRESS may be IPv4 or IPv6; PORT 0 takes a free one. With CLIENTS it ends
 * after so many. Copy what you need.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* getaddrinfo() and friends under -std=c11 */

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

#define PATIENCE 20 /* seconds a client may take, in all */

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
die_ssl(const char *what)
{
	if (ERR_peek_error() == 0) /* a system call failed */
		die(what);
	fprintf(stderr, "%s failed\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* "127.0.0.1:4433" or "[::1]:4433"; the string is this function's own. */
static const char *
address_name(const struct sockaddr *addr, socklen_t len)
{
	static char name[NI_MAXHOST + NI_MAXSERV + 4];
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return "(unknown)";
	snprintf(name, sizeof(name), addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return name;
}

/*
 * A UDP socket on addr. The socket of each client has the same address and port
 * as the listening one, so all of them must allow that.
 */
static int
udp_socket(const struct sockaddr *addr, socklen_t len)
{
	int fd, on = 1;

	fd = socket(addr->sa_family, SOCK_DGRAM, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
#ifndef __linux__ /* the BSDs want this one; on Linux it would share out the hellos */
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
#endif
	    bind(fd, addr, len) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
listening_socket(const char *address, const char *port)
{
	struct addrinfo hints = { 0 }, *info;
	int error, fd;

	hints.ai_socktype = SOCK_DGRAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	error = getaddrinfo(address, port, &hints, &info);
	if (error != 0) {
		fprintf(stderr, "%s port %s: %s\n", address, port, gai_strerror(error));
		exit(1);
	}
	fd = udp_socket(info->ai_addr, info->ai_addrlen);
	if (fd == -1)
		die(address);
	freeaddrinfo(info);
	return fd;
}

/*
 * Gives ssl, whose hello has been accepted, a socket that hears this one client
 * only. From now on the client's datagrams come here, and the listening socket
 * is free for the next. (Another client's hello may slip in between bind and
 * connect; libssl drops it here, and that client sends it again.)
 */
static int
connect_to(SSL *ssl, int listener, struct sockaddr_storage *peer, socklen_t peer_len)
{
	struct sockaddr_storage local;
	socklen_t local_len = sizeof(local);
	BIO *bio = SSL_get_rbio(ssl);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&local, &local_len) == -1)
		return -1;
	fd = udp_socket((struct sockaddr *)&local, local_len);
	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)peer, peer_len) == -1) {
		close(fd);
		return -1;
	}
	BIO_set_fd(bio, fd, BIO_CLOSE);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, peer);
	return 0;
}

/* The handshake, then the echo. Runs in a process of its own. */
static int
serve(SSL *ssl, const char *name)
{
	char buf[2048];
	int n;

	alarm(PATIENCE); /* a client that falls silent ends here */
	if (SSL_accept(ssl) != 1) {
		fprintf(stderr, "%s: no handshake\n", name);
		ERR_print_errors_fp(stderr);
		return 1;
	}
	printf("%s: accepted, %s, %s\n", name, SSL_get_version(ssl), SSL_get_cipher(ssl));
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0) {
		printf("%s: echoing %d bytes: %.*s%s", name, n, n, buf,
		    buf[n - 1] == '\n' ? "" : "\n");
		if (SSL_write(ssl, buf, n) != n)
			break;
	}
	SSL_shutdown(ssl);
	printf("%s: closed\n", name);
	return 0;
}

/* Waits for the next client that can be reached at its address. */
static SSL *
next_client(SSL_CTX *ctx, int listener, struct sockaddr_storage *peer)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new_dgram(listener, BIO_NOCLOSE);
	int ret;

	if (ssl == NULL || bio == NULL)
		die_ssl("SSL_new");
	SSL_set_bio(ssl, bio, bio);

	/*
	 * 0 means "not yet": anybody can send a datagram that is no hello, and
	 * with a non-blocking socket it also means that there was nothing to
	 * read. Only a negative value is a failure.
	 */
	do
		ret = DTLSv1_listen(ssl, peer);
	while (ret == 0);
	if (ret < 0)
		die_ssl("DTLSv1_listen");
	return ssl;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	SSL_CTX *ctx;
	SSL *ssl;
	int listener, clients;
	pid_t pid;

	if (argc != 5 && argc != 6) {
		fprintf(stderr,
		    "usage: %s ADDRESS PORT CERTIFICATE.pem KEY.pem "
		    "[CLIENTS]\n",
		    argv[0]);
		return 2;
	}
	clients = argc == 6 ? atoi(argv[5]) : -1;
	setvbuf(stdout, NULL, _IOLBF, 0);

	/* No cookie callbacks: the library makes and checks cookies itself. */
	ctx = SSL_CTX_new(DTLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1)
		die_ssl("loading the certificate and key");

	listener = listening_socket(argv[1], argv[2]);
	if (getsockname(listener, (struct sockaddr *)&addr, &len) == -1)
		die("getsockname");
	printf("listening on %s, libdtlsv1_listen %s\n",
	    address_name((struct sockaddr *)&addr, len), dtlsv1_listen_version());

	for (; clients != 0; clients -= clients > 0) {
		ssl = next_client(ctx, listener, &addr);
		len = addr.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
						   sizeof(struct sockaddr_in);
		if (connect_to(ssl, listener, &addr, len) == -1) {
			perror("cannot connect to the client");
			SSL_free(ssl);
			continue;
		}
		pid = fork();
		if (pid == -1)
			perror("fork");
		if (pid == 0) {
			close(listener);
			_exit(serve(ssl, address_name((struct sockaddr *)&addr, len)));
		}
		SSL_free(ssl); /* the child has its own, with the socket */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (wait(NULL) > 0)
		;
	close(listener);
	SSL_CTX_free(ctx);
	return 0;
}
