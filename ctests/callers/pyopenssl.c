/*
 * pyOpenSSL: two memory BIOs, a BIO_ADDR that is thrown away, and callbacks
 * that find their Python object in a table keyed by the SSL pointer.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/tls.h"

struct connection {
	const SSL *ssl;
	int generated, verified;
};

static struct connection table[2];

static struct connection *
find(const SSL *ssl)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (table[i].ssl == ssl)
			return &table[i];
	check_die("the SSL pointer is a known one", __FILE__, __LINE__);
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	find(ssl)->generated++;
	return app_generate(ssl, cookie, len);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	find(ssl)->verified++;
	return app_verify(ssl, cookie, len);
}

/* Connection.DTLSv1_listen(): 0 raises WantReadError, < 0 raises Error. */
static int
listen_like_python(SSL *ssl)
{
	BIO_ADDR *ignored = BIO_ADDR_new();
	int ret = DTLSv1_listen(ssl, ignored);

	CHECK(ret >= 0);
	CHECK_INT(BIO_ADDR_family(ignored), AF_UNSPEC);
	BIO_ADDR_free(ignored);
	return ret;
}

int
main(void)
{
	static struct stepper client[2];
	struct port port[2];
	SSL *ssl[2];
	SSL_CTX *ctx;
	struct app app;
	int i;

	check_begin("pyopenssl");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);

	/* Two connections whose steps interleave. */
	for (i = 0; i < 2; i++) {
		port[i].wire = NULL;
		port[i].rmem = BIO_new(BIO_s_mem());
		port[i].wmem = BIO_new(BIO_s_mem());
		ssl[i] = tls_server_on(ctx, port[i].rmem, port[i].wmem);
		SSL_set_options(ssl[i], SSL_OP_COOKIE_EXCHANGE);
		SSL_set_accept_state(ssl[i]);
		table[i].ssl = ssl[i];
		CHECK_INT(listen_like_python(ssl[i]), 0);
		stepper_init(&client[i]);
		stepper_step(&client[i]);
	}
	for (i = 0; i < 2; i++) {
		port_to_server(&port[i], &client[i]);
		CHECK_INT(listen_like_python(ssl[i]), 0);
		CHECK_INT(table[i].generated, 1);
		port_to_client(&port[i], &client[i]);
		stepper_step(&client[i]);
	}
	for (i = 0; i < 2; i++) {
		port_to_server(&port[i], &client[i]);
		CHECK_INT(listen_like_python(ssl[i]), 1);
		CHECK_INT(table[i].verified, 1);
		CHECK(SSL_get_rbio(ssl[i]) == port[i].rmem);
		CHECK(SSL_get_wbio(ssl[i]) == port[i].wmem);
	}
	for (i = 0; i < 2; i++) {
		port_finish(&port[i], &client[i], ssl[i]);
		CHECK_INT(table[i].generated, 1);
		CHECK_INT(table[i].verified, 2);
		stepper_free(&client[i]);
		SSL_free(ssl[i]);
	}
	SSL_CTX_free(ctx);
	return check_end();
}
