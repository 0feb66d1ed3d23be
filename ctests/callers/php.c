/*
 * PHP's openssl extension with DTLS: non-blocking and poll(), < 0 is fatal, 0
 * waits, and then the listening descriptor is connected.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <string.h>

int
main(void)
{
	static const char garbage[] = "\x16\xfe\xff a longer piece of garbage";
	struct address own, other;
	struct client client;
	BIO_ADDR *peer;
	SSL_CTX *ctx;
	struct app app;
	int fd, junk, ret = 0;
	SSL *ssl;
	BIO *b;

	check_begin("php");
	ctx = tls_server_ctx();
	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	fd = net_nonblocking(net_bound(AF_INET, &own));
	junk = net_bound(AF_INET, &other);
	ssl = tls_server(ctx);
	b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL_set_bio(ssl, b, b);
	SSL_set_accept_state(ssl);
	app_expect(&app, ssl);
	peer = BIO_ADDR_new();

	/* What strangers send is never fatal. */
	net_send(junk, "x", 1, &own);
	net_send(junk, garbage, sizeof(garbage), &own);
	net_send(junk, "", 0, &own); /* OpenSSL's returns -1 for that */
	client_start(&client, &own);
	while (ret == 0) {
		net_wait(fd);
		ret = DTLSv1_listen(ssl, peer);
	}
	NEED(ret == 1);
	CHECK_APP(&app, 1, 1);
	CHECK_INT(BIO_ADDR_family(peer), AF_INET);
	CHECK_INT(BIO_connect(fd, peer, 0), 1);
	BIO_ctrl_set_connected(b, peer);
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
