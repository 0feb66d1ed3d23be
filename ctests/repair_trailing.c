/*
 * Repair 2: of the verified hello's datagram libssl sees the hello and nothing
 * more. OpenSSL from 3.2 on shows what stands behind it to the handshake, which
 * nobody has verified (PR 28815).
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/far.h"
#include "lib/hello.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <string.h>

static SSL_CTX *ctx;
static struct app app;
static struct far far;

struct trailer {
	const char *what;
	size_t len;
	unsigned char byte[1200];
};

/* A record of epoch 0, numbered behind the hello. */
static void
add_record(struct trailer *t, int type, const void *body, size_t len)
{
	const unsigned char header[] = { (unsigned char)type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2,
		(unsigned char)(len >> 8), (unsigned char)len };

	NEED(t->len + sizeof(header) + len <= sizeof(t->byte));
	memcpy(t->byte + t->len, header, sizeof(header));
	memcpy(t->byte + t->len + sizeof(header), body, len);
	t->len += sizeof(header) + len;
}

static const unsigned char fatal[] = { 2, 40 }; /* handshake_failure */

static struct trailer
alert(void)
{
	struct trailer t = { .what = "a fatal alert" };

	add_record(&t, 21, fatal, sizeof(fatal));
	return t;
}

static long
repaired(void)
{
	struct dtlsv1_listen_stats stats;

	NEED(get_stats(&stats, sizeof(stats)) == 1);
	return (long)stats.trailing_dropped;
}

static SSL *
accepted(const struct trailer *t)
{
	SSL *ssl;

	check_case(t->what);
	app_init(&app);
	app_install(&app, ctx);
	far_init(&far, AF_INET);
	ssl = far_server(&far, ctx);
	app_expect(&app, ssl);
	far_accepted_with(&far, ssl, 1, t->byte, t->len);
	return ssl;
}

static void
unharmed(const struct trailer *t, int dropped)
{
	long before = repaired();
	SSL *ssl = accepted(t);

	CHECK_INT(repaired() - before, dropped);
	far_finish(&far, ssl);
	CHECK_APP(&app, 1, 2);
	SSL_free(ssl);
	far_free(&far);
	check_case(NULL);
}

/* Each of these would do something to a handshake, or to a parser. */
static void
test_hostile(void)
{
	static const unsigned char ccs[] = { 1 };
	static unsigned char noise[1000];
	struct trailer t;
	struct hello h;
	size_t n;

	t = alert();
	unharmed(&t, 1);
	for (n = 1; n < t.len; n++) {
		struct trailer cut = t;

		cut.what = "part of a record";
		cut.len = n;
		unharmed(&cut, 1);
	}
	t = (struct trailer){ .what = "a ChangeCipherSpec" };
	add_record(&t, 20, ccs, sizeof(ccs));
	unharmed(&t, 1);
	t = (struct trailer){ .what = "another hello" };
	hello_make(&h, app.cookie, app.cookielen);
	hello_put(&h, AT_MSG_SEQ, 2, 2);
	add_record(&t, 22, h.byte + AT_MSG_TYPE, h.len - AT_MSG_TYPE);
	unharmed(&t, 1);
	t = (struct trailer){ .what = "application data" };
	add_record(&t, 23, noise, sizeof(noise));
	unharmed(&t, 1);
	t = (struct trailer){ .what = "an empty record, then an alert" };
	add_record(&t, 22, noise, 0);
	add_record(&t, 21, fatal, sizeof(fatal));
	unharmed(&t, 1);
	t = (struct trailer){ .what = "no record", .len = 1000 };
	memset(t.byte, 0xff, t.len);
	unharmed(&t, 1);
}

/* Switched off, libssl is shown the whole datagram: where that is a defect,
 * the alert ends the handshake. */
static void
test_switched_off(void)
{
	struct trailer t = alert();
	SSL *ssl;
	int ret;

	NEED(ours.set_repairs(ctx, ALL & ~TRAILING) == 1);
	if (OpenSSL_version_num() < 0x30200000UL) {
		unharmed(&t, 0);
	} else {
		ssl = accepted(&t);
		ret = SSL_accept(ssl);
		CHECK(ret <= 0);
		if (SSL_get_error(ssl, ret) == SSL_ERROR_WANT_READ)
			ret = SSL_accept(ssl);
		CHECK(SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ);
		CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
		ERR_clear_error();
		SSL_free(ssl);
		far_free(&far);
	}
	NEED(ours.set_repairs(ctx, TRAILING) == 1);
	unharmed(&t, 1);
}

/* On a BIO that is no socket as well. */
static void
test_custom_bio(void)
{
	unsigned char bytes[2 * WIRE_MAX];
	struct trailer t = alert();
	struct stepper client;
	struct wire wire;
	struct port port = { .wire = &wire };
	struct datagram *d;
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	app_expect(&app, ssl);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 0);
	port_to_client(&port, &client);
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL);
	memcpy(bytes, d->byte, d->len);
	memcpy(bytes + d->len, t.byte, t.len);
	port_give(&port, bytes, d->len + t.len);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	port_finish(&port, &client, ssl);
	CHECK_APP(&app, 1, 2);
	stepper_free(&client);
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("repair_trailing");
	counters_init();
	ctx = tls_server_ctx();
	test_hostile();
	test_switched_off();
	test_custom_bio();
	SSL_CTX_free(ctx);
	return check_end();
}
