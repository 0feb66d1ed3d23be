/*
 * A listener's bounds at their ends: IPv4 clients of an IPv6 listener are counted
 * by their own addresses, who begins anew again and again takes no more than its
 * share, room comes back, and numbers that make no sense do no harm.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <unistd.h>

static SSL_CTX *ctx;

static struct dtlsv1_listen_stats
stats(void)
{
	struct dtlsv1_listen_stats now;

	NEED(get_stats(&now, sizeof(now)) == 1);
	return now;
}

/* From this address. */
static void
caller_from(struct caller *caller, const char *ip, const struct address *at)
{
	struct address own = address_of(ip, 0);

	caller_init(caller, at);
	close(caller->fd);
	caller->fd = socket(own.any.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	NEED(bind(caller->fd, (struct sockaddr *)&own.any, own.len) == 0);
	NEED(connect(caller->fd, (const struct sockaddr *)&at->any, at->len) == 0);
	caller_anew(caller);
}

/* Both hellos: is there a new client? */
static SSL *
comes(dtlsv1_listener *listener, struct caller *caller)
{
	caller_drain(caller);
	caller_anew(caller);
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	(void)net_readable(caller->fd, 1000);
	(void)caller_step(caller);
	NEED(listener_wait(listener));
	return lf.accept(listener, 0);
}

/* Each IPv4 address has a share of its own, though all of them are of one /64. */
static void
test_mapped(void)
{
	struct address at, v4;
	struct caller a, b, c;
	dtlsv1_listener *listener = listener_at(ctx, "::", OPTIONS(.max_per_address = 1), &at);
	SSL *first, *second, *third;

	check_case("IPv4 addresses on ::");
	v4 = address_of("127.0.0.1", address_port(&at));
	caller_from(&a, "127.0.0.1", &v4);
	caller_from(&b, "127.0.0.2", &v4);
	caller_from(&c, "127.0.0.2", &v4);
	first = comes(listener, &a);
	second = comes(listener, &b);
	CHECK(first != NULL && second != NULL);
	CHECK(comes(listener, &c) == NULL);
	SSL_free(second);
	third = comes(listener, &c);
	CHECK(third != NULL);
	SSL_free(first);
	SSL_free(third);
	CHECK_INT(listener_open_ssls(), 0);
	lf.free(listener);
	caller_free(&a);
	caller_free(&b);
	caller_free(&c);
}

/* The old ones are there until they are freed: as many as there may be clients. */
static void
test_anew(int of_one_address)
{
	enum { MOST = 3 };
	struct dtlsv1_listen_stats before = stats(), after;
	struct address at;
	struct caller callers[MOST], one_more;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1",
	    of_one_address ? OPTIONS(.max_clients = MOST, .max_per_address = MOST) :
			     OPTIONS(.max_clients = MOST),
	    &at);
	SSL *old[MOST], *new[MOST];
	int i;

	check_case("anew again and again");
	caller_init(&one_more, &at);
	for (i = 0; i < MOST; i++) {
		caller_init(&callers[i], &at);
		old[i] = comes(listener, &callers[i]);
		NEED(old[i] != NULL);
	}
	CHECK(comes(listener, &one_more) == NULL);
	for (i = 0; i < MOST; i++) {
		new[i] = comes(listener, &callers[i]);
		CHECK(new[i] != NULL);
	}
	CHECK_INT(listener_open_ssls(), 2 * MOST);
	/* And now there is no room for one who begins anew, either, and he is not lost by that. */
	CHECK(comes(listener, &callers[0]) == NULL);
	CHECK(comes(listener, &one_more) == NULL);
	after = stats();
	CHECK_INT(after.listener_refused - before.listener_refused, 3);
	CHECK_INT(after.listener_replaced - before.listener_replaced, MOST);
	SSL_free(old[1]);
	SSL_free(new[0]);
	new[0] = comes(listener, &callers[0]);
	CHECK(new[0] != NULL);
	CHECK(comes(listener, &one_more) == NULL);
	SSL_free(old[0]);
	SSL_free(old[2]);
	SSL_free(new[2]);
	new[2] = comes(listener, &one_more);
	CHECK(new[2] != NULL);
	CHECK_INT(listener_open_ssls(), MOST);
	for (i = 0; i < MOST; i++) {
		SSL_free(new[i]);
		caller_free(&callers[i]);
	}
	CHECK_INT(listener_open_ssls(), 0);
	caller_free(&one_more);
	lf.free(listener);
}

