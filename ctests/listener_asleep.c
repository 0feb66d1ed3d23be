/*
 * A program that sleeps on the listener's descriptor is woken as long as anything
 * is left for it: if it takes one client with each wake, or none, and if it is
 * told of edges alone (EPOLLET).
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CALLERS = 6 };

static SSL_CTX *ctx;

/* Watches a listener, by edges or not. */
static int
watch(dtlsv1_listener *listener, int edges)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (edges)
		event.events |= EPOLLET;
	NEED(epoll >= 0);
	NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, lf.fd(listener), &event) == 0);
	return epoll;
}

static int
wakes(int epoll, int ms)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, ms);
}

/* Until the program would sleep for long. */
static void
settle(dtlsv1_listener *listener, int epoll)
{
	while (wakes(epoll, 30) == 1)
		(void)listener_turn(listener, NULL, 0);
}

static void
end(dtlsv1_listener *listener, int epoll, struct caller callers[CALLERS], SSL *ssls[CALLERS])
{
	int i;

	for (i = 0; i < CALLERS; i++) {
		SSL_free(ssls[i]);
		caller_free(&callers[i]);
	}
	close(epoll);
	lf.free(listener);
}

/* They all say something at once; each is told of, though each wake brings one. */
static void
test_one_each(int edges, int takes_none)
{
	struct address at;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct caller callers[CALLERS];
	SSL *ssls[CALLERS], *ssl;
	int epoll = watch(listener, edges), told = 0, turns, i, news;
	char line[8];

	check_case(edges ? "edges" : takes_none ? "none with the first wake" : "levels");
	for (i = 0; i < CALLERS; i++) {
		caller_init(&callers[i], &at);
		ssls[i] = listener_serve(listener, &callers[i]);
	}
	settle(listener, epoll);
	for (i = 0; i < CALLERS; i++)
		CHECK_INT(SSL_write(callers[i].ssl, "one", 3), 3);
	for (turns = 0; told < CALLERS && turns < 10 * CALLERS; turns++) {
		if (wakes(epoll, 500) != 1)
			break;
		NEED(lf.run(listener, 0) >= 0);
		if (turns == 1 && takes_none)
			continue;
		ssl = lf.next(listener, &news);
		if (ssl == NULL)
			continue;
		CHECK_INT(SSL_read(ssl, line, sizeof(line)), 3);
		CHECK_INT(SSL_read(ssl, line, sizeof(line)), -1);
		ERR_clear_error();
		told++;
	}
	CHECK_INT(told, CALLERS);
	/* And then it may sleep: once more, for what was told of meanwhile, at most. */
	for (turns = 0; wakes(epoll, 30) == 1 && turns < 10; turns++)
		NEED(lf.run(listener, 0) == 0);
	CHECK(turns <= 1);
	end(listener, epoll, callers, ssls);
}

/* New clients, of whom accept() gives one with each wake. */
static void
test_accepts(int edges)
{
	struct address at;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct caller callers[CALLERS];
	SSL *ssls[CALLERS] = { NULL };
	int epoll = watch(listener, edges), told = 0, turns, i;

	check_case(edges ? "new ones, edges" : "new ones, levels");
	for (i = 0; i < CALLERS; i++) {
		caller_init(&callers[i], &at);
		(void)caller_step(&callers[i]);
	}
	for (i = 0; i < CALLERS && wakes(epoll, 500) == 1; i++)
		NEED(lf.run(listener, 0) == 0);
	for (i = 0; i < CALLERS; i++) {
		NEED(net_readable(callers[i].fd, 1000));
		(void)caller_step(&callers[i]);
	}
	for (turns = 0; told < CALLERS && turns < 10 * CALLERS; turns++) {
		if (wakes(epoll, 500) != 1)
			break;
		if (turns % 2 == 0 && lf.run(listener, 0) == 1)
			ssls[told] = lf.next(listener, NULL);
		else
			ssls[told] = lf.accept(listener, 0);
		told += ssls[told] != NULL;
	}
	CHECK_INT(told, CALLERS);
	end(listener, epoll, callers, ssls);
}

