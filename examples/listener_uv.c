/*
 * A DTLS server in a libuv loop, with any number of clients on one port: it
 * answers each message with the same bytes. What the loop has to know of DTLS is
 * one descriptor; no timers.
 *
 *	cc listener_uv.c -o listener_uv -ldtlsv1_listen -lssl -lcrypto -luv
 *	./listener_uv ADDRESS PORT CERTIFICATE.pem KEY.pem
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE /* what <uv.h> needs under -std=c11 */

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

#include <dtlsv1_listen.h>

static void
die(const char *what)
{
	fprintf(stderr, "listener_uv: %s failed\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
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
	if (SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ)
		return;
	SSL_shutdown(ssl);
	SSL_free(ssl);
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	dtlsv1_listener *listener = poll->data;
	SSL *ssl;
	int news;

	(void)events;
	if (status < 0 || dtlsv1_listener_run(listener, 0) == -1)
		die("dtlsv1_listener_run");
	while ((ssl = dtlsv1_listener_next(listener, &news)) != NULL)
		serve(ssl, news);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_storage at;
	struct sockaddr *addr = (struct sockaddr *)&at;
	dtlsv1_listener *listener;
	uv_poll_t poll;
	SSL_CTX *ctx;

	if (argc != 5 ||
	    (uv_ip4_addr(argv[1], atoi(argv[2]), (struct sockaddr_in *)addr) != 0 &&
		uv_ip6_addr(argv[1], atoi(argv[2]), (struct sockaddr_in6 *)addr) != 0)) {
		fprintf(stderr,
		    "usage: listener_uv ADDRESS PORT "
		    "CERTIFICATE.pem KEY.pem\n");
		return 2;
	}
	ctx = SSL_CTX_new(DTLS_server_method());
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1)
		die("loading the certificate and key");
	listener = dtlsv1_listener_bind(ctx, addr,
	    addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
	    NULL);
	if (listener == NULL)
		die("listening on that address and port");
	uv_poll_init(uv_default_loop(), &poll, dtlsv1_listener_fd(listener));
	poll.data = listener;
	uv_poll_start(&poll, UV_READABLE, on_ready);
	printf("listening on %s port %s\n", argv[1], argv[2]);
	fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
