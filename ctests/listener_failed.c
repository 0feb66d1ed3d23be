/*
 * A handshake that fails: the program ends it as it likes, the listener goes on, and
 * the client may begin anew.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <unistd.h>

enum end { FREED, DETACHED, CLEARED, ENDS };

static uint64_t
open_ssls(void)
{
	struct dtlsv1_listen_stats now;

	NEED(get_stats(&now, sizeof(now)) == 1);
	return now.listener_accepted - now.listener_closed;
}

/* Both hellos, and the listener has read them. */
static void
hello(dtlsv1_listener *listener, struct caller *caller)
{
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	(void)net_readable(caller->fd, 1000);
	(void)caller_step(caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
}

/* Another SSL, which hears nothing of what the one before was sent. */
static void
begin_anew(struct caller *caller)
{
	unsigned char old[2048];

	while (recv(caller->fd, old, sizeof(old), 0) > 0)
		;
	caller_anew(caller);
}

static void
use(SSL *ssl)
{
	char line[16];

	ERR_clear_error();
	(void)SSL_read(ssl, line, sizeof(line));
	(void)SSL_write(ssl, "x", 1);
	(void)SSL_shutdown(ssl);
	ERR_clear_error();
}

/* A handshake that fails is the program's to end; until then nothing comes of it. */
static void
test_failed(enum end how)
{
	struct address at;
	struct caller caller;
	SSL_CTX *without = SSL_CTX_new(DTLS_server_method()); /* a certificate */
	dtlsv1_listener *listener = listener_at(without, "127.0.0.1", NULL, &at);
	SSL *ssl, *none = NULL;
	int i, n = -1;

	check_case("failed");
	caller_init(&caller, &at);
	hello(listener, &caller);
	ssl = lf.next(listener, NULL);
	NEED(ssl != NULL);
	n = SSL_accept(ssl);
	CHECK_INT(n, -1);
	CHECK_INT(SSL_get_error(ssl, n), SSL_ERROR_SSL);
	ERR_clear_error();
	/* What the client has to say of it is news all the same, and no failure of the listener's. */
	(void)net_readable(caller.fd, 1000);
	CHECK(SSL_do_handshake(caller.ssl) <= 0);
	ERR_clear_error();
	for (i = 0; i < 3; i++) {
		NEED(lf.run(listener, 5) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
		CHECK(SSL_accept(ssl) <= 0);
		ERR_clear_error();
	}
	if (how == DETACHED)
		CHECK(lf.detach(ssl) >= 0);
	if (how == CLEARED)
		(void)SSL_clear(ssl);
	if (how != FREED)
		use(ssl);
	SSL_free(ssl);
	CHECK_INT(listener_turn(listener, &none, 1), 0);
	CHECK_INT(open_ssls(), 0);
	begin_anew(&caller);
	hello(listener, &caller);
	ssl = lf.next(listener, NULL);
	CHECK(ssl != NULL);
	SSL_free(ssl);
	lf.free(listener);
	SSL_CTX_free(without);
	caller_free(&caller);
}

int
main(void)
{
	int how;

	check_begin("listener_failed");
	counters_init();
	listener_init();
	for (how = FREED; how < ENDS; how++)
		test_failed(how);
	return check_end();
}
