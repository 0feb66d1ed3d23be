/*
 * Two clients and their listener go, in every order and from every state; and an
 * SSL of a listener's that is cleared harms nobody.
 * Run it under valgrind and AddressSanitizer.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* How far a client has come; FREED: its SSL has gone already. */
enum state { QUEUED, TOLD, SHAKING, READABLE, CONNECTED, REPLACED, DETACHED, FREED, STATES };

/* Of whom nobody asked: freed when all else is done. */
static SSL *others[8];

/* Is it this caller's? If not, it waits among the others. */
static int
is_of(SSL *ssl, const struct caller *caller)
{
	struct address own = { .len = sizeof(own.any) }, told = { .len = sizeof(told.any) };
	int i;

	NEED(getsockname(caller->fd, (struct sockaddr *)&own.any, &own.len) == 0);
	NEED(lf.peer(ssl, (struct sockaddr *)&told.any, &told.len) == 1);
	if (address_port(&own) == address_port(&told))
		return 1;
	for (i = 0; others[i] != NULL; i++)
		NEED(i < 6);
	others[i] = ssl;
	return 0;
}

static SSL *
serve(dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl = NULL, *next;
	int turns, news;

	for (turns = 0; turns < 1000; turns++) {
		int done = caller_step(caller);

		if (done && ssl != NULL && SSL_is_init_finished(ssl))
			return ssl;
		if (!net_readable(lf.fd(listener), 5))
			continue;
		NEED(lf.run(listener, 0) >= 0);
		while ((next = lf.next(listener, &news)) != NULL) {
			if (news & DTLSV1_NEWS_ACCEPTED && is_of(next, caller)) {
				ssl = next;
				tls_patient(ssl);
			}
			if (next == ssl)
				(void)SSL_accept(ssl);
			ERR_clear_error();
		}
	}
	check_die("a handshake that ends", __FILE__, __LINE__);
}

/* The caller's SSL. */
static SSL *
in_state(enum state state, dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl, *next;

	if (state >= CONNECTED) {
		ssl = serve(listener, caller);
		if (state == REPLACED) {
			caller_anew(caller);
			listener_hello(listener, caller);
		}
		if (state == DETACHED) {
			int fd = lf.detach(ssl);

			NEED(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
		}
		if (state == FREED) {
			SSL_free(ssl);
			ssl = NULL;
		}
		return ssl;
	}
	listener_hello(listener, caller);
	if (state == QUEUED)
		return NULL;
	for (ssl = NULL; ssl == NULL && (next = lf.accept(listener, 0)) != NULL;)
		ssl = is_of(next, caller) ? next : NULL;
	NEED(ssl != NULL);
	if (state == TOLD)
		return ssl;
	CHECK_INT(SSL_accept(ssl), -1);
	if (state == READABLE) {
		(void)net_readable(caller->fd, 1000);
		(void)caller_step(caller);
		NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	}
	ERR_clear_error();
	return ssl;
}

static void
test_order(enum state one, enum state other, int order)
{
	static const char orders[6][4] = { "abl", "bal", "alb", "bla", "lab", "lba" };
	struct address at;
	struct caller callers[2];
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl[2];
	char name[32];
	const char *turn;
	int i;

	snprintf(name, sizeof(name), "%d, %d, %s", one, other, orders[order]);
	check_case(name);
	for (i = 0; i < 2; i++)
		caller_init(&callers[i], &at);
	/* Who is in the queue is not to be taken for another. */
	if (one == QUEUED) {
		ssl[1] = in_state(other, listener, &callers[1]);
		ssl[0] = in_state(one, listener, &callers[0]);
	} else {
		ssl[0] = in_state(one, listener, &callers[0]);
		ssl[1] = in_state(other, listener, &callers[1]);
	}
	for (turn = orders[order]; *turn != '\0'; turn++) {
		if (*turn == 'l') {
			lf.free(listener);
			listener = NULL;
			CHECK_INT(listener_open_ssls(), 0);
		} else {
			SSL_free(ssl[*turn - 'a']);
			ssl[*turn - 'a'] = NULL;
			for (i = 0; i < 2; i++)
				if (ssl[i] != NULL)
					exercise(ssl[i]);
			if (listener != NULL)
				NEED(lf.run(listener, 0) >= 0);
		}
	}
	for (i = 0; i < 2; i++)
		caller_free(&callers[i]);
	for (i = 0; others[i] != NULL; i++) {
		SSL_free(others[i]);
		others[i] = NULL;
	}
}

/* Cleared, it is of no use, and the client may begin anew. */
static void
test_cleared(enum state state)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl, *new[2] = { NULL, NULL };
	int i, turns;

	check_case("cleared");
	caller_init(&caller, &at);
	ssl = in_state(state, listener, &caller);
	if (state == SHAKING) /* a timer of its own runs */
		tls_impatient(ssl);
	for (i = 0; i < 2; i++) {
		CHECK_INT(SSL_clear(ssl), 1);
		ERR_clear_error();
		(void)SSL_accept(ssl);
		ERR_clear_error();
		NEED(lf.run(listener, 10) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
	}
	if (state == DETACHED) {
		/* Its port is the client's as long as the SSL is there. */
		CHECK_INT(lf.detach(ssl), -1);
		ERR_clear_error();
		SSL_free(ssl);
		ssl = NULL;
	}
	caller_drain(&caller); /* it hears nothing of what was sent */
	caller_anew(&caller);
	for (turns = 0; turns < 1000; turns++) {
		int done = caller_step(&caller);

		if (net_readable(lf.fd(listener), 2))
			(void)listener_turn(listener, new, 2);
		if (done && new[0] != NULL && SSL_is_init_finished(new[0]))
			break;
	}
	CHECK(turns < 1000 && new[1] == NULL && new[0] != ssl);
	if (turns < 1000)
		exchange(listener, new[0], &caller, "all the same");
	SSL_free(new[0]);
	SSL_free(ssl);
	CHECK_INT(listener_open_ssls(), 0);
	lf.free(listener);
	caller_free(&caller);
}

int
main(void)
{
	int few = getenv("CTESTS_LIMIT") != NULL; /* under a checker */
	int one, other, order;

	check_begin("listener_orders");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	for (one = QUEUED; one < STATES; one++)
		for (other = one; other < STATES; other++)
			for (order = 0; order < 6; order++)
				if (!few || (one + other) % 6 == order || one == other)
					test_order(one, other, order);
	for (one = TOLD; one < FREED; one++)
		if (one != REPLACED)
			test_cleared(one);
	SSL_CTX_free(ctx);
	return check_end();
}
