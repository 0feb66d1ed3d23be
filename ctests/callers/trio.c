/*
 * trio: makes and checks the cookies itself, outside OpenSSL. Only a hello
 * that it has found good is put into the memory BIO; a verify callback that
 * always says yes, no generate callback. After listen a second copy of the
 * hello follows, and then the handshake.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <string.h>

static int
yes(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)cookie;
	(void)len;
	app_saw(ssl, &app_of(ssl)->verified);
	return 1;
}

int
main(void)
{
	static struct stepper client;
	unsigned char challenge[64];
	struct port port = { 0 };
	struct datagram *d, hello;
	BIO_ADDR *ignored;
	SSL_CTX *ctx;
	struct app app;
	SSL *ssl;

	check_begin("trio");
	ctx = tls_server_ctx();
	app_init(&app);
	SSL_CTX_set_app_data(ctx, &app);
	SSL_CTX_set_cookie_verify_cb(ctx, yes);
	ignored = BIO_ADDR_new();

	/* trio's own challenge. */
	stepper_init(&client);
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	queue_put(&client.wire.in, challenge, hvr_make(challenge, 0, "trio's own cookie", 17));
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	hello = *d;

	port.rmem = BIO_new(BIO_s_mem());
	port.wmem = BIO_new(BIO_s_mem());
	ssl = tls_server_on(ctx, port.rmem, port.wmem);
	SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	SSL_set_accept_state(ssl);
	app_expect(&app, ssl);

	port_give(&port, hello.byte, hello.len);
	CHECK_INT(DTLSv1_listen(ssl, ignored), 1);
	CHECK_QUEUED(0);
	CHECK_INT(BIO_pending(port.rmem), 0);
	CHECK_INT(BIO_pending(port.wmem), 0); /* nothing was answered */
	CHECK_APP(&app, 0, 1);

	port_give(&port, hello.byte, hello.len);
	port_finish(&port, &client, ssl);
	CHECK_APP(&app, 0, 2);
	BIO_ADDR_free(ignored);
	stepper_free(&client);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return check_end();
}
