/*
 * Smaller programs: a new SSL for every datagram that comes, thrown away
 * unless listen said 1. Nothing is kept between them, so nothing may be lost.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 3

int
main(void)
{
	struct client client[CLIENTS];
	struct address own;
	SSL_CTX *ctx;
	struct app app;
	int fd, i, ret, accepted = 0, served = 0;

	check_begin("ssl_per_datagram");
	ctx = tls_server_ctx();
	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	fd = net_nonblocking(net_bound(AF_INET, &own));
	clients_start(client, CLIENTS, &own);

	while (served < CLIENTS) {
		struct sockaddr_in peer;
		SSL *ssl = tls_server(ctx);
		BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

		SSL_set_bio(ssl, b, b);
		net_wait(fd);
		ret = listen_to(ssl, &peer);
		CHECK(ret == 0 || ret == 1);
		accepted += ret == 1;
		if (ret == 1 && client_is_new(client, CLIENTS, &peer)) {
			int own_fd = net_connected(&own, (struct sockaddr *)&peer, sizeof(peer));

			BIO_set_fd(b, own_fd, BIO_CLOSE);
			BIO_ctrl_set_connected(b, &peer);
			serve(ssl);
			served++;
		}
		SSL_free(ssl);
		ERR_clear_error();
	}
	for (i = 0; i < CLIENTS; i++)
		client_join(&client[i]);
	CHECK(app.generated >= CLIENTS);
	CHECK_INT(app.verified, accepted + CLIENTS);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
	return check_end();
}
