/*
 * Repair 1: the first record that a server sends carries the record sequence
 * number of the hello that it answers (RFC 6347, section 4.2.1), and those
 * behind it follow. OpenSSL 3.2 to 4.0 begin at 1 instead (issue 32063).
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/far.h"
#include "lib/hello.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <sys/time.h>
#include <unistd.h>

#define LAST (((uint64_t)1 << 48) - 1)

enum { SERVER_HELLO = 2, CLIENT_KEY_EXCHANGE = 16 };

static SSL_CTX *ctx;
static struct app app;
static struct far far;

/* Does libssl itself begin at 1, whatever the hello's number? LibreSSL's
 * version is less than any of those. */
static int
libssl_is_wrong(void)
{
	return OpenSSL_version_num() >= 0x30200000UL;
}

static long
repaired(void)
{
	struct dtlsv1_listen_stats stats;

	NEED(get_stats(&stats, sizeof(stats)) == 1);
	return (long)stats.sequences_repaired;
}

static SSL *
server(int family)
{
	SSL *ssl;

	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	far_init(&far, family);
	ssl = far_server(&far, ctx);
	app_expect(&app, ssl);
	return ssl;
}

/* The records noted from `from` on are numbered from `seq` on, without a gap
 * or a repetition. */
static void
check_numbers(int from, uint64_t seq)
{
	int i;

	CHECK(far.records > from);
	for (i = from; i < far.records; i++)
		CHECK_INT(far.record[i].seq, seq + (uint64_t)(i - from));
}

static void
handshake(int family, uint64_t seq, uint64_t first)
{
	SSL *ssl = server(family);
	long before = repaired();

	far_accepted(&far, ssl, seq);
	far_finish(&far, ssl);
	CHECK_INT(far.record[0].msg, SERVER_HELLO);
	check_numbers(0, first);
	CHECK_INT(repaired() - before, libssl_is_wrong() && first > 1);
	CHECK_APP(&app, 1, 2);
	SSL_free(ssl);
	far_free(&far);
}

static void
test_first_number(void)
{
	static const uint64_t numbers[] = { 1, 2, 3, 63, 64, 65, 1000, 0xffffffff, 0x100000000,
		LAST - 100 };
	static const int families[] = { AF_INET, AF_INET6 };
	size_t i, k, n = net_has_ipv6("IPv6") ? 2 : 1;

	for (k = 0; k < n; k++) {
		for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			check_case(k == 0 ? "IPv4" : "IPv6");
			handshake(families[k], numbers[i], numbers[i]);
		}
	}
	check_case(NULL);
}

/* Without the repair libssl's own numbers go out: what the test above would
 * see, had nothing been repaired. */
static void
test_switched_off(void)
{
	NEED(ours.set_repairs(ctx, ALL & ~SEQUENCE) == 1);
	handshake(AF_INET, 5, libssl_is_wrong() ? 1 : 5);
	NEED(ours.set_repairs(ctx, SEQUENCE) == 1);
	handshake(AF_INET, 5, 5);
	CHECK_INT(ours.set_repairs(ctx, 8), 0);
	ERR_clear_error();
	CHECK_INT(ours.set_repairs(NULL, ALL), 0);
	ERR_clear_error();
	NEED(ours.set_repairs(ctx, ALL) == 1);
	handshake(AF_INET, 5, 5);
}

/* The server's flight is lost, twice; what it sends again is numbered on. */
static void
test_lost_flight(void)
{
	SSL *ssl = server(AF_INET);
	int ret, again, first_flight;

	far_accepted(&far, ssl, 7);
	tls_impatient(ssl);
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	CHECK(far_collect(&far, 0) > 0);
	first_flight = far.records;
	for (again = 0; again < 2; again++) {
		if (again == 1)
			tls_patient(ssl);
		tls_time_out(ssl);
		CHECK(far_collect(&far, again == 1) > 0);
	}
	CHECK_INT(far.records, 3 * first_flight);
	CHECK_INT(far.record[2 * first_flight].msg, SERVER_HELLO);
	far_finish(&far, ssl);
	check_numbers(0, 7);
	SSL_free(ssl);
	far_free(&far);
}

/* The server's last flight is lost: its ChangeCipherSpec is sent once more in
 * epoch 0 when the server has long been writing in epoch 1. */