/*
 * More strangers than one turn answers, then no more. Whoever is told of edges
 * alone has to be told again.
 */
static void
test_many_strangers(int edges)
{
	enum { STRANGERS = 700 };
	static unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 107, 1, 0, 0,
		95, 0, 0, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };
	struct dtlsv1_listen_stats before, after;
	struct address at;
	dtlsv1_listener *listener =
	    listener_at(ctx, "127.0.0.1", OPTIONS(.flags = DTLSV1_LISTENER_ONE_SOCKET), &at);
	int epoll = watch(listener, edges), fd, i, turns;

	check_case(edges ? "many strangers, edges" : "many strangers, levels");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	NEED(fd >= 0 && connect(fd, (struct sockaddr *)&at.any, at.len) == 0);
	NEED(get_stats(&before, sizeof(before)) == 1);
	for (i = 0; i < STRANGERS; i++)
		NEED(send(fd, hello, sizeof(hello), 0) == sizeof(hello));
	for (turns = 0; wakes(epoll, 300) == 1 && turns < STRANGERS; turns++)
		NEED(lf.run(listener, 0) == 0);
	NEED(get_stats(&after, sizeof(after)) == 1);
	NEED(!net_readable(lf.fd(listener), 0) || edges);
	/* What the kernel had no room for did not come. */
	CHECK(after.datagrams - before.datagrams >= 100);
	NEED(lf.run(listener, 0) == 0);
	before = after;
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.datagrams - before.datagrams, 0);
	close(fd);
	close(epoll);
	lf.free(listener);
}

static volatile sig_atomic_t signals;

static void
on_signal(int number)
{
	(void)number;
	signals++;
}

/* The same while signals come all the time: nothing fails of it. */
static void
test_signals(void)
{
	const struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction act = { .sa_handler = on_signal };
	struct address at;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct caller caller;
	char line[16] = "";
	SSL *ssl;
	int i, n, turns, fd;

	check_case("signals");
	NEED(sigaction(SIGALRM, &act, NULL) == 0);
	NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (i = 0; i < 5; i++) {
		caller_init(&caller, &at);
		for (ssl = NULL, turns = 0; ssl == NULL && turns < 2000; turns++) {
			(void)caller_step(&caller);
			ssl = lf.accept(listener, 20);
			CHECK_QUEUED(0);
		}
		NEED(ssl != NULL);
		for (turns = 0; turns < 2000; turns++) {
			(void)caller_step(&caller);
			NEED(lf.run(listener, 20) >= 0);
			(void)lf.next(listener, NULL);
			ERR_clear_error();
			/* Called once more, LibreSSL's would begin anew. */
			n = SSL_is_init_finished(ssl) ? 1 : SSL_accept(ssl);
			if (n == 1 && SSL_is_init_finished(caller.ssl))
				break;
			CHECK(n == 1 || SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ);
		}
		ERR_clear_error();
		CHECK(SSL_is_init_finished(ssl) && SSL_is_init_finished(caller.ssl));
		fd = lf.detach(ssl);
		CHECK(fd >= 0);
		/* A read that waits is ended, and may be called again. */
		n = SSL_read(ssl, line, sizeof(line));
		CHECK_INT(n, -1);
		CHECK_INT(SSL_get_error(ssl, n), SSL_ERROR_WANT_READ);
		ERR_clear_error();
		CHECK_INT(SSL_write(caller.ssl, "there", 5), 5);
		for (turns = 0; turns < 2000 && (n = SSL_read(ssl, line, sizeof(line))) <= 0;
		    turns++) {
			CHECK_INT(SSL_get_error(ssl, n), SSL_ERROR_WANT_READ);
			ERR_clear_error();
		}
		CHECK_STR(line, "there");
		SSL_free(ssl);
		caller_free(&caller);
	}
	NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(signals > 0);
	lf.free(listener);
}

int
main(void)
{
	check_begin("listener_asleep");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_one_each(0, 0);
	test_one_each(0, 1);
	test_one_each(1, 0);
	test_accepts(0);
	test_accepts(1);
	test_many_strangers(0);
	test_many_strangers(1);
	test_signals();
	SSL_CTX_free(ctx);
	return check_end();
}
