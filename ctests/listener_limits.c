/*
 * What a listener bounds: clients, clients of one address, datagrams that
 * nobody reads, their length. Who was refused comes in once there is room.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static SSL_CTX *ctx;

static void
changes(struct dtlsv1_listen_stats *since, int accepted, int refused)
{
	struct dtlsv1_listen_stats now;

	NEED(get_stats(&now, sizeof(now)) == 1);
	CHECK_INT(now.listener_accepted - since->listener_accepted, accepted);
	CHECK_INT(now.listener_refused - since->listener_refused, refused);
	*since = now;
}

/* From this address. */
static void
caller_from(struct caller *caller, const char *ip, const struct address *at)
{
	struct address own = address_of(ip, 0);

	caller_init(caller, at);
	close(caller->fd);
	caller->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	NEED(bind(caller->fd, (struct sockaddr *)&own.any, own.len) == 0);
	NEED(connect(caller->fd, (const struct sockaddr *)&at->any, at->len) == 0);
	caller_anew(caller);
}

static void
test_clients(int of_one_address)
{
	struct dtlsv1_listen_stats stats;
	struct address at;
	struct caller a, b, c;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1",
	    of_one_address ? OPTIONS(.max_per_address = 1) : OPTIONS(.max_clients = 1), &at);
	SSL *first, *second;

	check_case(of_one_address ? "one of an address" : "one client");
	NEED(get_stats(&stats, sizeof(stats)) == 1);
	caller_from(&a, "127.0.0.1", &at);
	caller_from(&b, "127.0.0.1", &at);
	caller_from(&c, "127.0.0.2", &at);
	first = listener_serve(listener, &a);
	changes(&stats, 1, 0);
	listener_hello(listener, &b);
	changes(&stats, 0, 1);
	CHECK(lf.next(listener, NULL) == NULL);
	if (of_one_address) {
		second = listener_serve(listener, &c);
		changes(&stats, 1, 0);
		SSL_free(second);
	}
	/* To begin anew takes no more room. */
	caller_anew(&a);
	listener_hello(listener, &a);
	changes(&stats, 1, 0);
	second = lf.next(listener, NULL);
	CHECK(second != NULL && second != first);
	SSL_free(first);
	SSL_free(second);
	/* And then there is some. */
	caller_anew(&b);
	SSL_free(listener_serve(listener, &b));
	changes(&stats, 1, 0);
	lf.free(listener);
	caller_free(&a);
	caller_free(&b);
	caller_free(&c);
}

static void
test_queue(void)
{
	struct dtlsv1_listen_stats before, after;
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", OPTIONS(.queue = 3), &at);
	char line[8];
	SSL *ssl;
	int i;

	check_case("a queue");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	NEED(get_stats(&before, sizeof(before)) == 1);
	for (i = 0; i < 5; i++)
		NEED(SSL_write(caller.ssl, "0\0001\0002\0003\0004" + 2 * i, 2) == 2);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_overflows - before.listener_overflows, 2);
	for (i = 0; i < 3; i++) {
		CHECK_INT(SSL_read(ssl, line, sizeof(line)), 2);
		CHECK_INT(line[0], '0' + i);
	}
	CHECK_INT(SSL_read(ssl, line, sizeof(line)), -1);
	CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
	ERR_clear_error();
	SSL_free(ssl);
	lf.free(listener);
	caller_free(&caller);
}

static void
test_length(void)
{
	static const unsigned char zeros[3000];
	struct dtlsv1_listen_stats before, after;
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener =
	    listener_at(ctx, "127.0.0.1", OPTIONS(.max_datagram = 600), &at);
	char line[512] = "";
	SSL *ssl;

	check_case("a length");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	NEED(get_stats(&before, sizeof(before)) == 1);
	NEED(send(caller.fd, zeros, 601, 0) == 601);
	NEED(send(caller.fd, zeros, sizeof(zeros), 0) == sizeof(zeros));
	memset(line, 'x', 500);
	NEED(SSL_write(caller.ssl, line, 500) == 500);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	(void)lf.run(listener, 0);
	CHECK_INT(SSL_read(ssl, line, sizeof(line)), 500);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_unusable - before.listener_unusable, 2);
	SSL_free(ssl);
	lf.free(listener);
	caller_free(&caller);
}

