/*
 * Writes through the BIO of repair 1 that block, fail, or take less than they were
 * given: the application's own BIO does, and nothing is lost or numbered twice.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/far.h"

static SSL_CTX *ctx;
static struct app app;
static struct far far;

static SSL *
server(void)
{
	app_init(&app);
	app_install(&app, ctx);
	far_init(&far, AF_INET);
	return far_server(&far, ctx);
}

/* The application's callback on its BIO, which can make it block, fail, or
 * write less than it was given. */
static enum { PASS, BLOCK, FAIL, SHORT } writes;

static long
obstacle(BIO *b, int when, const char *p, size_t len, int i, long l, int ret, size_t *done)
{
	(void)p;
	(void)i;
	(void)l;
	if (when == BIO_CB_WRITE && writes == BLOCK) {
		BIO_clear_retry_flags(b);
		BIO_set_retry_write(b);
		return -1;
	}
	if (when == BIO_CB_WRITE && writes == FAIL) {
		BIO_clear_retry_flags(b);
		return -1;
	}
	if (when == (BIO_CB_WRITE | BIO_CB_RETURN) && writes == SHORT && ret > 0 && len > 1)
		*done = len - 1;
	return ret;
}

static void
test_write_that_fails(void)
{
	static const unsigned char alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0 };
	SSL *ssl = server();
	BIO *w;
	int ret, i;

	far_accepted(&far, ssl, 5);
	BIO_set_callback_ex(SSL_get_rbio(ssl), obstacle);
	w = SSL_get_wbio(ssl);
	writes = BLOCK;
	for (i = 0; i < 3; i++) {
		ret = SSL_accept(ssl);
		CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_WRITE);
		CHECK(BIO_should_write(SSL_get_wbio(ssl)));
		CHECK_INT(far_collect(&far, 0), 0);
	}
	writes = PASS;
	far_finish(&far, ssl);
	for (i = 0; i < far.records; i++)
		CHECK_INT(far.record[i].seq, 5 + i);

	writes = SHORT;
	CHECK_INT(BIO_write(w, alert, sizeof(alert)), sizeof(alert) - 1);
	writes = FAIL;
	CHECK(BIO_write(w, alert, sizeof(alert)) < 0);
	CHECK(!BIO_should_retry(w));
	writes = BLOCK;
	CHECK(BIO_write(w, alert, sizeof(alert)) < 0);
	CHECK(BIO_should_write(w));
	writes = PASS;
	SSL_free(ssl);
	far_free(&far);
}

int
main(void)
{
	check_begin("repair_writes");
	ctx = tls_server_ctx();
	test_write_that_fails();
	SSL_CTX_free(ctx);
	return check_end();
}
