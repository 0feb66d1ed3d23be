/*
 * dtlsv1_listen_datagram(): one datagram in, one answer out, without an SSL, a
 * BIO or a socket. What it says of each is what DTLSv1_listen() does with it
 * (the differential harness compares many more).
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/door.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static SSL_CTX *ctx;
static struct address client;
static struct one got;

static void
test_the_usual_way(void)
{
	struct hello first, second, other;
	struct hvr v;

	hello_make(&first, NULL, 0);
	CHECK_INT(one(&got, ctx, &client, first.byte, first.len), ANSWER);
	CHECK_INT(got.len, ANSWER_LEN);
	hvr_parse(&v, got.out, got.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	CHECK_INT(v.record_version, 0xfeff);
	CHECK_INT(v.body_version, 0xfeff);
	CHECK_INT(v.cookielen, COOKIE_LEN);

	hello_make(&second, v.cookie, v.cookielen);
	CHECK_INT(one(&got, ctx, &client, second.byte, second.len), ADMIT);
	CHECK_INT(got.len, second.len);
	CHECK_BYTES(got.out, second.byte, second.len);
	check_case("once more: nothing is kept");
	CHECK_INT(one(&got, ctx, &client, second.byte, second.len), ADMIT);

	check_case("a wrong cookie is like none");
	other = second;
	other.byte[AT_COOKIE + 3] ^= 1;
	hello_put(&other, AT_SEQ, 0xabcdef, 6);
	CHECK_INT(one(&got, ctx, &client, other.byte, other.len), ANSWER);
	hvr_parse(&v, got.out, got.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	CHECK_INT(v.seq, 0xabcdef);

	check_case("nothing behind the first record");
	memset(second.byte + second.len, 0x16, 100);
	CHECK_INT(one(&got, ctx, &client, second.byte, second.len + 100), ADMIT);
	CHECK_INT(got.len, second.len);
	CHECK_BYTES(got.out, second.byte, second.len);

	check_case("out may be the datagram");
	other = second;
	got.len = sizeof(other.byte);
	CHECK_INT(ours.datagram(ctx, other.byte, second.len + 100, one_at(&client), client.len,
		      other.byte, &got.len),
	    ADMIT);
	CHECK_INT(got.len, second.len);
	CHECK_BYTES(other.byte, second.byte, second.len);
	other = first;
	got.len = sizeof(other.byte);
	CHECK_INT(ours.datagram(ctx, other.byte, first.len, one_at(&client), client.len, other.byte,
		      &got.len),
	    ANSWER);
	hvr_parse(&v, other.byte, got.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	check_case(NULL);
}

/* What is no hello, by reason: counted, and nothing else. */
static void
test_dropped(void)
{
	static const struct {
		const char *reason;
		size_t at;
		unsigned int value;
		size_t width, cut;
	} rows[] = {
		{ "record_too_small", 0, 22, 1, 12 },
		{ "record_too_small", 0, 22, 1, 0 },
		{ "not_handshake", AT_TYPE, 23, 1, 200 },
		{ "record_version", AT_VERSION, 0x0303, 2, 200 },
		{ "record_length", AT_LENGTH, 0xffff, 2, 200 },
		{ "epoch", AT_EPOCH, 1, 2, 200 },
		{ "handshake_length", AT_FRAG_LEN, 3, 3, 200 },
		{ "not_client_hello", AT_MSG_TYPE, 2, 1, 200 },
		{ "message_sequence", AT_MSG_SEQ, 2, 2, 200 },
		{ "fragment", AT_FRAG_OFF, 3, 3, 200 },
		{ "hello_length", AT_SESSION_ID, 255, 1, 200 },
	};
	char expected[128];
	struct hello h;
	size_t i, len;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_case(rows[i].reason);
		hello_make(&h, NULL, 0);
		hello_put(&h, rows[i].at, rows[i].value, rows[i].width);
		len = rows[i].cut < h.len ? rows[i].cut : h.len;
		(void)counters_changes();
		CHECK_INT(one(&got, ctx, &client, h.byte, len), DROP);
		if (len > 0)
			snprintf(expected, sizeof(expected),
			    "datagrams 1 bytes_in %zu discards_%s 1", len, rows[i].reason);
		else
			snprintf(expected, sizeof(expected), "datagrams 1 discards_%s 1",
			    rows[i].reason);
		CHECK_STR(counters_changes(), expected);
	}
	check_case(NULL);
}

