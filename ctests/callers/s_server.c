/*
 * `openssl s_server -dtls -listen`, blocking and -nbio: BIO_ADDR_new(), one
 * dgram BIO, 0 means the same SSL again, and then the listening socket itself
 * is connected to the client.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

static void
test(int family, int nbio)
{
	SSL_CTX *ctx = tls_server_ctx();
	BIO_ADDR *peer = BIO_ADDR_new();
	struct address own;
	struct client client;
	struct app app;
	int fd = net_bound(family, &own), ret = 0;
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server(ctx);

	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	if (nbio)
		net_nonblocking(fd);
	SSL_set_bio(ssl, b, b);
	SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	SSL_set_accept_state(ssl);
	app_expect(&app, ssl);
	client_start(&client, &own);

	while (ret == 0) {
		if (nbio)
			net_wait(fd);
		ret = DTLSv1_listen(ssl, peer);
	}
	NEED(ret == 1);
	CHECK_APP(&app, 1, 1);
	CHECK_INT(BIO_ADDR_family(peer), family);
	CHECK(BIO_ADDR_rawport(peer) != 0);

	CHECK_INT(BIO_connect(fd, peer, 0), 1);
	BIO_ctrl_set_connected(SSL_get_wbio(ssl), peer);
	serve(ssl);
	client_join(&client);
	CHECK_APP(&app, 1, 2);
	BIO_ADDR_free(peer);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

int
main(void)
{
	check_begin("s_server");
	test(AF_INET, 0);
	test(AF_INET, 1);
	if (net_has_ipv6("IPv6")) {
		test(AF_INET6, 0);
		test(AF_INET6, 1);
	}
	return check_end();
}
