/*
 * The ready-made callbacks, for programs that keep libssl's own DTLSv1_listen
 * or check cookies in SSL_accept() alone: bound to the peer.
 */
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

static int (*libssl_listen)(SSL *, BIO_ADDR *);
static SSL_CTX *ctx;
static struct wire wire;
static struct stepper client;

static SSL *
server(void)
{
	wire_init(&wire);
	return tls_server_wire(ctx, &wire);
}

/* By libssl's own setters or by those that programs reach: the same. */
static void
install(int own)
{
	void (*set_generate)(SSL_CTX *, int (*)(SSL *, unsigned char *, unsigned int *)) =
	    SSL_CTX_set_cookie_generate_cb;
	void (*set_verify)(SSL_CTX *, int (*)(SSL *, const unsigned char *, unsigned int)) =
	    SSL_CTX_set_cookie_verify_cb;
	void *at;

	if (own) {
		at = libssl_own("SSL_CTX_set_cookie_generate_cb");
		memcpy(&set_generate, &at, sizeof(at));
		at = libssl_own("SSL_CTX_set_cookie_verify_cb");
		memcpy(&set_verify, &at, sizeof(at));
	}
	set_generate(ctx, ours.cookie_generate);
	set_verify(ctx, ours.cookie_verify);
}

static void
test_libssl_listen(void)
{
	struct port port = { .wire = &wire };
	BIO_ADDR *peer = BIO_ADDR_new();
	struct datagram *d;
	struct hvr v;
	unsigned char cookie[32];
	SSL *ssl = server();

	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(libssl_listen(ssl, peer), 0);
	CHECK_QUEUED(0);
	NEED((d = queue_get(&wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	NEED(v.cookielen == sizeof(cookie));
	memcpy(cookie, v.cookie, sizeof(cookie));
	queue_put(&client.wire.in, d->byte, d->len);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(libssl_listen(ssl, peer), 1);
	port_finish(&port, &client, ssl);
	check_case("a renegotiation, when the cookie is too old, from a socket "
		   "that knows no peer");
	wire.has_peer = WIRE_UNKNOWN;
	CHECK_INT(ours.cookie_verify(ssl, cookie, sizeof(cookie)), 1);
	check_case("what SSL_accept was let in with, for another peer's next "
		   "handshake");
	wire.has_peer = WIRE_KNOWN;
	wire_peer4(&wire, "192.0.2.2", 4433);
	SSL_clear(ssl);
	CHECK_INT(ours.cookie_verify(ssl, cookie, sizeof(cookie)), 0);
	check_case(NULL);
	BIO_ADDR_free(peer);
	stepper_free(&client);
	SSL_free(ssl);
}

/* coturn and net-snmp: SSL_OP_COOKIE_EXCHANGE and SSL_accept(), no listen. */
static void
test_accept_alone(void)
{
	struct port port = { .wire = &wire };
	SSL *ssl = server();
	int ret;

	SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	SSL_set_accept_state(ssl);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	CHECK_INT(queue_len(&wire.out), 1); /* the HelloVerifyRequest */
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

static void
test_direct(void)
{
	unsigned char cookie[256], again[256];
	unsigned int len = 0;
	SSL *ssl = server();
	int i;

	memset(cookie, 0xa5, sizeof(cookie));
	CHECK_INT(ours.cookie_generate(ssl, cookie, &len), 1);
	CHECK_INT(len, 32);
	CHECK_INT(cookie[32], 0xa5);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 1);
	for (i = 0; i < 256; i++) {
		memcpy(again, cookie, len);
		again[i / 8] ^= (unsigned char)(1 << i % 8);
		CHECK_INT(ours.cookie_verify(ssl, again, len), 0);
	}
	CHECK_INT(ours.cookie_verify(ssl, cookie, 31), 0);
	CHECK_INT(ours.cookie_verify(ssl, cookie, 33), 0);
	CHECK_INT(ours.cookie_verify(ssl, cookie, 0), 0);
	CHECK_QUEUED(0);

	check_case("another port");
	wire_peer4(&wire, "192.0.2.1", 4434);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 0);
	check_case("another address");
	wire_peer4(&wire, "192.0.2.2", 4433);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 0);
	check_case("the first again");
	wire_peer4(&wire, "192.0.2.1", 4433);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 1);
	check_case(NULL);
	SSL_free(ssl);
}

static void
test_null(void)
{
	unsigned char cookie[256];
	unsigned int len = 0;
	SSL *ssl = server();

	CHECK_INT(ours.cookie_generate(NULL, cookie, &len), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(ours.cookie_generate(ssl, NULL, &len), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(ours.cookie_generate(ssl, cookie, NULL), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(ours.cookie_verify(NULL, cookie, 32), 0);
	ERR_clear_error();
	CHECK_INT(ours.cookie_verify(ssl, NULL, 32), 0);
	ERR_clear_error();
	SSL_free(ssl);
}

int
main(void)
{
	void *at;
	int own;

	check_begin("cookies_callbacks");
	at = libssl_own("DTLSv1_listen");
	memcpy(&libssl_listen, &at, sizeof(at));
	CHECK(libssl_listen != DTLSv1_listen);
	for (own = 0; own < 2; own++) {
		ctx = tls_server_ctx();
		install(own);
		test_libssl_listen();
		test_accept_alone();
		SSL_CTX_free(ctx);
	}
	ctx = tls_server_ctx();
	test_direct();
	test_null();
	SSL_CTX_free(ctx);
	return check_end();
}
