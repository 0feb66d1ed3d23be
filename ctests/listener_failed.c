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
	listener_hello(listener, &caller);
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
		exercise(ssl);
	SSL_free(ssl);
	CHECK_INT(listener_turn(listener, &none, 1), 0);
	CHECK_INT(listener_open_ssls(), 0);
	caller_drain(&caller); /* it hears nothing of what was sent */
	caller_anew(&caller);
	listener_hello(listener, &caller);
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