static void
test_counted(void)
{
	struct hello h;
	char expected[160];

	(void)counters_changes();
	one_right(&h, ctx, &client);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 "
	    "bytes_out 60");
	CHECK_INT(one(&got, ctx, &client, h.byte, h.len), ADMIT);
	snprintf(expected, sizeof(expected), "datagrams 1 bytes_in %zu cookies_right 1", h.len);
	CHECK_STR(counters_changes(), expected);
	CHECK_INT(one(&got, ctx, &client, h.byte, h.len + 5), ADMIT);
	snprintf(expected, sizeof(expected),
	    "datagrams 1 bytes_in %zu cookies_right 1 trailing_dropped 1", h.len + 5);
	CHECK_STR(counters_changes(), expected);
	h.byte[AT_COOKIE + 1] ^= 1;
	CHECK_INT(one(&got, ctx, &client, h.byte, h.len), ANSWER);
	snprintf(expected, sizeof(expected),
	    "datagrams 1 bytes_in %zu "
	    "challenges 1 bytes_out 60 cookies_forged 1",
	    h.len);
	CHECK_STR(counters_changes(), expected);
}

/* Exactly so much room, and one byte less. */
static void
room_for(const struct hello *h, size_t need, int verdict)
{
	unsigned char out[1200];
	size_t len, i;

	memset(out, 0xa5, sizeof(out));
	len = need - 1;
	CHECK_INT(ours.datagram(ctx, h->byte, h->len, one_at(&client), client.len, out, &len), -1);
	CHECK_INT(ERR_GET_LIB(ERR_peek_error()), ERR_LIB_SSL);
	CHECK(ERR_GET_REASON(ERR_peek_error()) == ERR_R_PASSED_INVALID_ARGUMENT);
	ERR_clear_error();
	CHECK_INT(len, need - 1);
	for (i = 0; i < sizeof(out); i++)
		if (out[i] != 0xa5)
			break;
	CHECK_INT(i, sizeof(out));
	len = need;
	CHECK_INT(
	    ours.datagram(ctx, h->byte, h->len, one_at(&client), client.len, out, &len), verdict);
	CHECK_QUEUED(0);
	CHECK_INT(len, need);
	CHECK_INT(out[need], 0xa5);
}

static void
test_room(void)
{
	struct hello h, none;
	size_t len = 0;
	unsigned char out[1];

	hello_make(&none, NULL, 0);
	check_case("for an answer");
	room_for(&none, ANSWER_LEN, ANSWER);
	one_right(&h, ctx, &client);
	check_case("for a hello");
	room_for(&h, h.len, ADMIT);
	check_case("for nothing");
	CHECK_INT(ours.datagram(
		      ctx, (const unsigned char *)"x", 1, one_at(&client), client.len, out, &len),
	    DROP);
	CHECK_QUEUED(0);
	check_case(NULL);
}

/* The smallest hello that is answered is longer than its answer. */
static void
test_no_amplifier(void)
{
	struct hello h;
	size_t n;

	hello_make(&h, NULL, 0);
	for (n = AT_RANDOM; n <= h.len; n++) {
		struct hello cut = h;

		cut.len = n;
		hello_fix_message(&cut);
		if (one(&got, ctx, &client, cut.byte, cut.len) == ANSWER)
			CHECK(got.len <= n);
		else
			CHECK(n < 61);
	}
}

/* The caller's own errors stay; -1 says why on top of them. */
static void
test_queue_is_the_callers(void)
{
	struct hello h;
	size_t len = sizeof(got.out);
	BIGNUM *zero = BN_new();
	BN_CTX *ctx_bn = BN_CTX_new();

	NEED(zero != NULL && ctx_bn != NULL);
	hello_make(&h, NULL, 0);
	ERR_clear_error();
	NEED(BN_div(NULL, NULL, BN_value_one(), zero, ctx_bn) == 0);
	CHECK_INT(
	    ours.datagram(ctx, h.byte, h.len, one_at(&client), client.len, got.out, &len), ANSWER);
	len = sizeof(got.out);
	CHECK_INT(ours.datagram(ctx, h.byte, 5, one_at(&client), client.len, got.out, &len), DROP);
	len = sizeof(got.out);
	CHECK_INT(
	    ours.datagram(NULL, h.byte, h.len, one_at(&client), client.len, got.out, &len), -1);
	CHECK_INT(ERR_GET_LIB(ERR_get_error()), ERR_LIB_BN);
	CHECK(ERR_GET_REASON(ERR_get_error()) == ERR_R_PASSED_NULL_PARAMETER);
	CHECK_QUEUED(0);
	BN_CTX_free(ctx_bn);
	BN_free(zero);
}

int
main(void)
{
	check_begin("datagram");
	counters_init();
	client = one_peer4("192.0.2.1", 4433);
	ctx = tls_server_ctx();
	test_the_usual_way();
	test_dropped();
	test_counted();
	test_room();
	test_no_amplifier();
	test_queue_is_the_callers();
	SSL_CTX_free(ctx);
	return check_end();
}
