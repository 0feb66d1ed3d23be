/*
 * libcoap: a custom BIO of a datagram BIO's type, named "coapdgram", that
 * holds one datagram at most and knows no peer. The callbacks cast
 * BIO_get_data(SSL_get_rbio(ssl)) to its struct. On success the SSL is swapped
 * out of its place and SSL_accept() begins with an empty read BIO.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/tls.h"

#include <string.h>

#define MAGIC 0x636f6170

struct coap_data {
	struct wire wire; /* first: a cast goes both ways */
	unsigned int magic;
	int callbacks;
};

static struct coap_data data[3]; /* one for each SSL there will be */

static struct coap_data *
data_of(SSL *ssl)
{
	struct coap_data *d = (struct coap_data *)BIO_get_data(SSL_get_rbio(ssl));

	/* Any other BIO's data here would crash libcoap. */
	NEED(d >= data && d < data + 3 && d->magic == MAGIC);
	d->callbacks++;
	return d;
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	NEED(data_of(ssl) != NULL);
	return app_generate(ssl, cookie, len);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	NEED(data_of(ssl) != NULL);
	return app_verify(ssl, cookie, len);
}

static SSL *
new_listener(SSL_CTX *ctx, struct coap_data *d)
{
	BIO *b;

	memset(d, 0, sizeof(*d));
	d->magic = MAGIC;
	d->wire.has_peer = WIRE_UNKNOWN;
	b = wire_bio(&d->wire, "coapdgram", BIO_TYPE_DGRAM);
	return tls_server_on(ctx, b, b);
}

/* One datagram for the listening SSL, as coap_dtls_hello() does. */
static int
hello(SSL *ssl, struct stepper *client, BIO_ADDR *long_lived)
{
	struct coap_data *d = BIO_get_data(SSL_get_rbio(ssl));
	struct datagram *in = queue_get(&client->wire.out);

	NEED(in != NULL);
	queue_clear(&d->wire.in);
	queue_put(&d->wire.in, in->byte, in->len);
	return DTLSv1_listen(ssl, long_lived);
}

static void
one_session(SSL_CTX *ctx, SSL **listener, struct coap_data *next, BIO_ADDR *long_lived)
{
	static struct stepper client;
	struct app *app = SSL_CTX_get_app_data(ctx);
	struct coap_data *d = BIO_get_data(SSL_get_rbio(*listener));
	struct port port = { .wire = &d->wire };
	SSL *session;

	app->generated = app->verified = 0;
	app_expect(app, *listener);
	stepper_init(&client);
	stepper_step(&client);
	CHECK_INT(hello(*listener, &client, long_lived), 0);
	CHECK_INT(SSL_get_error(*listener, 0), SSL_ERROR_SYSCALL);
	CHECK_QUEUED(0);
	port_to_client(&port, &client);
	stepper_step(&client);
	CHECK_INT(hello(*listener, &client, long_lived), 1);
	CHECK_APP(app, 1, 1);
	CHECK_INT(d->callbacks, 2);
	CHECK_INT(queue_len(&d->wire.in), 0);

	/* Swap: this one becomes the session, a new one listens. */
	session = *listener;
	*listener = new_listener(ctx, next);
	CHECK(SSL_get_rbio(session) == app->rbio);
	SSL_set_app_data(session, d);
	port_finish(&port, &client, session);
	CHECK_APP(app, 1, 2);
	CHECK_INT(d->callbacks, 3);
	stepper_free(&client);
	SSL_free(session);
}

int
main(void)
{
	SSL_CTX *ctx;
	BIO_ADDR *long_lived;
	struct app app;
	SSL *listener;

	check_begin("libcoap");
	ctx = tls_server_ctx();
	long_lived = BIO_ADDR_new();
	app_init(&app);
	app_install(&app, ctx);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);
	listener = new_listener(ctx, &data[0]);
	CHECK_INT(BIO_method_type(SSL_get_rbio(listener)), 0x515);
	one_session(ctx, &listener, &data[1], long_lived);
	one_session(ctx, &listener, &data[2], long_lived);
	SSL_free(listener);
	BIO_ADDR_free(long_lived);
	SSL_CTX_free(ctx);
	return check_end();
}
