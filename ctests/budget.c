/*
 * A bound on the challenges of one call: dtlsv1_listen_set_budget() and
 * DTLSV1_LISTEN_BUDGET, and how a caller tells "there may be more" from "there
 * is nothing to read", which under EPOLLET it has to know.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/said.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;

static void
hellos(int n)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	while (n-- > 0)
		queue_put(&wire.in, h.byte, h.len);
}

static SSL *
server(void)
{
	wire_init(&wire);
	return tls_server_wire(ctx, &wire);
}

/* One call that returns 0, and what it sent. */
#define CHECK_SENDS(ssl, challenges, nothing_left) \
	do { \
		CHECK_INT(listen_to((ssl), NULL), 0); \
		CHECK_INT(SSL_get_error((ssl), 0), SSL_ERROR_SYSCALL); \
		CHECK_QUEUED(0); \
		CHECK_INT(queue_len(&wire.out), (challenges)); \
		CHECK_INT(BIO_should_read(SSL_get_rbio(ssl)) != 0, (nothing_left)); \
		queue_clear(&wire.out); \
	} while (0)

static void
test_no_bound(void)
{
	SSL *ssl = server();

	hellos(40);
	CHECK_SENDS(ssl, 40, 1);
	SSL_free(ssl);
}

static void
test_bound(void)
{
	SSL *ssl = server();
	struct hello h;
	int i;

	CHECK_INT(set_budget(ctx, 3), 1);
	CHECK_SENDS(ssl, 0, 1);
	(void)counters_changes();

	hellos(10);
	for (i = 0; i < 3; i++)
		CHECK_SENDS(ssl, 3, 0);
	CHECK_SENDS(ssl, 1, 1);
	CHECK_STR(counters_changes(),
	    "datagrams 10 bytes_in 910 "
	    "challenges 10 bytes_out 480 budgets_spent 3");

	/* As many as the budget: that nothing is left shows in the next. */
	hellos(3);
	CHECK_SENDS(ssl, 3, 0);
	CHECK_SENDS(ssl, 0, 1);

	/* A wrong cookie costs as much as none. */
	hello_make(&h, "wrong", 5);
	for (i = 0; i < 4; i++)
		queue_put(&wire.in, h.byte, h.len);
	CHECK_SENDS(ssl, 3, 0);
	CHECK_SENDS(ssl, 1, 1);

	/* A dropped datagram ends the call anyhow, with its reason. */
	hellos(2);
	queue_put(&wire.in, "bad", 3);
	hellos(1);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&wire.out), 2);
	CHECK_INT(BIO_should_read(SSL_get_rbio(ssl)) != 0, 0);
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	queue_clear(&wire.out);
	CHECK_SENDS(ssl, 1, 1);

	/* The client behind the crowd is accepted in its turn. */
	hellos(5);
	hello_make(&h, app.cookie, app.cookielen);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_SENDS(ssl, 3, 0);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_INT(queue_len(&wire.out), 2);
	SSL_free(ssl);
}

static void
test_changes(void)
{
	SSL *ssl = server();

	CHECK_INT(set_budget(ctx, 1), 1);
	hellos(2);
	CHECK_SENDS(ssl, 1, 0);
	CHECK_SENDS(ssl, 1, 0);
	CHECK_INT(set_budget(ctx, 4294967295U), 1);
	hellos(30);
	CHECK_SENDS(ssl, 30, 1);
	CHECK_INT(set_budget(ctx, 0), 1);
	hellos(30);
	CHECK_SENDS(ssl, 30, 1);

	CHECK_INT(set_budget(NULL, 1), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	SSL_free(ssl);
}

/* An answer that would block is no reason to stop reading: with one BIO both
 * ways the caller is told which of the two it waits for. */
static void
test_write_blocks(void)
{
	SSL *ssl = server();

	CHECK_INT(set_budget(ctx, 2), 1);
	wire.write = WIRE_WRITE_BLOCK;
	hellos(2);
	CHECK_SENDS(ssl, 0, 0);
	CHECK_INT(BIO_should_write(SSL_get_rbio(ssl)) != 0, 1);
	SSL_free(ssl);
	CHECK_INT(set_budget(ctx, 0), 1);
}

#define FLOOD 60

static int
pending(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0);
}

