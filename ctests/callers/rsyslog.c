/*
 * rsyslog's imdtls: a debug callback on the BIO, a constant cookie, and a 0
 * from listen is tried again only when SSL_get_error() says SYSCALL (5);
 * anything else frees the SSL.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <openssl/err.h>

static int debugged_reads;
static int debug_argument;

static long
debug(
    BIO *b, int oper, const char *argp, size_t len, int argi, long argl, int ret, size_t *processed)
{
	(void)argp, (void)len, (void)argi, (void)argl, (void)processed;
	CHECK((int *)BIO_get_callback_arg(b) == &debug_argument);
	if (oper == (BIO_CB_READ | BIO_CB_RETURN))
		debugged_reads++;
	return ret;
}

static SSL *
new_client(SSL_CTX *ctx, int fd)
{
	SSL *ssl = tls_server(ctx);
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

	BIO_set_callback_ex(b, debug);
	BIO_set_callback_arg(b, (char *)&debug_argument);
	SSL_set_bio(ssl, b, b);
	SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	return ssl;
}

int
main(void)
{
	struct address own, other;
	struct client client;
	BIO_ADDR *peer;
	SSL_CTX *ctx;
	struct app app;
	int fd, junk, ret = 0;
	SSL *ssl;

	check_begin("rsyslog");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	fd = net_nonblocking(net_bound(AF_INET, &own));
	peer = BIO_ADDR_new();

	/* Garbage: not SYSCALL, so this SSL is given up. */
	junk = net_bound(AF_INET, &other);
	net_send(junk, "garbage", 7, &own);
	ssl = new_client(ctx, fd);
	net_wait(fd);
	ret = DTLSv1_listen(ssl, peer);
	CHECK_INT(ret, 0);
	CHECK_INT(SSL_get_error(ssl, ret), ERROR_OF_A_DROP);
	CHECK_INT(debugged_reads, 1);
	SSL_free(ssl);

	/* A client: 0 and SYSCALL until its cookie comes back. */
	ssl = new_client(ctx, fd);
	app_expect(&app, ssl);
	debugged_reads = 0;
	client_start(&client, &own);
	while (ret == 0) {
		net_wait(fd);
		ret = DTLSv1_listen(ssl, peer);
		if (ret <= 0)
			CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_SYSCALL);
	}
	CHECK_INT(ret, 1);
	CHECK(debugged_reads >= 2);
	CHECK(BIO_get_callback_ex(SSL_get_rbio(ssl)) == debug);
	CHECK_APP(&app, 1, 1);
	CHECK_INT(BIO_connect(fd, peer, 0), 1);
	BIO_ctrl_set_connected(SSL_get_rbio(ssl), peer);
	serve(ssl);
	client_join(&client);
	CHECK_APP(&app, 1, 2);

	BIO_ADDR_free(peer);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(junk, &other);
	net_close(fd, &own);
	return check_end();
}
