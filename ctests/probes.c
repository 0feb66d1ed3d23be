/*
 * Something for a tracer to see: a challenge, a drop and an accepted client of
 * each address family (probes.test has gdb look on). Without one, nobody asks
 * the BIO for the peer of a datagram that is dropped.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
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
	return check_end();
}
