/*
 * The same client again: datagrams doubled by the network, a hello that comes
 * late, one who begins anew from its port, and others who only say that they
 * do (RFC 6347 section 4.2.8).
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;
static dtlsv1_listener *listener;
static struct address at;

/* The caller's last hello, as it went out: by way of a socket of ours. */
struct tapped {
	struct caller caller;
	int fd;    /* connected to the listener */
	int inner; /* where the caller's datagrams come out */
	unsigned char last[2048];
	ssize_t len;
};

static void
tap(struct tapped *t)
{
	struct address middle;

	t->inner = net_nonblocking(net_bound(AF_INET, &middle));
	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	NEED(connect(t->fd, (struct sockaddr *)&at.any, at.len) == 0);
	caller_init(&t->caller, &middle);
	middle.len = sizeof(middle.any);
	NEED(getsockname(t->caller.fd, (struct sockaddr *)&middle.any, &middle.len) == 0);
	NEED(connect(t->inner, (struct sockaddr *)&middle.any, middle.len) == 0);
}

static void
untap(struct tapped *t)
{
	caller_free(&t->caller);
	close(t->fd);
	close(t->inner);
}

/* Both ways; what the caller sends goes to the listener so many times. */
static void
carry(struct tapped *t, int times)
{
	unsigned char back[2048];
	ssize_t n;

	while ((n = recv(t->inner, t->last, sizeof(t->last), 0)) > 0) {
		t->len = n;
		for (n = 0; n < times; n++)
			NEED(send(t->fd, t->last, (size_t)t->len, 0) == t->len);
	}
	while ((n = recv(t->fd, back, sizeof(back), 0)) > 0)
		(void)send(t->inner, back, (size_t)n, 0);
}

/* Until both are done; counts what was accepted. */
static SSL *
finish(struct tapped *t, int times, int *accepted)
{
	SSL *ssl = NULL, *new[4] = { NULL };
	int turns, done, i;

	*accepted = 0;
	for (turns = 0; turns < 2000; turns++) {
		done = caller_step(&t->caller);
		carry(t, times);
		if (net_readable(lf.fd(listener), 2))
			(void)listener_turn(listener, new, 4);
		carry(t, times);
		for (i = 0; i < 4; i++) {
			if (new[i] != NULL) {
				ssl = ssl == NULL ? new[i] : ssl;
				*accepted += 1;
				new[i] = NULL;
			}
		}
		if (done && ssl != NULL && SSL_is_init_finished(ssl))
			break;
	}
	CHECK(turns < 2000);
	return ssl;
}

/* A line from the client to its SSL. */
static void
line(struct tapped *t, SSL *ssl, const char *text, int times)
{
	char got[32] = "";
	int turns;

	CHECK(SSL_write(t->caller.ssl, text, (int)strlen(text)) > 0);
	for (turns = 0; turns < 100 && SSL_read(ssl, got, sizeof(got)) <= 0; turns++) {
		carry(t, times);
		(void)net_readable(lf.fd(listener), 10);
		NEED(lf.run(listener, 0) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
	}
	CHECK_STR(got, text);
	/* Doubled, it is not told twice. */
	NEED(lf.run(listener, 10) >= 0);
	CHECK_INT(SSL_read(ssl, got, sizeof(got)), -1);
	CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
	ERR_clear_error();
}

static void
test_doubled(void)
{
	struct tapped t;
	SSL *ssl;
	int accepted;

	check_case("everything twice");
	tap(&t);
	ssl = finish(&t, 2, &accepted);
	CHECK_INT(accepted, 1);
	line(&t, ssl, "doubled", 2);
	SSL_free(ssl);
	untap(&t);
}

/* The accepted hello once more: it becomes no client, whatever is there. */
static void
test_late_hello(void)
{
	struct dtlsv1_listen_stats before, after;
	unsigned char hello[2048];
	struct tapped t;
	ssize_t len;
	SSL *ssl, *none = NULL;
	int accepted;

	check_case("a late hello");
	tap(&t);
	caller_step(&t.caller);
	carry(&t, 1);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 0);
	(void)net_readable(t.fd, 1000);
	carry(&t, 1);
	caller_step(&t.caller);
	carry(&t, 1);
	len = t.len;
	memcpy(hello, t.last, (size_t)len);
	ssl = finish(&t, 1, &accepted);
	CHECK_INT(accepted, 1);

	NEED(get_stats(&before, sizeof(before)) == 1);
	NEED(send(t.fd, hello, (size_t)len, 0) == len);
	NEED(listener_wait(listener));
	CHECK_INT(listener_turn(listener, &none, 1), DTLSV1_NEWS_READABLE);
	line(&t, ssl, "untouched", 1);
	SSL_free(ssl);
	NEED(send(t.fd, hello, (size_t)len, 0) == len);
	NEED(listener_wait(listener));
	CHECK_INT(listener_turn(listener, &none, 1), 0);
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.listener_repeated - before.listener_repeated, 2);
	untap(&t);
}

