/*
 * An echo server for many clients on one socket, which libssl never sees: poll(),
 * recvfrom(), sendto(), and memory BIOs. So would an event loop, io_uring or
 * another language's runtime do it. Nothing is kept for a client until it has
 * proved its address.
 *
 *	cc sans_io.c -o sans_io -ldtlsv1_listen -lssl -lcrypto
 *	./sans_io ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]
 *
 * ADDRESS may be IPv4 or IPv6; PORT 0 takes a free one. With CLIENTS it ends
 * after so many have come and gone. Copy what you need.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* getaddrinfo() and friends under -std=c11 */

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

#define MOST 100  /* clients at a time */
#define IDLE 20   /* seconds until a silent client is given up */
#define MTU  1200 /* bytes of a datagram that every path is likely to carry */

static struct client {
	SSL *ssl; /* NULL: free */
	struct sockaddr_storage addr;
	socklen_t len;
	time_t heard;
	int accepted;
} clients[MOST];
static SSL_CTX *ctx;
static int fd, n_gone;

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* "127.0.0.1:4433" or "[::1]:4433"; the string is this function's own. */
static const char *
name_of(const struct sockaddr_storage *addr, socklen_t len)
{
	static char name[NI_MAXHOST + NI_MAXSERV + 4];
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	getnameinfo((const struct sockaddr *)addr, len, host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, sizeof(name), addr->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return name;
}

static void
open_socket(const char *address, const char *port)
{
	struct addrinfo hints = { 0 }, *info;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int error;

	hints.ai_socktype = SOCK_DGRAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	error = getaddrinfo(address, port, &hints, &info);
	if (error != 0) {
		fprintf(stderr, "%s port %s: %s\n", address, port, gai_strerror(error));
		exit(1);
	}
	if ((fd = socket(info->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) == -1 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) == -1)
		die(address);
	freeaddrinfo(info);
	printf(
	    "listening on %s, libdtlsv1_listen %s\n", name_of(&own, len), dtlsv1_listen_version());
}

/*
 * What libssl has written. A memory BIO does not tell where a datagram ended, and
 * a record does: as many go into one as fit.
 */
static void
flush(struct client *c)
{
	unsigned char *out;
	long left = BIO_get_mem_data(SSL_get_wbio(c->ssl), &out);
	long n, record;

	for (; left > 0; out += n, left -= n) {
		for (n = 0; left - n >= 13; n += record) {
			record = 13 + (out[n + 11] << 8 | out[n + 12]);
			if (n > 0 && n + record > MTU)
				break;
		}
		if (n == 0)
			break;
		sendto(fd, out, (size_t)n, 0, (struct sockaddr *)&c->addr, c->len);
	}
	(void)BIO_reset(SSL_get_wbio(c->ssl));
}

static void
forget(struct client *c, const char *why)
{
	printf("%s: %s\n", name_of(&c->addr, c->len), why);
	SSL_free(c->ssl);
	c->ssl = NULL;
	n_gone++;
}

/* After a datagram: the handshake, or echoes, as far as they go. */
static void
serve(struct client *c)
{
	char line[2048];
	int n = 1;

	ERR_clear_error();
	if (!c->accepted) {
		n = SSL_accept(c->ssl);
		if (n == 1) {
			c->accepted = 1;
			printf("%s: accepted\n", name_of(&c->addr, c->len));
		}
	}
	while (c->accepted && (n = SSL_read(c->ssl, line, sizeof(line))) > 0)
		SSL_write(c->ssl, line, n);
	n = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
	if (n == SSL_ERROR_ZERO_RETURN)
		SSL_shutdown(c->ssl);
	flush(c);
	if (n == SSL_ERROR_ZERO_RETURN)
		forget(c, "closed");
	else if (n != SSL_ERROR_NONE && n != SSL_ERROR_WANT_READ)
		forget(c, "failed");
}

static void
heard(struct client *c, const unsigned char *datagram, size_t len)
{
	c->heard = time(NULL);
	BIO_write(SSL_get_rbio(c->ssl), datagram, (int)len);
	serve(c);
}

/* A client whose cookie was right: an SSL goes on from its hello. */
static void
begin(
    const unsigned char *hello, size_t len, const struct sockaddr_storage *peer, socklen_t peer_len)
{
	struct client *c = clients;

	while (c < clients + MOST && c->ssl != NULL)
		c++;
	if (c == clients + MOST)
		return; /* no room: it asks again */
	memset(c, 0, sizeof(*c));
	c->addr = *peer;
	c->len = peer_len;
	c->heard = time(NULL);
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL)
		die("SSL_new");
	SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (dtlsv1_listen_adopt(c->ssl, hello, len, (struct sockaddr *)peer, peer_len) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_free(c->ssl);
		c->ssl = NULL;
		return;
	}
	/* After it, since it begins with a clean SSL. */
	SSL_set_options(c->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(c->ssl, MTU);
	serve(c);
}

static void
receive(void)
{
	static unsigned char datagram[DTLSV1_LISTEN_OUT_MAX], out[DTLSV1_LISTEN_OUT_MAX];
	struct sockaddr_storage peer;
	struct client *c;
	socklen_t len;
	size_t out_len;
	ssize_t n;

	for (;;) {
		len = sizeof(peer);
		n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&peer, &len);
		if (n == -1)
			return;
		for (c = clients; c < clients + MOST; c++)
			if (c->ssl != NULL && c->len == len && memcmp(&c->addr, &peer, len) == 0)
				break;
		if (c < clients + MOST) {
			heard(c, datagram, (size_t)n);
			continue;
		}
		out_len = sizeof(out);
		switch (dtlsv1_listen_datagram(
		    ctx, datagram, (size_t)n, (struct sockaddr *)&peer, len, out, &out_len)) {
		case DTLSV1_LISTEN_ANSWER:
			sendto(fd, out, out_len, 0, (struct sockaddr *)&peer, len);
			break;
		case DTLSV1_LISTEN_ADMIT: begin(out, out_len, &peer, len); break;
		case -1: die("dtlsv1_listen_datagram");
		}
	}
}

/* Repeats what is due; milliseconds until something is again. */
static int
timers(void)
{
	struct timeval left;
	struct client *c;
	int ms, next = 1000;

	for (c = clients; c < clients + MOST; c++) {
		if (c->ssl == NULL)
			continue;
		if (DTLSv1_handle_timeout(c->ssl) > 0)
			flush(c);
		if (time(NULL) - c->heard > IDLE) {
			forget(c, "silent");
		} else if (DTLSv1_get_timeout(c->ssl, &left)) {
			ms = (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
			next = ms < next ? ms : next;
		}
	}
	return next;
}

int
main(int argc, char **argv)
{
	struct pollfd readable = { .events = POLLIN };

	if (argc < 5 || argc > 6) {
		fprintf(stderr,
		    "usage: sans_io ADDRESS PORT CERTIFICATE.pem KEY.pem "
		    "[CLIENTS]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ctx = SSL_CTX_new(DTLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1)
		die("loading the certificate and key");
	SSL_CTX_set_read_ahead(ctx, 1); /* LibreSSL reads a datagram in pieces without */
	open_socket(argv[1], argv[2]);
	readable.fd = fd;
	while (argc < 6 || n_gone < atoi(argv[5])) {
		poll(&readable, 1, timers());
		receive();
	}
	SSL_CTX_free(ctx);
	return 0;
}