/* Three listeners for three threads: each client comes to one of them. */
static void
test_group(unsigned int flags)
{
	dtlsv1_listener *listeners[3];
	struct address at;
	struct caller caller;
	dtlsv1_listener *probe = listener_at(ctx, "127.0.0.1", NULL, &at);
	int i, k, made = 0;
	SSL *ssl;

	check_case(flags ? "a group of one socket each" : "a group");
	lf.free(probe);
	CHECK_INT(lf.bind_group(
		      ctx, (struct sockaddr *)&at.any, at.len, OPTIONS(.flags = flags), NULL, 3),
	    0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(lf.bind_group(ctx, (struct sockaddr *)&at.any, at.len, OPTIONS(.flags = flags),
		      listeners, 0),
	    0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	NEED(lf.bind_group(ctx, (struct sockaddr *)&at.any, at.len, OPTIONS(.flags = flags),
		 listeners, 3) == 1);
	for (i = 0; i < 12; i++) {
		int own = -1;

		caller_init(&caller, &at);
		caller_step(&caller);
		for (k = 0; k < 3; k++)
			if (net_readable(lf.fd(listeners[k]), own == -1 ? 50 : 0))
				own = k;
		NEED(own != -1);
		made |= 1 << own;
		ssl = listener_serve(listeners[own], &caller);
		exchange(listeners[own], ssl, &caller, "the same one");
		for (k = 0; k < 3; k++)
			CHECK(k == own || !net_readable(lf.fd(listeners[k]), 0));
		SSL_free(ssl);
		caller_free(&caller);
	}
	CHECK(made != 1 && made != 2 && made != 4);
	for (k = 0; k < 3; k++)
		lf.free(listeners[k]);
}

/* A listener each for a parent and its child, made before it was forked off. */
static void
test_fork(void)
{
	dtlsv1_listener *listeners[2];
	struct address at, own = { .len = sizeof(own.any) };
	struct caller caller;
	int shard, status, served = 0;
	pid_t child;
	SSL *ssl;

	check_case("a group and a child");
	listeners[0] = listener_at(ctx, "127.0.0.1", NULL, &at);
	lf.free(listeners[0]);
	NEED(lf.bind_group(ctx, (struct sockaddr *)&at.any, at.len, NULL, listeners, 2) == 1);
	fflush(stdout);
	child = fork();
	NEED(child != -1);
	lf.free(listeners[child == 0 ? 0 : 1]);
	if (child == 0) {
		int before = check_failures();
		char line[16];

		ssl = lf.accept(listeners[1], 20000);
		NEED(ssl != NULL);
		while (SSL_read(ssl, line, sizeof(line)) <= 0) {
			ERR_clear_error();
			NEED(lf.run(listeners[1], 20000) >= 0);
			(void)lf.next(listeners[1], NULL);
		}
		CHECK_INT(SSL_write(ssl, line, 5), 5);
		SSL_free(ssl);
		lf.free(listeners[1]);
		_exit(check_failures() != before);
	}
	while (served != 3) {
		caller_init(&caller, &at);
		NEED(getsockname(caller.fd, (struct sockaddr *)&own.any, &own.len) == 0);
		shard = address_port(&own) % 2;
		if (!(served & 1 << shard) && shard == 0) {
			ssl = listener_serve(listeners[0], &caller);
			exchange(listeners[0], ssl, &caller, "mine");
			SSL_free(ssl);
		} else if (!(served & 1 << shard)) {
			char back[16];

			NEED(fcntl(caller.fd, F_SETFL, 0) == 0);
			CHECK_INT(SSL_connect(caller.ssl), 1);
			CHECK_INT(SSL_write(caller.ssl, "child", 5), 5);
			CHECK_INT(SSL_read(caller.ssl, back, sizeof(back)), 5);
		}
		served |= 1 << shard;
		caller_free(&caller);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	lf.free(listeners[0]);
}

int
main(void)
{
	check_begin("listener_limits");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_clients(0);
	test_clients(1);
	test_queue();
	test_length();
	test_group(0);
	test_group(DTLSV1_LISTENER_ONE_SOCKET);
	test_fork();
	SSL_CTX_free(ctx);
	return check_end();
}
