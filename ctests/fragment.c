/*
 * Clause 8: a hello has to fit one datagram; a first fragment that holds the
 * whole cookie counts, and on memory and custom BIOs returns 1, as OpenSSL's.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

#define HEAD 25 /* record and handshake header */

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;
static struct stepper client;

/* The first `keep` bytes of the message, as a fragment. */
static void
first_fragment(struct hello *h, const struct hello *whole, size_t keep)
{
	*h = *whole;
	h->len = HEAD + keep;
	hello_fix_fragment(h);
}

/*
 * A client on a path of 256 bytes: both its hellos come in two fragments. Of
 * the first hello, the first fragment is answered and the second refused; of
 * the second, the first holds the cookie.
 */
static void
two_fragments(SSL *ssl, struct port *port, const char *what)
{
	static unsigned char protocols[200];
	struct datagram *d;

	check_case(what);
	app_init(&app);
	app_install(&app, ctx);
	app_expect(&app, ssl);
	stepper_init(&client);
	memset(protocols, 'p', sizeof(protocols));
	protocols[0] = sizeof(protocols) - 1;
	NEED(SSL_set_alpn_protos(client.ssl, protocols, sizeof(protocols)) == 0);
	NEED(DTLS_set_link_mtu(client.ssl, 256));

	stepper_step(&client);
	CHECK_INT(queue_len(&client.wire.out), 2);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	port_give(port, d->byte, d->len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	port_give(port, d->byte, d->len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(SSL_R_FRAGMENTED_CLIENT_HELLO);
	CHECK_APP(&app, 1, 0);

	port_to_client(port, &client);
	stepper_step(&client);
	CHECK_INT(queue_len(&client.wire.out), 2);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	port_give(port, d->byte, d->len);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	CHECK_APP(&app, 1, 1);
	port_to_server(port, &client);
	port_finish(port, &client, ssl);
	CHECK_APP(&app, 1, 2);
	stepper_free(&client);
	check_case(NULL);
}

static void
test_two_fragments(void)
{
	struct port port = { .wire = &wire };
	SSL *ssl;

	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	two_fragments(ssl, &port, "custom BIO");
	SSL_free(ssl);

	port.wire = NULL;
	port.rmem = BIO_new(BIO_s_mem());
	port.wmem = BIO_new(BIO_s_mem());
	ssl = tls_server_on(ctx, port.rmem, port.wmem);
	two_fragments(ssl, &port, "memory BIOs");
	SSL_free(ssl);
}

/* Each number of bytes in the first fragment: refused up to the cookie's last
 * byte, accepted from there on. */
static void
test_every_cut(void)
{
	const size_t cookie_end = 2 + 32 + 1 + 1 + 20;
	struct hello h, whole;
	size_t n;

	app_init(&app);
	app_install(&app, ctx);
	hello_make(&whole, app.cookie, app.cookielen);
	for (n = 0; n < whole.len - HEAD; n++) {
		SSL *ssl;

		wire_init(&wire);
		ssl = tls_server_wire(ctx, &wire);
		first_fragment(&h, &whole, n);
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), n >= cookie_end);
		CHECK_QUEUED(n < cookie_end ? SSL_R_LENGTH_MISMATCH : 0);
		CHECK_INT(queue_len(&wire.out), 0);
		SSL_free(ssl);
	}
	CHECK_INT(app.verified, (long)(whole.len - HEAD - cookie_end));
}

/* One message in, answer or reason out. */
static void
judge(const char *what, struct hello *h, int ret, int reason, int answers)
{
	SSL *ssl;

	check_case(what);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	queue_put(&wire.in, h->byte, h->len);
	CHECK_INT(listen_to(ssl, NULL), ret);
	CHECK_QUEUED(reason);
	CHECK_INT(queue_len(&wire.out), answers);
	SSL_free(ssl);
	check_case(NULL);
}

static void
test_others(void)
{
	struct hello h;

	app_init(&app);
	app_install(&app, ctx);

	hello_make(&h, NULL, 0);
	hello_put(&h, AT_MSG_LEN, 1000, 3);
	judge("no cookie: challenged", &h, 0, 0, 1);
	hello_make(&h, "wrong", 5);
	hello_put(&h, AT_MSG_LEN, 1000, 3);
	judge("a wrong cookie: challenged", &h, 0, 0, 1);
	hello_make(&h, app.cookie, app.cookielen);
	hello_put(&h, AT_MSG_LEN, SSL_MAX_CERT_LIST_DEFAULT, 3);
	judge("the longest that libssl puts together", &h, 1, 0, 0);
	hello_put(&h, AT_MSG_LEN, SSL_MAX_CERT_LIST_DEFAULT + 1, 3);
	judge("one byte more", &h, 0, SSL_R_FRAGMENTED_CLIENT_HELLO, 0);
	hello_put(&h, AT_MSG_LEN, 0xffffff, 3);
	judge("the longest message", &h, 0, SSL_R_FRAGMENTED_CLIENT_HELLO, 0);
	CHECK_INT(app.verified, 2); /* nobody asked about those two */
	hello_put(&h, AT_FRAG_OFF, 1, 3);
	judge("not the first", &h, 0, SSL_R_FRAGMENTED_CLIENT_HELLO, 0);

	hello_make(&h, app.cookie, app.cookielen);
	hello_put(&h, AT_MSG_SEQ, 2, 2);
	judge("message_seq 2, the right cookie", &h, 0, SSL_R_INVALID_SEQUENCE_NUMBER, 0);
	hello_put(&h, AT_MSG_SEQ, 0, 2);
	judge("message_seq 0, the right cookie", &h, 1, 0, 0);
}

int
main(void)
{
	check_begin("fragment");
	ctx = tls_server_ctx();
	test_two_fragments();
	test_every_cut();
	test_others();
	SSL_CTX_free(ctx);
	return check_end();
}
