/*
 * Something for a tracer to see: a challenge, a drop and an accepted client of
 * each address family, and of a listener (probes.test has gdb look on). Without
 * one, nobody asks the BIO for the peer of a datagram that is dropped.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <stdlib.h>

static struct app app;
static struct wire wire;

static void
serve_peer(SSL *ssl)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	queue_clear(&wire.out);

	wire.peers_read = 0;
	hello_put(&h, AT_EPOCH, 1, 2);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(SSL_R_UNEXPECTED_MESSAGE);
	CHECK_INT(wire.peers_read, getenv("CTESTS_TRACED") != NULL);

	hello_make(&h, app.cookie, app.cookielen);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 1);
}

static void
serve_clients(SSL_CTX *ctx)
{
	struct address at, own;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	unsigned char bytes[256];
	int fd = net_bound(AF_INET, &own), n;
	struct hello h;
	struct hvr hvr;
	SSL *ssl;

	hello_make(&h, NULL, 0);
	net_send(fd, h.byte, h.len, &at);
	CHECK_INT(lf.run(listener, 1000), 0);
	net_wait(fd);
	n = (int)recv(fd, bytes, sizeof(bytes), 0);
	hvr_parse(&hvr, bytes, (size_t)n);
	CHECK(n > 0 && hvr.bad == NULL);

	hello_put(&h, AT_TYPE, 23, 1);
	net_send(fd, h.byte, h.len, &at);
	CHECK_INT(lf.run(listener, 1000), 0);

	hello_make(&h, hvr.cookie, hvr.cookielen);
	net_send(fd, h.byte, h.len, &at);
	CHECK_INT(lf.run(listener, 1000), 1);
	NEED((ssl = lf.next(listener, NULL)) != NULL);
	SSL_free(ssl);
	lf.free(listener);
	net_close(fd, &own);
}

int
main(void)
{
	SSL_CTX *ctx;
	SSL *ssl;
	int i;

	check_begin("probes");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	for (i = 0; i < 3; i++) {
		wire_init(&wire);
		if (i == 0)
			wire_peer4(&wire, "192.0.2.1", 5684);
		else if (i == 1)
			wire_peer6(&wire, "2001:db8::1", 65535);
		else
			wire.has_peer = WIRE_UNKNOWN;
		ssl = tls_server_wire(ctx, &wire);
		serve_peer(ssl);
		SSL_free(ssl);
	}
	SSL_CTX_free(ctx);
	listener_init();
	ctx = tls_server_ctx();
	serve_clients(ctx);
	SSL_CTX_free(ctx);
	return check_end();
}
