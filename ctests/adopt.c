/*
 * dtlsv1_listen_adopt(): an SSL goes on from a hello that was admitted without
 * it. Over BIOs of every kind, which are neither read nor written; with 0, 1 and
 * 2 answers lost, after which the first record of the server's has the hello's
 * number (RFC 6347, section 4.2.1).
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/end.h"
#include "lib/one.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <string.h>

enum { SERVER_HELLO = 2 };

static SSL_CTX *ctx;
static struct address client;
static struct one got;

/* The client's next datagram, judged; its answer goes back unless it is lost. */
static int
judge_next(struct stepper *s, int lost)
{
	struct datagram *d = queue_get(&s->wire.out);
	int verdict;

	NEED(d != NULL);
	CHECK_INT(queue_len(&s->wire.out), 0);
	verdict = one(&got, ctx, &client, d->byte, d->len);
	if (verdict == ANSWER && !lost)
		queue_put(&s->wire.in, got.out, got.len);
	return verdict;
}

/* A client that has lost so many answers; its hello, admitted, is in `got`. */
static void
admitted(struct stepper *s, int lost)
{
	int i;

	stepper_init(s);
	if (lost > 0)
		tls_impatient(s->ssl);
	CHECK_INT(stepper_step(s), 0);
	for (i = 0; i < lost; i++) {
		CHECK_INT(judge_next(s, 1), ANSWER);
		if (i == lost - 1)
			tls_patient(s->ssl);
		tls_time_out(s->ssl);
	}
	CHECK_INT(judge_next(s, 0), ANSWER);
	CHECK_INT(stepper_step(s), 0);
	CHECK_INT(judge_next(s, 0), ADMIT);
}

static uint64_t
number_of(const unsigned char *record)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 6; i++)
		n = n << 8 | record[5 + i];
	return n;
}

static int
adopt(SSL *ssl)
{
	return ours.adopt(ssl, got.out, got.len, one_at(&client), client.len);
}

static void
test_handshakes(void)
{
	unsigned char first[64];
	struct stepper s;
	struct end e;
	enum end_kind kind;
	uint64_t number;
	size_t len;
	SSL *ssl;
	int lost;

	for (kind = 0; kind < END_KINDS; kind++) {
		for (lost = 0; lost < 3; lost++) {
			check_case(end_name(kind));
			admitted(&s, lost);
			number = number_of(got.out);
			CHECK_INT(number, lost + 1);
			ssl = end_server(&e, kind, ctx);
			CHECK_INT(adopt(ssl), 1);
			CHECK_QUEUED(0);
			CHECK(SSL_get_rbio(ssl) == e.rbio);
			CHECK_INT(end_take(&e, first, sizeof(first)), 0);
			len = 0;
			end_finish(&e, &s, ssl, first, sizeof(first), &len);
			CHECK(len > 14);
			CHECK_INT(first[13], SERVER_HELLO);
			CHECK_INT(number_of(first), number);
			end_free(&e, ssl);
			stepper_free(&s);
		}
	}
	check_case(NULL);
}

/* What waits in the BIOs stays there, and nothing is written to them. */
static void
test_bios_are_left_alone(void)
{
	struct stepper s;
	struct end e;
	enum end_kind kind;
	unsigned char none[64];
	SSL *ssl;

	for (kind = 0; kind < END_KINDS; kind++) {
		check_case(end_name(kind));
		admitted(&s, 0);
		ssl = end_server(&e, kind, ctx);
		end_give(&e, "not to be read", 14);
		CHECK_INT(adopt(ssl), 1);
		CHECK_INT(end_waiting(&e), 14);
		CHECK_INT(end_take(&e, none, sizeof(none)), 0);
		CHECK_INT(e.wire.reads, 0);
		CHECK_INT(e.wire.writes, 0);
		end_free(&e, ssl);
		stepper_free(&s);
	}
	check_case(NULL);
}