static void
test_anew(void)
{
	struct caller caller;
	SSL *old, *new, *both[2] = { NULL, NULL };
	char got[16];
	int news = 0, turns;

	check_case("anew");
	caller_init(&caller, &at);
	old = listener_serve(listener, &caller);
	caller_anew(&caller);
	caller_step(&caller);
	/* Without a cookie, it may be anybody: the old one goes on. */
	NEED(listener_wait(listener));
	CHECK_INT(listener_turn(listener, both, 2), 0);
	CHECK_INT(SSL_read(old, got, sizeof(got)), -1);
	CHECK_INT(SSL_get_error(old, -1), SSL_ERROR_WANT_READ);
	for (turns = 0; turns < 2000; turns++) {
		int done = caller_step(&caller);

		if (net_readable(lf.fd(listener), 2))
			news |= listener_turn(listener, both, 2);
		if (done && both[0] != NULL && SSL_is_init_finished(both[0]))
			break;
	}
	new = both[0];
	CHECK(new != NULL && new != old && both[1] == NULL);
	CHECK_INT(news & DTLSV1_NEWS_REPLACED, DTLSV1_NEWS_REPLACED);
	ERR_clear_error();
	CHECK(SSL_read(old, got, sizeof(got)) <= 0);
	CHECK(SSL_get_error(old, -1) != SSL_ERROR_WANT_READ);
	CHECK_INT(SSL_write(old, "x", 1), -1);
	ERR_clear_error();
	SSL_free(old);
	exchange(listener, new, &caller, "a new beginning");
	SSL_free(new);
	caller_free(&caller);
}

/* Hellos in a client's name, without a cookie and with one that nobody made. */
static void
test_slander(void)
{
	static unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 107, 1, 0, 0,
		95, 0, 1, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };
	struct caller caller;
	unsigned char answer[64];
	SSL *ssl, *none = NULL;
	int cookie;

	check_case("slander");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	for (cookie = 0; cookie <= 32; cookie += 32) {
		hello[60] = (unsigned char)cookie;
		memset(hello + 61, cookie ? 0x55 : 0, 32);
		NEED(send(caller.fd, hello, sizeof(hello), 0) == sizeof(hello));
		NEED(listener_wait(listener));
		CHECK_INT(listener_turn(listener, &none, 1), 0);
		CHECK(net_readable(caller.fd, 1000));
		CHECK_INT(recv(caller.fd, answer, sizeof(answer), 0), 60);
		CHECK_INT(answer[13], 3); /* HelloVerifyRequest */
		exchange(listener, ssl, &caller, "none the worse");
	}
	SSL_free(ssl);
	caller_free(&caller);
}

int
main(void)
{
	check_begin("listener_again");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	test_doubled();
	test_late_hello();
	test_anew();
	test_slander();
	lf.free(listener);
	SSL_CTX_free(ctx);
	return check_end();
}