/* Edge-triggered: one wake-up for all that has come. A loop that goes by the
 * return value alone stalls; one that asks the BIO answers everybody. */
static void
test_edge_triggered(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct address own, from;
	int fd = net_nonblocking(net_bound(AF_INET, &own));
	int client = net_bound(AF_INET, &from), epoll = epoll_create1(0);
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server_on(ctx, b, b);
	struct hello h;
	int calls = 0, i;

	NEED(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	CHECK_INT(set_budget(ctx, 7), 1);
	hello_make(&h, NULL, 0);
	for (i = 0; i < FLOOD; i++)
		net_send(client, h.byte, h.len, &own);
	CHECK_INT(pending(epoll), 1);
	(void)counters_changes();

	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 7 bytes_in 637 challenges 7 "
	    "bytes_out 336 budgets_spent 1");
	CHECK(net_readable(fd, 0));
	CHECK_INT(pending(epoll), 0); /* 53 wait and nobody says so */

	while (!BIO_should_read(SSL_get_rbio(ssl)) && calls < 2 * FLOOD) {
		CHECK_INT(listen_to(ssl, NULL), 0);
		calls++;
	}
	CHECK_INT(calls, 8);
	CHECK_STR(counters_changes(),
	    "datagrams 53 bytes_in 4823 "
	    "challenges 53 bytes_out 2544 budgets_spent 7");
	CHECK(!net_readable(fd, 0));

	CHECK_INT(set_budget(ctx, 0), 1);
	SSL_free(ssl);
	close(epoll);
	net_close(fd, &own);
	net_close(client, &from);
}

/* In a process of its own, since the environment is read once; what it says
 * on stderr comes back. */
static void
in_child(const char *value, int sends, int nothing_left, const char *says)
{
	int status;
	pid_t child;
	SSL *ssl;

	check_case(value);
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		NEED(setenv("DTLSV1_LISTEN_BUDGET", value, 1) == 0);
		ctx = tls_server_ctx();
		app_init(&app);
		app_install(&app, ctx);
		ssl = server();
		hellos(20);
		CHECK_SENDS(ssl, sends, nothing_left);
		/* The call's word counts for more than the environment's. */
		CHECK_INT(set_budget(ctx, 5), 1);
		queue_clear(&wire.in);
		hellos(20);
		CHECK_SENDS(ssl, 5, 0);
		_exit(0); /* what failed is on stderr */
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	CHECK_STR(said(), says);
	check_case(NULL);
}

static void
test_environment(void)
{
	in_child("2", 2, 0, "");
	in_child("0", 20, 1, "");
	in_child("4294967295", 20, 1, "");
	in_child("-1", 20, 1,
	    "dtlsv1_listen: DTLSV1_LISTEN_BUDGET=-1 is not "
	    "understood (it takes a number up to 4294967295); going on with "
	    "no bound\n");
	in_child("4294967296", 20, 1,
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_BUDGET=4294967296 is not understood (it takes a "
	    "number up to 4294967295); going on with no bound\n");
	in_child("ten", 20, 1,
	    "dtlsv1_listen: DTLSV1_LISTEN_BUDGET=ten is "
	    "not understood (it takes a number up to 4294967295); going on "
	    "with no bound\n");
}

int
main(int argc, char **argv)
{
	(void)argc;
	said_begin(argv);
	check_begin("budget");
	counters_init();
	test_environment(); /* before this process has read its own */
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	test_no_bound();
	test_bound();
	test_changes();
	test_write_blocks();
	test_edge_triggered();
	SSL_CTX_free(ctx);
	return check_end();
}