/* Accepted once, counted once; the cookie in `got` was counted before. */
static void
test_counted(void)
{
	struct stepper s;
	struct end e;
	SSL *ssl;

	admitted(&s, 0);
	ssl = end_server(&e, END_MEMORY, ctx);
	(void)counters_changes();
	CHECK_INT(adopt(ssl), 1);
	CHECK_STR(counters_changes(), "accepted 1");
	got.out[AT_COOKIE + 9] ^= 1;
	CHECK_INT(adopt(ssl), 0);
	CHECK_STR(counters_changes(), "cookies_forged 1");
	CHECK_INT(ours.adopt(ssl, got.out, 12, one_at(&client), client.len), 0);
	CHECK_STR(counters_changes(), "");
	end_free(&e, ssl);
	stepper_free(&s);
}

/* The datagram that was admitted does as well: what is behind its first record
 * does not reach libssl. */
static void
test_with_a_tail(void)
{
	static const unsigned char alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };
	unsigned int repairs[] = { ALL, ALL & ~TRAILING };
	struct stepper s;
	struct end e;
	SSL *ssl;
	size_t i;

	for (i = 0; i < 2; i++) {
		check_case(i == 0 ? "a tail" : "a tail, not repaired");
		NEED(ours.set_repairs(ctx, repairs[i]) == 1);
		admitted(&s, 0);
		memcpy(got.out + got.len, alert, sizeof(alert));
		got.len += sizeof(alert);
		ssl = end_server(&e, END_MEMORY, ctx);
		CHECK_INT(adopt(ssl), 1);
		end_finish(&e, &s, ssl, NULL, 0, NULL);
		end_free(&e, ssl);
		stepper_free(&s);
	}
	NEED(ours.set_repairs(ctx, ALL) == 1);
	check_case(NULL);
}

/* Whatever callbacks the application has: the cookie is a built-in one, and
 * libssl's second look at it does not ask them. */
static void
test_callbacks(void)
{
	SSL_CTX *default_ctx = ctx;
	struct stepper s;
	struct end e;
	struct app app;
	SSL *ssl;
	int which;

	for (which = 0; which < 3; which++) {
		check_case(which == 0 ? "both" : which == 1 ? "generate" : "verify");
		ctx = tls_server_ctx();
		app_init(&app);
		app_install(&app, ctx);
		app.verify_result = 0;
		if (which == 1)
			SSL_CTX_set_cookie_verify_cb(ctx, NULL);
		if (which == 2)
			SSL_CTX_set_cookie_generate_cb(ctx, NULL);
		admitted(&s, 0);
		ssl = end_server(&e, END_MEMORY, ctx);
		CHECK_INT(adopt(ssl), 1);
		CHECK_QUEUED(0);
		end_finish(&e, &s, ssl, NULL, 0, NULL);
		CHECK_APP(&app, 0, 0);
		end_free(&e, ssl);
		stepper_free(&s);
		SSL_CTX_free(ctx);
	}
	ctx = default_ctx;
	check_case(NULL);
}

/* One SSL after the other way: listened on, adopted, listened on. */
static void
test_same_ssl(void)
{
	struct stepper s;
	struct end e;
	SSL *ssl;
	int i, lost;

	ssl = end_server(&e, END_CUSTOM, ctx);
	for (i = 0; i < 6; i++) {
		lost = i == 2;
		admitted(&s, lost);
		if (i % 2 == 0) {
			CHECK_INT(adopt(ssl), 1);
		} else {
			wire_peer4(&e.wire, "192.0.2.1", 4433);
			end_give(&e, got.out, got.len);
			CHECK_INT(listen_to(ssl, NULL), 1);
		}
		/* SSL_clear() forgets it once a version was agreed. */
		(void)DTLS_set_link_mtu(ssl, 1400);
		end_finish(&e, &s, ssl, NULL, 0, NULL);
		stepper_free(&s);
	}
	end_free(&e, ssl);
}

int
main(void)
{
	check_begin("adopt");
	counters_init();
	client = one_peer4("192.0.2.1", 4433);
	ctx = tls_server_ctx();
	test_handshakes();
	test_bios_are_left_alone();
	test_counted();
	test_with_a_tail();
	test_callbacks();
	test_same_ssl();
	SSL_CTX_free(ctx);
	return check_end();
}
