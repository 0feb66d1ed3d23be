/*
 * Nobody but the listener keeps time: a flight is repeated though nothing
 * comes, one descriptor says when, and a handshake that does not end is told
 * of. The flights have the size that the path carries.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* The process's clock, which this file can stop. */
static time_t stopped_at;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = kernel_clock(id, now);

	if (stopped_at != 0 && id == CLOCK_MONOTONIC) {
		now->tv_sec = stopped_at;
		now->tv_nsec = 0;
	}
	return ret;
}

/* Both hellos; the listener's SSL, to be accepted. */
static SSL *
accepted(dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl;

	caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 0);
	(void)net_readable(caller->fd, 1000);
	caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	ssl = lf.next(listener, NULL);
	NEED(ssl != NULL);
	return ssl;
}

/* Datagrams that have come, and the longest. */
static int
drain(struct caller *caller, ssize_t *longest)
{
	unsigned char datagram[4096];
	ssize_t n;
	int count = 0;

	*longest = 0;
	while ((n = recv(caller->fd, datagram, sizeof(datagram), 0)) > 0) {
		count++;
		*longest = n > *longest ? n : *longest;
	}
	return count;
}

static void
test_repeats(void)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	ssize_t longest;
	struct timeval left = { 1, 1 };
	/* Where its time_t is wider than a long, a timer's microseconds are not seen: one look more. */
	const int looks = sizeof(time_t) > sizeof(long) ? 3 : 2;
	int first, again, turns;
	SSL *ssl;

	check_case("a flight that is not answered");
	caller_init(&caller, &at);
	ssl = accepted(listener, &caller);
	tls_impatient(ssl); /* half a second, or libssl's second */
	CHECK_INT(SSL_accept(ssl), -1);
	ERR_clear_error();
	first = drain(&caller, &longest);
	CHECK(first > 0);
	/*
	 * Nothing comes: the descriptor alone says that there is work, and not too early; but libssl
	 * sets its timer with each message of a flight, and the first one's may be looked at.
	 */
	for (turns = 0; turns < looks && (left.tv_sec != 0 || left.tv_usec != 0); turns++) {
		if (turns > 0)
			CHECK_INT(lf.run(listener, 0), 0);
		CHECK(net_readable(lf.fd(listener), 3000));
		CHECK_INT(DTLSv1_get_timeout(ssl, &left), 1);
	}
	CHECK(left.tv_sec == 0 && left.tv_usec == 0);
	for (again = turns = 0; again == 0 && turns < 40; turns++) {
		CHECK_INT(lf.run(listener, 100), 0);
		again = drain(&caller, &longest);
	}
	CHECK(again > 0); /* libssl sends the messages one by one now */
	CHECK_QUEUED(0);
	SSL_free(ssl);
	/* It waits no more; what the timer was set for may yet be looked at. */
	(void)net_readable(lf.fd(listener), 1200);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK(!net_readable(lf.fd(listener), 1200));
	lf.free(listener);
	caller_free(&caller);
}

static void
test_overdue(void)
{
	struct dtlsv1_listen_stats before, after;
	struct address at;
	struct caller slow, quick;
	dtlsv1_listener *listener =
	    listener_at(ctx, "127.0.0.1", OPTIONS(.handshake_seconds = 1), &at);
	SSL *late, *in_time, *told = NULL;
	struct timespec now;
	int news = 0, turns;

	check_case("a handshake that does not end");
	/* However long the other handshake takes here, it is in time. */
	NEED(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	stopped_at = now.tv_sec;
	NEED(get_stats(&before, sizeof(before)) == 1);
	caller_init(&slow, &at);
	caller_init(&quick, &at);
	late = accepted(listener, &slow);
	tls_patient(late);
	(void)SSL_accept(late);
	ERR_clear_error();
	in_time = listener_serve(listener, &quick);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK(lf.next(listener, NULL) == NULL);
	stopped_at = 0;
	for (turns = 0; told == NULL && turns < 50; turns++) {
		CHECK(lf.run(listener, 100) >= 0);
		told = lf.next(listener, &news);
	}
	CHECK(told == late && told != in_time);
	CHECK_INT(news, DTLSV1_NEWS_OVERDUE);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_overdue - before.listener_overdue, 1);
	CHECK(lf.next(listener, NULL) == NULL);
	SSL_free(late);
	exchange(listener, in_time, &quick, "in time");
	SSL_free(in_time);
	lf.free(listener);
	caller_free(&slow);
	caller_free(&quick);
}

/* The certificate's flight: as few datagrams as the path allows. */
static void
test_mtu(unsigned int mtu, const char *ip, ssize_t most)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, ip, OPTIONS(.mtu = mtu), &at);
	ssize_t longest;
	int count;
	SSL *ssl;

	check_case(ip);
	caller_init(&caller, &at);
	ssl = accepted(listener, &caller);
	CHECK_INT(SSL_accept(ssl), -1);
	ERR_clear_error();
	count = drain(&caller, &longest);
	CHECK(longest <= most);
	if (mtu == 0)
		CHECK_INT(count, 1); /* at 228 bytes it would be 3 and more */
	else
		CHECK(longest == most && count >= 2);
	SSL_free(ssl);
	lf.free(listener);
	caller_free(&caller);
}

int
main(void)
{
	check_begin("listener_timers");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_repeats();
	test_overdue();
	test_mtu(0, "127.0.0.1", 1252);
	test_mtu(300, "127.0.0.1", 300);
	if (net_has_ipv6("the size of an IPv6 flight"))
		test_mtu(0, "::1", 1232);
	SSL_CTX_free(ctx);
	return check_end();
}
