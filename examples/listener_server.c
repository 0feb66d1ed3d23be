/*
 * A DTLS server with one thread, one port and any number of clients: it answers
 * each message with the same bytes.
 *
 *	cc listener_server.c -o listener_server -ldtlsv1_listen -lssl -lcrypto
 *	./listener_server ADDRESS PORT CERTIFICATE.pem KEY.pem
 *
 * :: serves IPv4 as well. Copy what you need.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* ppoll(); getaddrinfo() under -std=c11 */

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

static volatile sig_atomic_t stopping;

static void
stop(int signal)
{
	stopping = signal;
}

static void
die(const char *what)
{
	fprintf(stderr, "listener_server: %s failed\n", what);
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

/* With the port that the system chose for 0. */
static void
say_where(const dtlsv1_listener *listener)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (dtlsv1_listener_address(listener, (struct sockaddr *)&at, &len) == 1 &&
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		printf("listening on %s port %s\n", host, port);
	fflush(stdout);
}

/* Whatever there is to do for one client, until it has to send something. */
static void
serve(SSL *ssl, int news)
{
	char message[2048];
	int n;

	if (news & (DTLSV1_NEWS_REPLACED | DTLSV1_NEWS_OVERDUE)) {
		SSL_free(ssl);
		return;
	}
	ERR_clear_error();
	while ((n = SSL_read(ssl, message, sizeof(message))) > 0)
		SSL_write(ssl, message, n);
	switch (SSL_get_error(ssl, n)) {
	case SSL_ERROR_WANT_READ: /* more news when it has sent more */
	case SSL_ERROR_WANT_WRITE: return;
	case SSL_ERROR_ZERO_RETURN: /* it has said that it is done */ SSL_shutdown(ssl); break;
	}
	SSL_free(ssl);
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV },
			*at;
	struct pollfd ready = { .events = POLLIN };
	sigset_t ending, before;
	dtlsv1_listener *listener;
	SSL_CTX *ctx;
	SSL *ssl;
	int news, error;

	if (argc != 5) {
		fprintf(stderr,
		    "usage: listener_server ADDRESS PORT "
		    "CERTIFICATE.pem KEY.pem\n");
		return 2;
	}
	/* They come while ppoll() waits, and at no other time: so none comes between the look
	 * at `stopping` and the wait, to be seen when the next client sends something. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, &before);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	error = getaddrinfo(argv[1], argv[2], &hints, &at);
	if (error != 0) {
		fprintf(stderr, "listener_server: %s port %s: %s\n", argv[1], argv[2],
		    gai_strerror(error));
		return 1;
	}
	ctx = server_ctx(argv[3], argv[4]);
	listener = dtlsv1_listener_bind(ctx, at->ai_addr, at->ai_addrlen, NULL);
	if (listener == NULL)
		die("listening on that address and port");
	freeaddrinfo(at);
	say_where(listener);

	ready.fd = dtlsv1_listener_fd(listener);
	while (!stopping) {
		/* A program without signals leaves ppoll() out, and passes -1. */
		if (ppoll(&ready, 1, NULL, &before) == -1 && errno != EINTR)
			die("ppoll");
		if (dtlsv1_listener_run(listener, 0) == -1)
			die("dtlsv1_listener_run");
		while ((ssl = dtlsv1_listener_next(listener, &news)) != NULL)
			serve(ssl, news);
	}
	dtlsv1_listener_free(listener);
	SSL_CTX_free(ctx);
	return 0;
}
