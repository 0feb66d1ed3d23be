/*
 * The kernel takes no datagram for a while: its buffer is full (EAGAIN), the
 * interface's is (ENOBUFS), a filter forbids it (EPERM), a signal comes while it
 * waits (EINTR). Nothing fails for good, nobody is left waiting.
 */
#define _GNU_SOURCE
#include "full_inject.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;
static dtlsv1_listener *listener;
static struct address at;

/* The SSL is the next one that there is news of, or there is none. */
static void
check_told(const SSL *ssl, int what)
{
	int news = 0;

	CHECK(net_readable(lf.fd(listener), 1000));
	CHECK_INT(lf.run(listener, 0), 1);
	CHECK(lf.next(listener, &news) == ssl);
	CHECK_INT(news, what);
	CHECK(lf.next(listener, &news) == NULL);
}

/* The first hello's answer is lost; it comes when it is asked for again. */
static void
test_answers(int error)
{
	struct caller caller;
	SSL *ssl;

	check_case(strerror(error));
	caller_init(&caller, &at);
	(void)caller_step(&caller);
	NEED(listener_wait(listener));
	fail_with(error);
	CHECK_INT(lf.run(listener, 0), 0);
	CHECK_QUEUED(0);
	works_again();
	CHECK(!net_readable(caller.fd, 50));
	/* And nothing is left to do. */
	CHECK(!net_readable(lf.fd(listener), 50));
	caller_anew(&caller);
	ssl = listener_serve(listener, &caller);
	exchange(listener, ssl, &caller, "after all");
	SSL_free(ssl);
	caller_free(&caller);
}

/* Both hellos; the listener's SSL, to be accepted. */
static SSL *
accepted(struct caller *caller)
{
	SSL *ssl;

	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 0);
	(void)net_readable(caller->fd, 1000);
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	ssl = lf.next(listener, NULL);
	NEED(ssl != NULL);
	return ssl;
}

static SSL *
finish(struct caller *caller, SSL *ssl)
{
	int turns, done;

	for (turns = 0; turns < 2000; turns++) {
		done = caller_step(caller);
		if (net_readable(lf.fd(listener), 2))
			(void)listener_turn(listener, NULL, 0);
		if (done && SSL_is_init_finished(ssl))
			break;
	}
	CHECK(turns < 2000);
	return ssl;
}

/* The certificate's flight waits until there is room. */
static void
test_flight(void)
{
	struct caller caller;
	SSL *ssl;
	int i;

	check_case("a flight");
	caller_init(&caller, &at);
	ssl = accepted(&caller);
	tls_patient(ssl);
	fail_with(EAGAIN);
	for (i = 0; i < 3; i++) {
		CHECK_INT(SSL_accept(ssl), -1);
		CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_WRITE);
		CHECK_QUEUED(0);
	}
	works_again();
	check_told(ssl, DTLSV1_NEWS_READABLE);
	CHECK_INT(SSL_accept(ssl), -1);
	CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
	finish(&caller, ssl);
	exchange(listener, ssl, &caller, "whole");
	SSL_free(ssl);
	caller_free(&caller);
}

/* What is repeated and does not get out is repeated again: nobody is overdue. */
static void
test_repeated_flight(int error)
{
	struct caller caller;
	SSL *ssl;
	int turns;

	check_case("a flight that is repeated");
	caller_init(&caller, &at);
	ssl = accepted(&caller);
	tls_impatient(ssl);
	CHECK_INT(SSL_accept(ssl), -1);
	ERR_clear_error();
	(void)net_readable(caller.fd, 1000);
	caller_drain(&caller);
	fail_with(error);
	for (turns = 0; failed == 0 && turns < 40; turns++) {
		CHECK(lf.run(listener, 100) >= 0);
		CHECK_QUEUED(0);
	}
	works_again();
	for (turns = 0; turns < 100 && !net_readable(caller.fd, 0); turns++) {
		int news = 0;

		CHECK(lf.run(listener, 100) >= 0);
		while (lf.next(listener, &news) != NULL)
			CHECK_INT(news, DTLSV1_NEWS_READABLE);
	}
	CHECK(turns < 100);
	finish(&caller, ssl);
	exchange(listener, ssl, &caller, "repeated");
	SSL_free(ssl);
	caller_free(&caller);
}

