/*
 * Smaller programs: a read BIO and a write BIO of their own over one socket or
 * two, where the program itself sets the write BIO's peer.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void
test(int two_sockets)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct address own;
	struct client client;
	struct app app;
	char byte;
	int fd = net_bound(AF_INET, &own), out = two_sockets ? dup(fd) : fd;
	BIO *rbio = BIO_new_dgram(fd, BIO_NOCLOSE);
	BIO *wbio = BIO_new_dgram(out, BIO_NOCLOSE);
	SSL *ssl = tls_server(ctx);

	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	SSL_set_bio(ssl, rbio, wbio);
	app_expect(&app, ssl);
	client_start(&client, &own);
	NEED(recvfrom(fd, &byte, 1, MSG_PEEK, (struct sockaddr *)&from, &len) == 1);
	BIO_dgram_set_peer(wbio, &from);

	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_APP(&app, 1, 1);
	CHECK(SSL_get_rbio(ssl) == rbio && SSL_get_wbio(ssl) == wbio);
	memset(&from, 0, sizeof(from));
	CHECK(BIO_dgram_get_peer(wbio, &from) > 0);
	CHECK_BYTES(&from, &client.own.any, sizeof(from));
	serve(ssl);
	client_join(&client);
	CHECK_APP(&app, 1, 2);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	if (two_sockets)
		close(out);
	net_close(fd, &own);
}

int
main(void)
{
	check_begin("split_bios");
	test(0);
	test(1);
	return check_end();
}
