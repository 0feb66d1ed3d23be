/*
 * A listener's clients come, are served and go; on each kind of address.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdio.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* What getsockname() and getpeername() say, as text. */
static const char *
text_of(const struct address *a)
{
	static char text[2][INET6_ADDRSTRLEN];
	static int turn;
	char *to = text[turn++ % 2];
	const void *ip = &((const struct sockaddr_in *)&a->any)->sin_addr;

	if (a->any.ss_family == AF_INET6)
		ip = &((const struct sockaddr_in6 *)&a->any)->sin6_addr;
	return inet_ntop(a->any.ss_family, ip, to, INET6_ADDRSTRLEN);
}

static void
test_one(const char *listen_on, const char *call)
{
	struct caller caller;
	struct address at, to, own, told;
	dtlsv1_listener *listener = listener_at(ctx, listen_on, NULL, &at);
	char want[INET6_ADDRSTRLEN + 8];
	SSL *ssl;

	check_case(listen_on);
	CHECK(!net_readable(lf.fd(listener), 0));
	CHECK_INT(lf.run(listener, 0), 0);
	to = address_of(call, address_port(&at));
	caller_init(&caller, &to);
	ssl = listener_serve(listener, &caller);
	exchange(listener, ssl, &caller, "there and back");

	/* IPv4 on an IPv6 socket: the same as accept(2) would say. */
	own.len = sizeof(own.any);
	NEED(getsockname(caller.fd, (struct sockaddr *)&own.any, &own.len) == 0);
	told.len = sizeof(told.any);
	CHECK_INT(lf.peer(ssl, (struct sockaddr *)&told.any, &told.len), 1);
	CHECK_INT(told.any.ss_family, at.any.ss_family);
	CHECK_INT(told.len, at.len);
	CHECK_INT(address_port(&told), address_port(&own));
	snprintf(want, sizeof(want), "%s%s",
	    told.any.ss_family == own.any.ss_family ? "" : "::ffff:", text_of(&own));
	CHECK_STR(text_of(&told), want);
	told.len = sizeof(told.any);
	CHECK_INT(lf.local(ssl, (struct sockaddr *)&told.any, &told.len), 1);
	snprintf(want, sizeof(want), "%s%s",
	    told.any.ss_family == to.any.ss_family ? "" : "::ffff:", call);
	CHECK_STR(text_of(&told), want);
	CHECK_INT(address_port(&told), address_port(&at));

	SSL_free(ssl);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK(lf.next(listener, NULL) == NULL);
	lf.free(listener);
	caller_free(&caller);
}

/* accept() gives the new ones; the others' news stay, and the fd says so. */
static void
test_accept(void)
{
	struct caller first, second;
	struct address at;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *one, *two;
	int news;

	check_case("accept");
	CHECK(lf.accept(listener, 0) == NULL);
	CHECK(lf.accept(listener, 20) == NULL);
	CHECK_QUEUED(0);
	caller_init(&first, &at);
	caller_step(&first);
	CHECK(lf.accept(listener, 50) == NULL); /* answered, and forgotten */
	caller_step(&first);
	one = lf.accept(listener, 1000);
	NEED(one != NULL);
	CHECK_INT(SSL_accept(one), -1);
	CHECK_INT(SSL_get_error(one, -1), SSL_ERROR_WANT_READ);
	caller_step(&first);
	caller_init(&second, &at);
	caller_step(&second);
	CHECK(lf.accept(listener, 50) == NULL);
	caller_step(&second);
	two = lf.accept(listener, 1000);
	NEED(two != NULL && two != one);
	CHECK(net_readable(lf.fd(listener), 0));
	CHECK_INT(lf.run(listener, 1000), 1);
	CHECK(lf.next(listener, &news) == one);
	CHECK_INT(news, DTLSV1_NEWS_READABLE);
	CHECK(lf.next(listener, &news) == NULL);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK(!net_readable(lf.fd(listener), 0));
	ERR_clear_error();
	SSL_free(one);
	SSL_free(two);
	caller_free(&first);
	caller_free(&second);
	lf.free(listener);
}

/* The program's cookie callbacks are not asked, not even by libssl. */
static void
test_callbacks(void)
{
	struct caller caller;
	struct address at;
	struct app app;
	SSL_CTX *with = tls_server_ctx();
	dtlsv1_listener *listener;

	check_case("cookie callbacks");
	app_init(&app);
	app_install(&app, with);
	listener = listener_at(with, "127.0.0.1", NULL, &at);
	SSL_CTX_free(with); /* the listener has a reference */
	caller_init(&caller, &at);
	SSL_free(listener_serve(listener, &caller));
	CHECK_INT(app.generated, 0);
	CHECK_INT(app.verified, 0);
	caller_free(&caller);
	lf.free(listener);
}

/* On a socket of the caller's, which stays open. */
static void
test_new(int shared)
{
	struct caller caller;
	struct address at;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	dtlsv1_listener *listener;

	check_case(shared ? "a shared socket" : "a socket");
	at = address_of("127.0.0.1", 0);
	NEED(bind(fd, (struct sockaddr *)&at.any, at.len) == 0);
	/* Before bind(2) it might be given another test's port. */
	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof(shared)) == 0);
	NEED(getsockname(fd, (struct sockaddr *)&at.any, &at.len) == 0);
	listener = lf.new(ctx, fd, NULL);
	NEED(listener != NULL);
	caller_init(&caller, &at);
	SSL_free(listener_serve(listener, &caller));
	lf.free(listener);

	/* It hears everything again, and may get another listener. */
	caller_anew(&caller);
	caller_step(&caller);
	CHECK(net_readable(fd, 1000));
	listener = lf.new(ctx, fd, NULL);
	NEED(listener != NULL);
	SSL_free(listener_serve(listener, &caller));
	lf.free(listener);
	close(fd);
	caller_free(&caller);
}

static void
test_counters(void)
{
	struct caller caller;
	struct address at;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct dtlsv1_listen_stats before, after;
	SSL *ssl;

	check_case("counters");
	NEED(get_stats(&before, sizeof(before)) == 1);
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.accepted - before.accepted, 1);
	CHECK_INT(after.challenges - before.challenges, 1);
	CHECK_INT(after.cookies_right - before.cookies_right, 1);
	CHECK_INT(after.listener_accepted - before.listener_accepted, 1);
	CHECK_INT(after.listener_closed - before.listener_closed, 0);
	SSL_free(ssl);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_closed - before.listener_closed, 1);
	NEED(SSL_write(caller.ssl, "late", 4) == 4);
	(void)listener_wait(listener);
	CHECK_INT(lf.run(listener, 0), 0);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_strays - before.listener_strays, 1);
	lf.free(listener);
	caller_free(&caller);
}

int
main(void)
{
	check_begin("listener_accept");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_one("127.0.0.1", "127.0.0.1");
	test_one("0.0.0.0", "127.0.0.5");
	if (net_has_ipv6("IPv6 and dual-stack listeners")) {
		test_one("::1", "::1");
		test_one("::", "::1");
		test_one("::", "127.0.0.5");
	}
	test_accept();
	test_callbacks();
	test_new(0);
	test_new(1);
	test_counters();
	SSL_CTX_free(ctx);
	return check_end();
}