/* A message that finds no room is not sent, and may be written again. */
static void
test_write(int own)
{
	struct caller caller;
	char got[32] = "";
	SSL *ssl;
	int i;

	check_case(own ? "a message of a detached one" : "a message");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	if (own)
		NEED(lf.detach(ssl) >= 0);
	for (i = 0; i < 2; i++) {
		fail_with(i == 0 || !own ? EAGAIN : EINTR);
		CHECK_INT(SSL_write(ssl, "later", 5), -1);
		CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_WRITE);
		CHECK_QUEUED(0);
		works_again();
		if (!own)
			check_told(ssl, DTLSV1_NEWS_READABLE);
		CHECK_INT(SSL_write(ssl, "later", 5), 5);
		CHECK(net_readable(caller.fd, 1000));
		CHECK_INT(SSL_read(caller.ssl, got, sizeof(got)), 5);
		CHECK_INT(SSL_read(caller.ssl, got, sizeof(got)), -1);
		ERR_clear_error();
	}
	/* That is lost, as it may be on the way. */
	for (i = 0; i < (own ? 1 : 3); i++) {
		fail_with(((int[]){ ENOBUFS, EPERM, ENETUNREACH })[i]);
		CHECK_INT(SSL_write(ssl, "lost", 4), 4);
		CHECK_QUEUED(0);
		works_again();
	}
	if (!own)
		exchange(listener, ssl, &caller, "and on");
	SSL_free(ssl);
	CHECK_INT(lf.run(listener, 0), 0);
	caller_free(&caller);
}

/* Who waits for room is freed, begins anew or leaves; the others are told. */
static void
test_gone(void)
{
	struct caller caller[4];
	SSL *ssl[4], *new = NULL;
	int i, told = 0;

	check_case("gone while it waits");
	for (i = 0; i < 4; i++) {
		caller_init(&caller[i], &at);
		ssl[i] = listener_serve(listener, &caller[i]);
	}
	fail_with(EAGAIN);
	for (i = 0; i < 4; i++)
		CHECK_INT(SSL_write(ssl[i], "later", 5), -1);
	ERR_clear_error();
	works_again();
	SSL_free(ssl[0]);
	ssl[0] = NULL; /* a new one may be where it was */
	CHECK(lf.detach(ssl[1]) >= 0);
	CHECK_INT(SSL_write(ssl[1], "now", 3), 3);
	caller_anew(&caller[2]);
	(void)caller_step(&caller[2]);
	for (i = 0; i < 50 && told < 2; i++) {
		SSL *next;
		int news;

		(void)net_readable(lf.fd(listener), 50);
		NEED(lf.run(listener, 0) >= 0);
		(void)caller_step(&caller[2]);
		while ((next = lf.next(listener, &news)) != NULL) {
			/* A new one may lie where one lay that was freed. */
			if (!(news & DTLSV1_NEWS_ACCEPTED))
				CHECK(next == ssl[2] || next == ssl[3]);
			if (next == ssl[3]) {
				CHECK_INT(news, DTLSV1_NEWS_READABLE);
				CHECK_INT(SSL_write(ssl[3], "later", 5), 5);
				told++;
			}
			if (news & DTLSV1_NEWS_ACCEPTED) {
				new = next;
				told++;
			}
		}
	}
	CHECK_INT(told, 2);
	SSL_free(new);
	for (i = 0; i < 4; i++) {
		if (i != 0)
			SSL_free(ssl[i]);
		caller_free(&caller[i]);
	}
	CHECK(lf.run(listener, 0) >= 0);
	CHECK(lf.next(listener, NULL) == NULL);
	CHECK(!net_readable(lf.fd(listener), 50) || lf.run(listener, 0) == 0);
}

static void
test_all(unsigned int flags)
{
	listener = listener_at(ctx, "127.0.0.1", OPTIONS(.flags = flags), &at);
	test_answers(EAGAIN);
	test_answers(ENOBUFS);
	test_answers(EPERM);
	test_flight();
	test_repeated_flight(EAGAIN);
	test_repeated_flight(ENOBUFS);
	test_write(0);
	test_write(1);
	test_gone();
	lf.free(listener);
}

int
main(void)
{
	struct dtlsv1_listen_stats stats;

	check_begin("listener_full");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_all(0);
	test_all(DTLSV1_LISTENER_ONE_SOCKET);
	NEED(get_stats(&stats, sizeof(stats)) == 1);
	CHECK_INT(listener_open_ssls(), 0);
	CHECK_INT(stats.listener_overdue, 0);
	SSL_CTX_free(ctx);
	return check_end();
}
