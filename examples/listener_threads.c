/*
 * A DTLS server with a thread for each client: a listener accepts them on one
 * port, and gives each a socket of its own. It answers each message with the
 * same bytes.
 *
 *	cc listener_threads.c -o listener_threads -ldtlsv1_listen -lssl -lcrypto -pthread
 *	./listener_threads ADDRESS PORT CERTIFICATE.pem KEY.pem
 *
 * For hundreds of clients; listener_server.c is for thousands.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* getaddrinfo() under -std=c11 */

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

#define PATIENCE 60 /* seconds that a client may be silent */

static void
die(const char *what)
{
	fprintf(stderr, "listener_threads: %s failed\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static SSL_CTX *
server_ctx(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());

	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("loading the certificate and key");
	return ctx;
}

/* The socket blocks: no poll(), no timers. */
static void *
serve(void *arg)
{
	SSL *ssl = arg;
	char message[2048];
	int n;

	if (SSL_accept(ssl) == 1) {
		while ((n = SSL_read(ssl, message, sizeof(message))) > 0)
			SSL_write(ssl, message, n);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl); /* and the socket with it */
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV },
			*at;
	struct timeval patience = { .tv_sec = PATIENCE };
	dtlsv1_listener *listener;
	pthread_attr_t detached;
	pthread_t thread;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd, error;

	if (argc != 5) {
		fprintf(stderr,
		    "usage: listener_threads ADDRESS PORT "
		    "CERTIFICATE.pem KEY.pem\n");
		return 2;
	}
	error = getaddrinfo(argv[1], argv[2], &hints, &at);
	if (error != 0) {
		fprintf(stderr, "listener_threads: %s port %s: %s\n", argv[1], argv[2],
		    gai_strerror(error));
		return 1;
	}
	ctx = server_ctx(argv[3], argv[4]);
	listener = dtlsv1_listener_bind(ctx, at->ai_addr, at->ai_addrlen, NULL);
	if (listener == NULL)
		die("listening on that address and port");
	freeaddrinfo(at);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	printf("listening on %s port %s\n", argv[1], argv[2]);
	fflush(stdout);

	for (;;) {
		ERR_clear_error();
		ssl = dtlsv1_listener_accept(listener, -1);
		if (ssl == NULL && ERR_peek_error() == 0)
			continue; /* a signal */
		if (ssl == NULL)
			die("dtlsv1_listener_accept");
		fd = dtlsv1_listener_detach(ssl);
		if (fd == -1 ||
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1 ||
		    pthread_create(&thread, &detached, serve, ssl) != 0)
			SSL_free(ssl);
	}
}
