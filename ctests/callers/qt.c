/*
 * Qt's QDtlsClientVerifier and QDtls: a custom BIO over one datagram that
 * claims a peer without writing it, callbacks that read
 * BIO_get_app_data(SSL_get_rbio(ssl)), a stale error queue on entry. After the
 * verifier's SSL said yes, listen runs again on a fresh SSL with the same
 * datagram and writes suppressed; then the datagram is fed once more, and
 * SSL_accept() goes on.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

struct dtls { /* QDtlsPrivateOpenSSL's part, and a guard */
	char guard[8];
	struct wire wire;
	int callbacks;
};

static struct dtls verifier, connection;

static struct dtls *
dtls_of(SSL *ssl)
{
	struct dtls *d = BIO_get_app_data(SSL_get_rbio(ssl));

	NEED(d == &verifier || d == &connection);
	NEED(memcmp(d->guard, "a dtls.", 8) == 0);
	d->callbacks++;
	return d;
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	NEED(dtls_of(ssl) != NULL);
	return app_generate(ssl, cookie, len);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	NEED(dtls_of(ssl) != NULL);
	return app_verify(ssl, cookie, len);
}

static SSL *
init_dtls(SSL_CTX *ctx, struct dtls *d)
{
	BIO *b;

	memset(d, 0, sizeof(*d));
	memcpy(d->guard, "a dtls.", 8);
	d->wire.has_peer = WIRE_CLAIMED;
	b = wire_bio(&d->wire, "qdtlsbio", BIO_TYPE_DGRAM);
	BIO_set_app_data(b, d);
	return tls_server_on(ctx, b, b);
}

static void
leave_an_error_behind(void)
{
	BIO *b = BIO_new_file("/nowhere/at/all", "r");

	CHECK(b == NULL);
	CHECK(ERR_peek_error() != 0);
}

static int
verify_client(SSL *ssl, const struct datagram *d)
{
	BIO_ADDR *peer = BIO_ADDR_new();
	int ret;

	queue_put(&verifier.wire.in, d->byte, d->len);
	leave_an_error_behind();
	ret = DTLSv1_listen(ssl, peer);
	CHECK_QUEUED(0);
	BIO_ADDR_free(peer);
	return ret;
}

int
main(void)
{
	static struct stepper client;
	struct port to_verifier = { .wire = &verifier.wire };
	struct port to_connection = { .wire = &connection.wire };
	struct datagram *d, hello;
	SSL *first, *fresh;
	BIO_ADDR *peer;
	SSL_CTX *ctx;
	struct app app;

	check_begin("qt");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);

	first = init_dtls(ctx, &verifier);
	app_expect(&app, first);
	stepper_init(&client);
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	CHECK_INT(verify_client(first, d), 0);
	CHECK_INT(queue_len(&verifier.wire.out), 1);
	port_to_client(&to_verifier, &client);
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	hello = *d;
	CHECK_INT(verify_client(first, &hello), 1);
	CHECK_APP(&app, 1, 1);
	CHECK_INT(verifier.callbacks, 2);
	SSL_free(first);

	fresh = init_dtls(ctx, &connection);
	app_expect(&app, fresh);
	peer = BIO_ADDR_new();
	queue_put(&connection.wire.in, hello.byte, hello.len);
	leave_an_error_behind();
	CHECK_INT(DTLSv1_listen(fresh, peer), 1);
	CHECK_QUEUED(0);
	CHECK_INT(connection.wire.writes, 0); /* would be suppressed */
	CHECK_APP(&app, 1, 2);
	BIO_ADDR_free(peer);

	queue_put(&connection.wire.in, hello.byte, hello.len);
	port_finish(&to_connection, &client, fresh);
	CHECK_APP(&app, 1, 3);
	CHECK_INT(connection.callbacks, 2);
	stepper_free(&client);
	SSL_free(fresh);
	SSL_CTX_free(ctx);
	return check_end();
}
