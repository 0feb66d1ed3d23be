/*
 * A client's SSL may be freed in any state between calls, and so may the
 * listener: nothing is read that is gone, nothing is left behind. Run it under
 * valgrind and AddressSanitizer.
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

/* How far a client has come. */
enum state { QUEUED, TOLD, SHAKING, READABLE, CONNECTED, REPLACED, DETACHED, STATES };

static const char *const names[] = { "in the accept queue", "told of", "in its handshake",
	"readable", "connected", "replaced", "detached" };

static SSL *
in_state(enum state state, dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl;

	if (state >= CONNECTED) {
		ssl = listener_serve(listener, caller);
		if (state == REPLACED) {
			caller_anew(caller);
			listener_hello(listener, caller);
		}
		if (state == DETACHED)
			CHECK(lf.detach(ssl) >= 0);
		return ssl;
	}
	listener_hello(listener, caller);
	if (state == QUEUED)
		return NULL;
	ssl = lf.next(listener, NULL);
	NEED(ssl != NULL);
	if (state == TOLD)
		return ssl;
	CHECK_INT(SSL_accept(ssl), -1);
	if (state == READABLE) {
		(void)net_readable(caller->fd, 1000);
		caller_step(caller);
		NEED(listener_wait(listener) && lf.run(listener, 0) == 1);
	}
	ERR_clear_error();
	return ssl;
}

/* Reads give the end, writes fail, as often as one likes. */
static void
check_is_cut(SSL *ssl)
{
	char line[16];
	int i;

	for (i = 0; i < 2; i++) {
		ERR_clear_error();
		CHECK(SSL_read(ssl, line, sizeof(line)) <= 0);
		CHECK(SSL_get_error(ssl, -1) != SSL_ERROR_WANT_READ);
		CHECK(SSL_write(ssl, "x", 1) <= 0);
	}
	ERR_clear_error();
}

static void
test_ssl_first(enum state state)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl;
	int news;

	check_case(names[state]);
	caller_init(&caller, &at);
	ssl = in_state(state, listener, &caller);
	if (state == REPLACED) {
		check_is_cut(ssl);
		/* Which of the two it is that is told of first is no matter. */
		SSL *other = lf.next(listener, &news);

		CHECK(other != NULL && other != ssl);
		CHECK_INT(news, DTLSV1_NEWS_ACCEPTED);
		SSL_free(other);
	}
	SSL_free(ssl);
	if (state != QUEUED) {
		CHECK(lf.next(listener, NULL) == NULL);
		CHECK_INT(listener_open_ssls(), 0);
	}
	/* What the client sends yet is a stranger's. */
	(void)send(caller.fd, "\26\376\375\0\1junk and more of it", 22, 0);
	if (state != DETACHED)
		NEED(listener_wait(listener));
	CHECK(lf.run(listener, 0) >= 0);
	lf.free(listener);
	CHECK_INT(listener_open_ssls(), 0);
	caller_free(&caller);
}

static void
test_listener_first(enum state state)
{
	struct address at, told = { .len = sizeof(told.any) };
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl;
	char line[16] = "";

	check_case(names[state]);
	caller_init(&caller, &at);
	ssl = in_state(state, listener, &caller);
	lf.free(listener);
	CHECK_INT(listener_open_ssls(), 0);
	if (state == DETACHED) {
		CHECK_INT(SSL_write(caller.ssl, "still", 5), 5);
		CHECK_INT(SSL_read(ssl, line, sizeof(line)), 5);
		CHECK_STR(line, "still");
	} else if (state != QUEUED) {
		check_is_cut(ssl);
		CHECK_INT(lf.detach(ssl), -1);
		ERR_clear_error();
		CHECK_INT(lf.peer(ssl, (struct sockaddr *)&told.any, &told.len), 1);
	}
	SSL_free(ssl);
	caller_free(&caller);
}

/* Somebody has a reference to the BIO when the SSL goes, and the other way. */
static void
test_references(void)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl;
	BIO *bio, *own;
	char byte;

	check_case("a BIO that stays");
	caller_init(&caller, &at);
	ssl = in_state(READABLE, listener, &caller);
	bio = SSL_get_rbio(ssl);
	NEED(BIO_up_ref(bio) == 1);
	SSL_free(ssl);
	CHECK(lf.next(listener, NULL) == NULL);
	CHECK_INT(listener_open_ssls(), 0);
	CHECK_INT(BIO_read(bio, &byte, 1), 0);
	CHECK_INT(BIO_write(bio, "x", 1), -1);
	BIO_free_all(bio);

	check_case("another BIO");
	caller_anew(&caller);
	ssl = in_state(READABLE, listener, &caller);
	own = BIO_new(BIO_s_mem());
	NEED(own != NULL);
	SSL_set_bio(ssl, own, own);
	CHECK(lf.next(listener, NULL) == NULL);
	CHECK_INT(listener_open_ssls(), 0);
	SSL_free(ssl);
	lf.free(listener);
	caller_free(&caller);
}

/* The program frees things while the listener is at work. */
static dtlsv1_listener *doomed;
static SSL *doomed_ssl;
static int frees_listener;

static void
on_new_ssl(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	(void)parent, (void)ptr, (void)data, (void)index, (void)argl, (void)argp;
	SSL_free(doomed_ssl);
	doomed_ssl = NULL;
	if (frees_listener)
		lf.free(doomed);
	CHECK(doomed == NULL || lf.run(doomed, 0) == -1); /* at work already */
	ERR_clear_error();
}

static void
test_callbacks(void)
{
	static int index = -1;
	struct address at;
	struct caller first, second;
	dtlsv1_listener *listener;

	check_case("callbacks");
	if (index == -1)
		index = SSL_get_ex_new_index(0, NULL, on_new_ssl, NULL, NULL);
	for (frees_listener = 0; frees_listener < 2; frees_listener++) {
		listener = listener_at(ctx, "127.0.0.1", NULL, &at);
		caller_init(&first, &at);
		caller_init(&second, &at);
		doomed_ssl = in_state(TOLD, listener, &first);
		caller_step(&second);
		NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
		(void)net_readable(second.fd, 1000);
		caller_step(&second);
		NEED(listener_wait(listener));
		doomed = listener;
		(void)lf.run(listener, 0); /* the second client's SSL_new() */
		CHECK(doomed_ssl == NULL);
		doomed = NULL;
		CHECK_INT(listener_open_ssls(), frees_listener ? 0 : 1);
		if (!frees_listener)
			lf.free(listener);
		CHECK_INT(listener_open_ssls(), 0);
		caller_free(&first);
		caller_free(&second);
	}
}

int
main(void)
{
	int state;

	check_begin("listener_states");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	for (state = QUEUED; state < STATES; state++) {
		test_ssl_first(state);
		test_listener_first(state);
	}
	test_references();
	test_callbacks();
	SSL_CTX_free(ctx);
	return check_end();
}
