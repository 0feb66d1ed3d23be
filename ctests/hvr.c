/*
 * Clause 1: a hello without a cookie is answered by a HelloVerifyRequest, byte
 * for byte as OpenSSL makes it, and listen goes on to the next datagram.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>

static struct wire wire;

static SSL *
server(SSL_CTX *ctx, struct app *app)
{
	SSL *ssl;

	app_init(app);
	app_install(app, ctx);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	app_expect(app, ssl);
	return ssl;
}

static void
answer(
    const SSL_METHOD *method, uint64_t seq, unsigned int message_seq, unsigned int record_version)
{
	SSL_CTX *ctx = tls_server_ctx_of(method);
	struct app app;
	SSL *ssl = server(ctx, &app);
	struct datagram *d;
	struct hello h;
	struct hvr v;

	hello_make(&h, NULL, 0);
	hello_put(&h, AT_SEQ, seq, 6);
	hello_put(&h, AT_MSG_SEQ, message_seq, 2);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	NEED((d = queue_get(&wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	CHECK_INT(v.record_version, record_version);
	CHECK_INT(v.seq, seq);
	CHECK_INT(v.message_seq, 0);
	CHECK_INT(v.body_version, 0xfeff);
	CHECK_INT(v.cookielen, app.cookielen);
	CHECK_BYTES(v.cookie, app.cookie, app.cookielen);
	CHECK_APP(&app, 1, 0);
	CHECK_INT((SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE) != 0, 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
test_fields(void)
{
	check_case("any version");
	answer(DTLS_server_method(), 0, 0, 0xfeff);
	answer(DTLS_method(), 0, 0, 0xfeff);
	check_case("DTLS 1.2 only");
	if (tls_dtls12_method() != NULL)
		answer(tls_dtls12_method(), 0, 0, 0xfefd);
	check_case("record sequence");
	answer(DTLS_server_method(), 7, 0, 0xfeff);
	answer(DTLS_server_method(), 0xffffffffffff, 0, 0xfeff);
	check_case("message_seq 1");
	answer(DTLS_server_method(), 1, 1, 0xfeff);
	check_case(NULL);
}

/* Three hellos without a cookie, one wrong, one right, in one call. */
static void
test_goes_on_reading(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	SSL *ssl = server(ctx, &app);
	struct hello h;
	int i;

	hello_make(&h, NULL, 0);
	for (i = 0; i < 3; i++)
		queue_put(&wire.in, h.byte, h.len);
	hello_make(&h, "wrong", 5);
	queue_put(&wire.in, h.byte, h.len);
	hello_make(&h, app.cookie, app.cookielen);
	queue_put(&wire.in, h.byte, h.len);
	hello_make(&h, NULL, 0);
	queue_put(&wire.in, h.byte, h.len);

	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.out), 4);
	CHECK_INT(queue_len(&wire.in), 1); /* not a datagram too many */
	CHECK_APP(&app, 4, 2);
	CHECK_INT((SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE) != 0, 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* A bad datagram ends the call; the rest waits for the next one. */
static void
test_stops_at_a_bad_one(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	SSL *ssl = server(ctx, &app);
	struct hello h;

	hello_make(&h, NULL, 0);
	queue_put(&wire.in, h.byte, h.len);
	queue_put(&wire.in, "garbage", 7);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	CHECK_INT(queue_len(&wire.out), 1);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.out), 2);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* The write BIO learns whom to answer from the read BIO, before the write. */
static void
test_write_peer(void)
{
	static const char *const who[] = { "192.0.2.7", "2001:db8::7" };
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	struct hello h;
	int i;

	hello_make(&h, NULL, 0);
	for (i = 0; i < 2; i++) {
		SSL *ssl = server(ctx, &app);

		check_case(who[i]);
		if (i == 0)
			wire_peer4(&wire, who[i], 5684);
		else
			wire_peer6(&wire, who[i], 5684);
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_INT(wire.peers_set, 1);
		CHECK_BYTES(&wire.peer_set, &wire.peer, wire.peerlen);
		SSL_free(ssl);
	}
	check_case("no peer known: none set");
	{
		SSL *ssl = server(ctx, &app);

		wire.has_peer = WIRE_UNKNOWN;
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_INT(wire.peers_set, 0);
		CHECK_INT(queue_len(&wire.out), 1);
		SSL_free(ssl);
	}
	check_case(NULL);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("hvr");
	test_fields();
	test_goes_on_reading();
	test_stops_at_a_bad_one();
	test_write_peer();
	return check_end();
}