/* Who does not end his handshake is told of once, whatever he sends, and takes room until freed. */
static void
test_overdue(void)
{
	struct dtlsv1_listen_stats before = stats(), after;
	struct address at;
	struct caller slow, other;
	dtlsv1_listener *listener =
	    listener_at(ctx, "127.0.0.1", OPTIONS(.max_clients = 1, .handshake_seconds = 1), &at);
	SSL *ssl, *none = NULL;
	int overdue = 0, turns, news;

	check_case("overdue");
	caller_init(&slow, &at);
	caller_init(&other, &at);
	/* In the accept queue, where the time runs as well. */
	(void)caller_step(&slow);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	(void)net_readable(slow.fd, 1000);
	(void)caller_step(&slow);
	for (turns = 0; turns < 30; turns++)
		NEED(lf.run(listener, 0) >= 0 && usleep(50000) == 0);
	ssl = lf.next(listener, &news);
	NEED(ssl != NULL);
	CHECK(news & DTLSV1_NEWS_ACCEPTED && news & DTLSV1_NEWS_OVERDUE);
	CHECK(lf.next(listener, &news) == NULL);
	for (turns = 0; turns < 15; turns++) {
		(void)send(slow.fd, "\27\376\375\0\1junk and more of it", 22, 0);
		NEED(lf.run(listener, 100) >= 0);
		while ((lf.next(listener, &news)) != NULL)
			overdue += (news & DTLSV1_NEWS_OVERDUE) != 0;
	}
	CHECK_INT(overdue, 0);
	after = stats();
	CHECK_INT(after.listener_overdue - before.listener_overdue, 1);
	CHECK(comes(listener, &other) == NULL);
	SSL_free(ssl);
	ssl = comes(listener, &other);
	CHECK(ssl != NULL);
	SSL_free(ssl);
	CHECK_INT(listener_turn(listener, &none, 1), 0);
	CHECK_INT(listener_open_ssls(), 0);
	caller_free(&slow);
	caller_free(&other);
	lf.free(listener);
}

/* Each number as large or as small as it gets. */
static void
test_absurd(const struct dtlsv1_listener_options *options, int serves)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", options, &at);
	SSL *ssl;

	caller_init(&caller, &at);
	if (serves) {
		ssl = listener_serve(listener, &caller);
		exchange(listener, ssl, &caller, "as ever");
		SSL_free(ssl);
	} else {
		(void)caller_step(&caller);
		NEED(listener_wait(listener) && lf.run(listener, 0) == 0);
		CHECK(!net_readable(caller.fd, 50));
	}
	CHECK_INT(listener_open_ssls(), 0);
	lf.free(listener);
	caller_free(&caller);
}

static void
test_all_absurd(void)
{
	struct address at = address_of("127.0.0.1", 0);

	check_case("absurd numbers");
	test_absurd(OPTIONS(.max_clients = UINT_MAX, .max_per_address = UINT_MAX, .queue = UINT_MAX,
			.handshake_seconds = UINT_MAX),
	    1);
	test_absurd(OPTIONS(.queue = 1, .max_clients = 1, .max_per_address = 1), 1);
	test_absurd(OPTIONS(.max_datagram = 16397), 1);
	test_absurd(OPTIONS(.max_datagram = 1), 0);
	test_absurd(OPTIONS(.mtu = 228), 1);
	test_absurd(OPTIONS(.mtu = 65535), 1);
	test_absurd(OPTIONS(.mtu = UINT_MAX), 1);
	CHECK(lf.bind(ctx, (struct sockaddr *)&at.any, at.len, OPTIONS(.max_datagram = UINT_MAX)) ==
	    NULL);
	ERR_clear_error();
	CHECK(lf.bind(ctx, (struct sockaddr *)&at.any, at.len, OPTIONS(.flags = UINT_MAX)) == NULL);
	ERR_clear_error();
}

int
main(void)
{
	check_begin("listener_bounds");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	if (net_has_ipv6("IPv4 clients of an IPv6 listener"))
		test_mapped();
	test_anew(0);
	test_anew(1);
	test_overdue();
	test_all_absurd();
	SSL_CTX_free(ctx);
	return check_end();
}
