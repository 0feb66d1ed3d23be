/*
 * What a caller finds on the way in and out: NULL, a stale error queue, and
 * what SSL_get_error() and the state string say after each return.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;

static SSL *
server(void)
{
	wire_init(&wire);
	return tls_server_wire(ctx, &wire);
}

static void
hello(int cookie)
{
	struct hello h;

	hello_make(&h, app.cookie, cookie ? app.cookielen : 0);
	queue_put(&wire.in, h.byte, h.len);
}

/* Something left behind by another call, as Qt does. */
static void
stale(void)
{
	CHECK_INT(SSL_CTX_use_certificate(ctx, NULL), 0);
	CHECK(ERR_peek_error() != 0);
}

static void
test_null_ssl(void)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	CHECK_INT(listen_to(NULL, &peer), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(listen_to(NULL, NULL), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(ours.peer(NULL, (struct sockaddr *)&peer, &len), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(len, sizeof(peer));
}

static void
test_after_a_challenge(void)
{
	SSL *ssl = server();

	hello(0);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	CHECK_INT(SSL_get_error(ssl, 0), SSL_ERROR_SYSCALL);
	CHECK_QUEUED(0);
	CHECK_STR(SSL_state_string_long(ssl), "before SSL initialization");
	CHECK(SSL_in_before(ssl));
	SSL_free(ssl);
}

static void
test_after_a_bad_datagram(void)
{
	SSL *ssl = server();

	queue_put(&wire.in, "bad", 3);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(SSL_get_error(ssl, 0), ERROR_OF_A_DROP);
	CHECK_STR(SSL_state_string_long(ssl), "before SSL initialization");
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	SSL_free(ssl);
}

static void
test_after_success(void)
{
	SSL *ssl = server();

	hello(1);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	CHECK(strstr(SSL_state_string_long(ssl), "read client hello") != NULL);
	CHECK(SSL_in_init(ssl));
	CHECK(SSL_is_server(ssl));
	CHECK_INT(queue_len(&wire.out), 0);
	SSL_free(ssl);
}

static void
test_stale_queue(void)
{
	SSL *ssl = server();

	check_case("nothing to read");
	stale();
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);

	check_case("a challenge");
	hello(0);
	stale();
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(SSL_get_error(ssl, 0), SSL_ERROR_SYSCALL);
	CHECK_QUEUED(0);

	check_case("our own reason of the last call");
	queue_put(&wire.in, "bad", 3);
	CHECK_INT(listen_to(ssl, NULL), 0);
	queue_put(&wire.in,
	    "\x15"
	    "bad, but longer",
	    16);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(SSL_R_UNEXPECTED_MESSAGE);

	check_case("success");
	hello(1);
	stale();
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	SSL_free(ssl);

	check_case("no BIO");
	ssl = tls_server(ctx);
	stale();
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	SSL_free(ssl);
	check_case(NULL);
}

/* A method that can do both becomes a server. */
static void
test_accept_state(void)
{
	SSL_CTX *any = tls_server_ctx_of(DTLS_method());
	struct app of_any;
	SSL *ssl;

	app_init(&of_any);
	app_install(&of_any, any);
	wire_init(&wire);
	ssl = tls_server_wire(any, &wire);
	hello(1);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK(SSL_is_server(ssl));
	SSL_free(ssl);
	SSL_CTX_free(any);
}

static void
test_version(void)
{
	CHECK(strlen(ours.version()) >= 5);
	CHECK(strspn(ours.version(), "0123456789.") > 0);
}

int
main(void)
{
	check_begin("entry");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	test_null_ssl();
	test_after_a_challenge();
	test_after_a_bad_datagram();
	test_after_success();
	test_stale_queue();
	test_accept_state();
	test_version();
	SSL_CTX_free(ctx);
	return check_end();
}
