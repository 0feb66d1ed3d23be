/*
 * The filter on a listening socket: dtlsv1_listen_set_socket_filter() and
 * DTLSV1_LISTEN_FILTER. Garbage does not arrive while the socket listens; a
 * handshake on the same socket does, and data after it.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SO_GET_FILTER
#define SO_GET_FILTER 26
#endif

static int (*set_socket_filter)(SSL_CTX *, int);

/* How many instructions it has. */
static int
filter_of(int fd)
{
	socklen_t len = 0;

	CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &len), 0);
	return (int)len;
}

/* Does it arrive? */
static int
arrives(int fd, const struct address *to, const void *datagram, size_t len)
{
	struct address own;
	unsigned char room[2048];
	int other = net_bound(to->any.ss_family, &own), arrived;

	net_send(other, datagram, len, to);
	net_settle();
	arrived = net_readable(fd, 50);
	if (arrived)
		CHECK(recv(fd, room, sizeof(room), 0) == (ssize_t)len);
	net_close(other, &own);
	return arrived;
}

static int
garbage_arrives(int fd, const struct address *to)
{
	unsigned char garbage[100];

	memset(garbage, 0x5a, sizeof(garbage));
	return arrives(fd, to, garbage, sizeof(garbage));
}

static void
one(int family, int by_call)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct sockaddr_storage peer;
	struct address own;
	struct client client;
	struct hello h;
	int fd = net_nonblocking(net_bound(family, &own)), ret;
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server_on(ctx, b, b), *next;

	CHECK(garbage_arrives(fd, &own));
	if (by_call)
		CHECK_INT(set_socket_filter(ctx, 1), 1);
	CHECK_INT(listen_to(ssl, &peer), 0);
	CHECK_QUEUED(0);
	CHECK_INT(filter_of(fd), 12);
	CHECK(!garbage_arrives(fd, &own));
	CHECK(!arrives(fd, &own, "", 0));
	hello_make(&h, NULL, 0);
	CHECK(arrives(fd, &own, h.byte, h.len));
	CHECK_INT(listen_to(ssl, &peer), 0);

	client_start(&client, &own);
	do {
		net_wait(fd);
		ret = listen_to(ssl, &peer);
	} while (ret == 0);
	CHECK_INT(ret, 1);
	CHECK_INT(filter_of(fd), 0);
	net_connect(fd, &client.own);
	BIO_ctrl_set_connected(b, &peer);
	serve(ssl);
	client_join(&client);

	/* Connected: never, whoever listens on it. */
	next = tls_server_on(ctx, BIO_new_dgram(fd, BIO_NOCLOSE), NULL);
	SSL_set_bio(next, SSL_get_rbio(next), SSL_get_rbio(next));
	CHECK_INT(listen_to(next, &peer), 0);
	CHECK_INT(filter_of(fd), 0);
	SSL_free(next);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

static void
test_switch(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct address own;
	int fd = net_nonblocking(net_bound(AF_INET, &own));
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server_on(ctx, b, b);

	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(filter_of(fd), 0); /* off unless it is asked for */
	CHECK_INT(set_socket_filter(ctx, 2), 0);
	ERR_clear_error();
	CHECK_INT(set_socket_filter(NULL, 1), 0);
	ERR_clear_error();
	CHECK_INT(set_socket_filter(ctx, 1), 1);
	CHECK_INT(filter_of(fd), 0);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(filter_of(fd), 12);
	CHECK_INT(set_socket_filter(ctx, 0), 1);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(filter_of(fd), 0);
	CHECK(garbage_arrives(fd, &own));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

int
main(int argc, char **argv)
{
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_set_socket_filter");

	check_begin("socket_filter");
	NEED(at != NULL);
	memcpy(&set_socket_filter, &at, sizeof(at));
	if (argc > 1) {
		one(AF_INET, 0);
		return check_end();
	}
	test_switch();
	one(AF_INET, 1);
	if (net_has_ipv6("socket_filter, IPv6"))
		one(AF_INET6, 1);
	if (check_failures() == 0) {
		/* By the environment, which is read once. */
		setenv("DTLSV1_LISTEN_FILTER", "1", 1);
		fflush(NULL);
		/* Under valgrind, /proc/self/exe would be valgrind. */
		NEED(execl(argv[0], argv[0], "again", (char *)NULL) == 0);
	}
	return check_end();
}
