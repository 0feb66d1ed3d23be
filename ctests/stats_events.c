/*
 * dtlsv1_listen_get_stats(): answers that could not be sent, hellos that libssl did
 * not take, repairs, and each reason for which a datagram is dropped.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/give.h"
#include "lib/frag.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static SSL_CTX *ctx;
static struct app app;

static void
test_writes(void)
{
	SSL *ssl = give_server(ctx);

	app_init(&app);
	give_wire.write = WIRE_WRITE_BLOCK;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 writes_blocked 1");
	give_wire.write = WIRE_WRITE_FAIL;
	CHECK_INT(give_hello(ssl, NULL, 0), -1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 writes_failed 1");
	give_wire.write = WIRE_TAKE;
	give_wire.flush = WIRE_FLUSH_FAIL;
	CHECK_INT(give_hello(ssl, NULL, 0), -1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 writes_failed 1");
	give_wire.end = WIRE_ERROR;
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_STR(counters_changes(), "");
	SSL_free(ssl);
}

/* libssl refuses what we hand it: somebody took its callback away. */
static void
test_handoff(void)
{
	void (*set_verify)(SSL_CTX *, int (*)(SSL *, const unsigned char *, unsigned int));
	void *own = libssl_own("SSL_CTX_set_cookie_verify_cb");
	SSL_CTX *c = tls_server_ctx();
	SSL *ssl;

	memcpy(&set_verify, &own, sizeof(set_verify));
	app_init(&app);
	app_install(&app, c);
	ssl = give_server(c);
	CHECK_INT(listen_to(ssl, NULL), 0); /* puts the callbacks in place */
	set_verify(c, NULL);
	CHECK_INT(give_hello(ssl, app.cookie, app.cookielen), -1);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 111 "
	    "cookies_right 1 handoffs_failed 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

/* A hello in several datagrams, under a record sequence number that OpenSSL
 * 3.2 and later would not answer with. */
static void
test_repairs(void)
{
	int repaired = OpenSSL_version_num() >= 0x30200000UL;
	struct dtlsv1_listen_stats before, after;
	SSL_CTX *c = tls_server_ctx();
	struct frag_server s;
	struct frag_client client;
	unsigned int waiting, i;
	int strange;

	frag_server_init(&s, c, AF_INET);
	frag_client_init(&client, &s.own, 600, FRAG_MTU);
	waiting = frag_second_hello(&client, &s);
	CHECK(waiting > 1);
	NEED(get_stats(&before, sizeof(before)) == 1);
	for (i = 0; i < waiting; i++)
		frag_send(&client, i);
	CHECK_INT(frag_listen(&s, NULL, &strange), 1);
	CHECK_INT(SSL_accept(s.ssl), -1); /* the first flight is out */
	ERR_clear_error();
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.datagrams - before.datagrams, waiting);
	CHECK_INT(after.hellos_gathered - before.hellos_gathered, 1);
	CHECK_INT(after.sequences_repaired - before.sequences_repaired, repaired);
	CHECK_INT(after.accepted - before.accepted, 1);
	frag_client_free(&client);
	frag_server_free(&s);
	SSL_CTX_free(c);
	(void)counters_changes();
}

static void
test_discards(void)
{
	static const struct {
		const char *change;
		size_t at, width;
		uint64_t value;
	} rows[] = {
		{ "discards_not_handshake 1", AT_TYPE, 1, 21 },
		{ "discards_record_version 1", AT_VERSION, 2, 0x0303 },
		{ "discards_record_length 1", AT_LENGTH, 2, 500 },
		{ "discards_epoch 1", AT_EPOCH, 2, 1 },
		{ "discards_handshake_length 1", AT_LENGTH, 2, 70 },
		{ "discards_not_client_hello 1", AT_MSG_TYPE, 1, 2 },
		{ "discards_message_sequence 1", AT_MSG_SEQ, 2, 2 },
		{ "discards_fragment 1", AT_MSG_LEN, 3, 1 },
		{ "discards_hello_length 1", AT_SESSION_ID, 1, 200 },
		{ "discards_client_version 1", AT_CLIENT_VERSION, 2, 0xfeff },
	};
	const SSL_METHOD *fixed = tls_dtls12_method();
	SSL_CTX *c = tls_server_ctx_of(fixed != NULL ? fixed : DTLS_server_method());
	SSL *ssl = give_server(c);
	struct hello h;
	char want[100];
	size_t i;

	/* The last row needs a method of one version: OpenSSL 4.0 has none. */
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) - (fixed == NULL); i++) {
		check_case(rows[i].change);
		hello_make(&h, NULL, 0);
		hello_put(&h, rows[i].at, rows[i].value, rows[i].width);
		CHECK_INT(give(ssl, h.byte, h.len), 0);
		snprintf(want, sizeof(want), "datagrams 1 bytes_in 91 %s", rows[i].change);
		CHECK_STR(counters_changes(), want);
	}
	check_case(NULL);
	CHECK_INT(give(ssl, "twelve bytes", 12), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 12 discards_record_too_small 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

int
main(void)
{
	check_begin("stats_events");
	counters_init();
	ctx = tls_server_ctx();
	test_writes();
	test_handoff();
	test_repairs();
	test_discards();
	SSL_CTX_free(ctx);
	return check_end();
}