static void
test_lost_last_flight(void)
{
	SSL *ssl = server(AF_INET);
	char none[8];
	int ret, before;

	far_accepted(&far, ssl, 9);
	tls_impatient(far.client.ssl);
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	far_collect(&far, 1);
	stepper_step(&far.client);
	far_to_server(&far);
	CHECK_INT(SSL_accept(ssl), 1);
	before = far.records;
	CHECK(far_collect(&far, 0) > 0);
	CHECK(far.records > before);

	tls_patient(far.client.ssl);
	tls_time_out(far.client.ssl);
	far_to_server(&far);
	before = far.records;
	CHECK(SSL_read(ssl, none, sizeof(none)) <= 0);
	CHECK(far_collect(&far, 1) > 0);
	CHECK(far.records > before);
	CHECK_INT(stepper_step(&far.client), 1);
	far_finish(&far, ssl);
	check_numbers(0, 9);
	SSL_free(ssl);
	far_free(&far);
}

/* HelloVerifyRequests keep the numbers of their hellos (6347, 4.2.1), on an
 * SSL that was through a repaired handshake too; so does the next client. */
static void
test_next_client(void)
{
	static const uint64_t numbers[] = { 100, 0, 1, 2, LAST };
	SSL *ssl = server(AF_INET);
	struct hello h;
	uint64_t seq;
	size_t i;

	far_accepted(&far, ssl, 6);
	far_finish(&far, ssl);
	check_numbers(0, 6);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		far.records = 0;
		hello_make(&h, NULL, 0);
		hello_put(&h, AT_SEQ, numbers[i], 6);
		net_send(far.fd, h.byte, h.len, &far.server);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_INT(far_collect(&far, 0), 1);
		CHECK_INT(far.record[0].msg, 3);
		CHECK_INT(far.record[0].seq, numbers[i]);
	}
	for (seq = 1; seq < 5; seq++) {
		stepper_free(&far.client);
		stepper_init(&far.client);
		far.shift = 0;
		far.records = 0;
		far_accepted(&far, ssl, seq);
		far_finish(&far, ssl);
		check_numbers(0, seq);
	}
	SSL_free(ssl);
	far_free(&far);
}

/* The same SSL for a client that libssl takes without listening: its numbers
 * begin where libssl has them begin. */
static void
test_without_listen(void)
{
	SSL *ssl = server(AF_INET);

	far_accepted(&far, ssl, 6);
	far_finish(&far, ssl);
	SSL_clear_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	NEED(SSL_clear(ssl) == 1);
	(void)DTLS_set_link_mtu(ssl, 1400);
	stepper_free(&far.client);
	stepper_init(&far.client);
	far.shift = 0;
	far.records = 0;
	stepper_step(&far.client);
	far_to_server(&far);
	far_finish(&far, ssl);
	check_numbers(0, 0);
	SSL_free(ssl);
	far_free(&far);
}

/* A handshake that the server refuses: the alert, too, is one that the client
 * does not drop. */
static void
test_alert(void)
{
	SSL *ssl = server(AF_INET);
	int ret;

	NEED(SSL_set_cipher_list(ssl, "ECDHE-RSA-AES256-GCM-SHA384") == 1);
	far_accepted(&far, ssl, 4);
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_SSL);
	ERR_clear_error();
	CHECK_INT(far_collect(&far, 0), 1);
	CHECK_INT(far.record[0].type, 21);
	check_numbers(0, 4);
	SSL_free(ssl);
	far_free(&far);
}

/* As high as there are numbers: never past the last. */
static void
test_last_numbers(void)
{
	SSL *ssl = server(AF_INET);
	int ret, i;

	far_accepted(&far, ssl, LAST);
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	CHECK(far_collect(&far, 0) > 0);
	if (libssl_is_wrong()) {
		CHECK_INT(far.record[0].seq, LAST);
		for (i = 1; i < far.records; i++)
			CHECK_INT(far.record[i].seq, i + 1);
	}
	SSL_free(ssl);
	far_free(&far);
}

int
main(void)
{
	check_begin("repair_sequence");
	counters_init();
	ctx = tls_server_ctx();
	test_first_number();
	test_switched_off();
	test_lost_flight();
	test_lost_last_flight();
	test_next_client();
	test_without_listen();
	test_alert();
	test_last_numbers();
	SSL_CTX_free(ctx);
	return check_end();
}
