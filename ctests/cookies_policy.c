/*
 * Whose cookies: auto, app or builtin, for each SSL_CTX. In auto with no
 * callback set, cookies just work; in app, a missing one is OpenSSL's error.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

enum { NEITHER = 0, GENERATE = 1, VERIFY = 2, BOTH = 3 };

static struct wire wire;
static struct stepper client;

static void
install(SSL_CTX *ctx, struct app *app, int which)
{
	app_init(app);
	SSL_CTX_set_app_data(ctx, app);
	SSL_CTX_set_cookie_generate_cb(ctx, which & GENERATE ? app_generate : NULL);
	SSL_CTX_set_cookie_verify_cb(ctx, which & VERIFY ? app_verify : NULL);
}

static SSL *
server(SSL_CTX *ctx)
{
	wire_init(&wire);
	return tls_server_wire(ctx, &wire);
}

/* A whole handshake, whose cookie has so many bytes. */
static void
works(SSL_CTX *ctx, size_t cookielen, int generated, int verified)
{
	struct app *app = SSL_CTX_get_app_data(ctx);
	struct port port = { .wire = &wire };
	SSL *ssl = server(ctx);
	struct datagram *d;
	struct hvr v;

	app->generated = app->verified = 0;
	app_expect(app, ssl);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	NEED((d = queue_get(&wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	CHECK_INT(v.cookielen, cookielen);
	queue_put(&client.wire.in, d->byte, d->len);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 1);
	port_finish(&port, &client, ssl);
	CHECK_APP(app, generated, verified);
	stepper_free(&client);
	SSL_free(ssl);
}

/* A made-up hello, with a cookie or without, is an error. */
static void
fails(SSL_CTX *ctx, const char *cookie, int reason)
{
	SSL *ssl = server(ctx);
	struct hello h;

	hello_make(&h, cookie, cookie != NULL ? strlen(cookie) : 0);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_QUEUED(reason);
	CHECK_INT(queue_len(&wire.out), 0);
	SSL_free(ssl);
}

static void
test_auto(SSL_CTX *ctx)
{
	struct app app;

	check_case("auto, neither set");
	install(ctx, &app, NEITHER);
	works(ctx, 32, 0, 0);
	check_case("auto, both set");
	install(ctx, &app, BOTH);
	works(ctx, 20, 1, 2);
	check_case("auto, generate only");
	install(ctx, &app, GENERATE);
	fails(ctx, "cookie", SSL_R_NO_VERIFY_COOKIE_CALLBACK);
	check_case("auto, verify only");
	install(ctx, &app, VERIFY);
	fails(ctx, NULL, SSL_R_COOKIE_GEN_CALLBACK_FAILURE);
	check_case("auto, set and taken away");
	install(ctx, &app, NEITHER);
	works(ctx, 32, 0, 0);
	check_case(NULL);
}

static void
test_app(SSL_CTX *ctx)
{
	struct app app;

	CHECK_INT(ours.set_cookie_policy(ctx, APP), 1);
	check_case("app, neither set");
	install(ctx, &app, NEITHER);
	fails(ctx, NULL, SSL_R_COOKIE_GEN_CALLBACK_FAILURE);
	fails(ctx, "cookie", SSL_R_NO_VERIFY_COOKIE_CALLBACK);
	check_case("app, both set");
	install(ctx, &app, BOTH);
	works(ctx, 20, 1, 2);
	check_case(NULL);
}

/* The application's callbacks stay silent, in SSL_accept() as well. */
static void
test_builtin(SSL_CTX *ctx)
{
	struct app app;

	CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
	check_case("builtin, neither set");
	install(ctx, &app, NEITHER);
	works(ctx, 32, 0, 0);
	check_case("builtin, both set");
	install(ctx, &app, BOTH);
	works(ctx, 32, 0, 0);
	check_case(NULL);
}

/* Never set anything at all on this one: no setter, no policy, no ex_data. */
static void
test_untouched(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct app none;

	check_case("no call at all");
	app_init(&none);
	SSL_CTX_set_app_data(ctx, &none);
	works(ctx, 32, 0, 0);
	works(ctx, 32, 0, 0);
	SSL_CTX_free(ctx);
	check_case(NULL);
}

static void
test_wrong_arguments(SSL_CTX *ctx)
{
	struct app app;

	CHECK_INT(ours.set_cookie_policy(ctx, APP), 1);
	ERR_clear_error();
	CHECK_INT(ours.set_cookie_policy(ctx, 3), 0);
	CHECK(ERR_peek_error() != 0);
	ERR_clear_error();
	CHECK_INT(ours.set_cookie_policy(ctx, -1), 0);
	CHECK(ERR_peek_error() != 0);
	ERR_clear_error();
	CHECK_INT(ours.set_cookie_policy(NULL, APP), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	install(ctx, &app, NEITHER); /* and the policy is still app */
	fails(ctx, NULL, SSL_R_COOKIE_GEN_CALLBACK_FAILURE);
}

/* One SSL_CTX's policy is not another's. */
static void
test_two_contexts(void)
{
	SSL_CTX *one = tls_server_ctx(), *two = tls_server_ctx();
	struct app app_one, app_two;

	install(one, &app_one, BOTH);
	install(two, &app_two, BOTH);
	CHECK_INT(ours.set_cookie_policy(one, BUILTIN), 1);
	works(one, 32, 0, 0);
	works(two, 20, 1, 2);
	CHECK_INT(ours.set_cookie_policy(one, AUTO), 1);
	works(one, 20, 1, 2);
	SSL_CTX_free(one);
	SSL_CTX_free(two);
}

int
main(void)
{
	SSL_CTX *ctx;

	check_begin("cookies_policy");
	ctx = tls_server_ctx();
	test_auto(ctx);
	test_app(ctx);
	test_builtin(ctx);
	test_wrong_arguments(ctx);
	SSL_CTX_free(ctx);
	test_untouched();
	test_two_contexts();
	return check_end();
}
