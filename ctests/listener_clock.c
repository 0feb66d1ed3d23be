/*
 * The wall clock is set while a listener works, forwards, backwards and behind
 * 2038: its timers go by a clock that nobody sets. libssl's own go by the wall
 * clock, and repeat a flight early or late by as much; no client is lost by that.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/clock_time.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define YEAR (366L * 86400)

static SSL_CTX *ctx;

/* By how many seconds the wall clock is wrong, and how often somebody looked at it. */
static time_t ahead;
static long looks;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = kernel_clock(id, now);

	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
		now->tv_sec += ahead;
		looks++;
	}
	return ret;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	now->tv_sec = t.tv_sec;
	now->tv_usec = t.tv_nsec / 1000;
	return 0;
}

/* A client is served; the clock is set in the middle, by so much, while a flight is lost. */
static void
test_set(const char *what, time_t from, time_t by)
{
	struct dtlsv1_listen_stats before, after;
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener;
	int turns, done = 0;
	SSL *ssl;

	check_case(what);
	ahead = from;
	looks = 0;
	listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	NEED(get_stats(&before, sizeof(before)) == 1);
	caller_init(&caller, &at);
	(void)caller_step(&caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 0);
	(void)net_readable(caller.fd, 1000);
	(void)caller_step(&caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	ssl = lf.next(listener, NULL);
	NEED(ssl != NULL);
	tls_impatient(ssl);
	CHECK_INT(SSL_accept(ssl), -1);
	ERR_clear_error();
	(void)net_readable(caller.fd, 1000);
	if (by >= 0)
		caller_drain(&caller);
	ahead += by;
	for (turns = 0; turns < 100; turns++) {
		int news = 0;

		CHECK(lf.run(listener, 50) >= 0);
		while (lf.next(listener, &news) == ssl) {
			CHECK_INT(news, DTLSV1_NEWS_READABLE);
			(void)SSL_accept(ssl);
			ERR_clear_error();
		}
		done = caller_step(&caller);
		if (done && SSL_is_init_finished(ssl))
			break;
	}
	CHECK(turns < 100);
	if (turns < 100)
		exchange(listener, ssl, &caller, "in any year");
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_overdue - before.listener_overdue, 0);
	CHECK(looks > 0);
	/* Nor does it keep the program awake. */
	for (turns = 0; turns < 20 && net_readable(lf.fd(listener), 100); turns++)
		CHECK_INT(lf.run(listener, 0), 0);
	CHECK(turns < 20);
	SSL_free(ssl);
	lf.free(listener);
	caller_free(&caller);
	ahead = 0;
}

int
main(void)
{
	check_begin("listener_clock");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_set("as it is", 0, 0);
	test_set("a day ahead", 0, 86400);
	test_set("thirteen years ahead, past 2038", 0, 13 * YEAR);
	test_set("an hour back", 0, -3600);
	test_set("forty years back", 0, -40 * YEAR);
	test_set("2040, a minute ahead", 14 * YEAR, 60);
	test_set("2107", 80 * YEAR, 1);
	SSL_CTX_free(ctx);
	return check_end();
}
