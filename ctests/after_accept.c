/*
 * What becomes of the cookie when the client is in: the handshake goes on, a
 * session is renegotiated, though the SSL_CTX or the BIO is another by then.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

typedef int (*cookie_verify)(SSL *, const unsigned char *, unsigned int);

static struct wire wire;
static struct stepper client;
static struct port port = { .wire = &wire };

/* A server that has accepted the stepper's hello and goes on from there. */
static SSL *
accepted(SSL_CTX *ctx, struct app *app)
{
	SSL *ssl;

	wire_init(&wire);
	queue_clear(&wire.in);
	queue_clear(&wire.out);
	ssl = tls_server_wire(ctx, &wire);
	if (app != NULL)
		app_expect(app, ssl);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 0);
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 1);
	return ssl;
}

/* Nothing is to be read, and nothing is wrong. */
static void
pump(SSL *ssl)
{
	char byte;
	int ret = SSL_read(ssl, &byte, 1);

	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
}

static size_t
finished(SSL *ssl, unsigned char out[64])
{
	memset(out, 0, 64);
	return SSL_get_finished(ssl, out, 64);
}

static void
renegotiate(SSL *server, SSL *who, const char *what)
{
	unsigned char before[64], after[64];
	int round;

	check_case(what);
	CHECK(finished(server, before) > 0);
	CHECK_INT(SSL_renegotiate(who), 1);
	CHECK(SSL_do_handshake(who) == 1 || who == client.ssl);
	for (round = 0; round < 10; round++) {
		port_to_server(&port, &client);
		pump(server);
		port_to_client(&port, &client);
		pump(client.ssl);
	}
	CHECK(SSL_is_init_finished(server));
	CHECK(SSL_is_init_finished(client.ssl));
	CHECK(finished(server, after) > 0);
	CHECK(memcmp(before, after, sizeof(before)) != 0);
	CHECK_QUEUED(0);
	check_case(NULL);
}

static void
test_renegotiation(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl;

	CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
#ifdef SSL_OP_ALLOW_CLIENT_RENEGOTIATION
	SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
#endif
	ssl = accepted(ctx, NULL);
	port_finish(&port, &client, ssl);
	renegotiate(ssl, ssl, "asked by the server");
	renegotiate(ssl, client.ssl, "asked by the client");
	renegotiate(ssl, client.ssl, "and once more");
	wire.has_peer = WIRE_UNKNOWN;
	renegotiate(ssl, client.ssl, "from a BIO that knows no peer");
	stepper_free(&client);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static int
refuse(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl, (void)cookie, (void)len;
	return 0;
}

#ifndef LIBRESSL_VERSION_NUMBER
static int
swap(SSL *ssl, int *alert, void *other)
{
	(void)alert;
	return SSL_set_SSL_CTX(ssl, other) != NULL ? SSL_CLIENT_HELLO_SUCCESS :
						     SSL_CLIENT_HELLO_ERROR;
}
#endif

/* `app` NULL: built-in cookies. `verify`: the other SSL_CTX's callback. */
static void
exchanged(const char *what, int in_callback, struct app *app, cookie_verify verify)
{
	SSL_CTX *ctx = tls_server_ctx(), *other = tls_server_ctx();
	SSL *ssl;

	check_case(what);
	if (app == NULL) {
		CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
	} else {
		app_init(app);
		app_install(app, ctx);
	}
	SSL_CTX_set_cookie_verify_cb(other, verify);
#ifndef LIBRESSL_VERSION_NUMBER
	if (in_callback)
		SSL_CTX_set_client_hello_cb(ctx, swap, other);
#endif
	ssl = accepted(ctx, app);
	if (!in_callback)
		CHECK(SSL_set_SSL_CTX(ssl, other) == other);
	port_finish(&port, &client, ssl);
	CHECK(SSL_get_SSL_CTX(ssl) == other);
	stepper_free(&client);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	SSL_CTX_free(other);
	check_case(NULL);
}

/*
 * From 3.2 on libssl asks the SSL_CTX from before the ClientHello callback about
 * the cookie; the present one has no callback, or another one.
 */
static void
test_another_ctx(void)
{
	struct app app;

	exchanged("before SSL_accept, built-in", 0, NULL, NULL);
	exchanged("before SSL_accept, one that refuses", 0, &app, refuse);
#ifndef LIBRESSL_VERSION_NUMBER
	exchanged("in a callback, built-in", 1, NULL, NULL);
	exchanged("in a callback, one that refuses", 1, &app, refuse);
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	exchanged("in a callback, one without", 1, &app, NULL); /* earlier ones ask nobody: no */
#endif
#endif
}

/*
 * libssl asks the application's callback again in SSL_accept(). One that finds
 * the peer by the BIO is lost after SSL_set_fd(), whose BIO does not know; the
 * cookie has been right for this very hello.
 */
static void
test_app_set_fd(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct sockaddr_storage peer;
	struct address own;
	struct client c;
	struct app app;
	SSL *ssl = tls_server(ctx);
	int fd = net_bound(AF_INET, &own), connected;
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	SSL_set_bio(ssl, b, b);
	app_expect(&app, ssl);
	client_start(&c, &own);
	memset(&peer, 0, sizeof(peer));
	CHECK_INT(listen_to(ssl, &peer), 1);
	CHECK_INT(app.verified, 1);
	connected = net_connected(&own, (struct sockaddr *)&peer, sizeof(struct sockaddr_in));
	NEED(SSL_set_fd(ssl, connected) == 1);
	app_expect(&app, ssl);
	serve(ssl);
	client_join(&c);
	check_case("it is asked as often as by libssl alone");
	CHECK_INT(app.verified, 2);
	check_case(NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(connected);
	net_close(fd, &own);
}

/* libssl alone would begin anew, and the client has said what it had to say. */
static void
test_accept_state(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl;

	check_case("before SSL_accept()");
	ssl = accepted(ctx, NULL);
	SSL_set_accept_state(ssl);
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	check_case("to be used again");
	wire_init(&wire);
	queue_clear(&wire.in);
	SSL_set_accept_state(ssl);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	SSL_free(ssl);
	check_case("accepted, given up, and listening again");
	ssl = accepted(ctx, NULL);
	SSL_set_accept_state(ssl);
	wire_init(&wire);
	queue_clear(&wire.in);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	SSL_set_accept_state(ssl);
	CHECK_INT(SSL_accept(ssl), -1);
	CHECK_INT(queue_len(&wire.out), 0);
	stepper_free(&client);
	SSL_free(ssl);
	check_case(NULL);
	SSL_CTX_free(ctx);
}

/* What a program can see of it. */
static void
test_option(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	SSL *ssl;

	check_case("built-in cookies are done with");
	ssl = accepted(ctx, NULL);
	CHECK_INT((SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE) != 0, 0);
	stepper_free(&client);
	SSL_free(ssl);
	check_case("the application's are asked about again");
	app_init(&app);
	app_install(&app, ctx);
	ssl = accepted(ctx, &app);
	CHECK_INT((SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE) != 0, 1);
	stepper_free(&client);
	SSL_free(ssl);
	check_case(NULL);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("after_accept");
	test_renegotiation();
	test_another_ctx();
	test_app_set_fd();
	test_accept_state();
	test_option();
	return check_end();
}
