/*
 * dtlsv1_listen_adopt() looks at the cookie once more: what it does not vouch for
 * any more, or never did, gives 0, nothing queued, and an SSL that is as good as
 * before.
 */
#define _GNU_SOURCE /* lib/own_clocks.h */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/end.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/own_clocks.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

static SSL_CTX *ctx;
static struct address client;
static struct one got;
static struct stepper s;
static struct end e;
static SSL *ssl;

static int
adopt_of(const void *bytes, size_t len, const struct address *peer)
{
	return ours.adopt(ssl, bytes, len, (const struct sockaddr *)&peer->any, peer->len);
}

static void
judged(int verdict)
{
	struct datagram *d = queue_get(&s.wire.out);

	NEED(d != NULL);
	CHECK_INT(one(&got, ctx, &client, d->byte, d->len), verdict);
	if (verdict == ANSWER)
		queue_put(&s.wire.in, got.out, got.len);
}

static void
admitted(void)
{
	stepper_init(&s);
	CHECK_INT(stepper_step(&s), 0);
	judged(ANSWER);
	CHECK_INT(stepper_step(&s), 0);
	judged(ADMIT);
}

/* 0, and nothing is left of it anywhere. */
static void
check_refused(int ret)
{
	CHECK_INT(ret, 0);
	CHECK_QUEUED(0);
	CHECK(SSL_in_before(ssl));
	CHECK(SSL_get_rbio(ssl) == e.rbio);
	CHECK(SSL_get_wbio(ssl) == e.wbio);
	CHECK_INT(end_waiting(&e), 0);
}

/* The SSL of a refusal takes the next client. */
static void
check_usable(void)
{
	stepper_free(&s);
	admitted();
	CHECK_INT(adopt_of(got.out, got.len, &client), 1);
	(void)DTLS_set_link_mtu(ssl, 1400);
	end_finish(&e, &s, ssl, NULL, 0, NULL);
}

static void
test_kinds(void)
{
	struct address other = one_peer4("192.0.2.1", 4434);
	static unsigned char long_one[70000];
	struct hello first;
	enum end_kind kind;
	size_t n;

	for (kind = 0; kind < END_KINDS; kind++) {
		check_case(end_name(kind));
		admitted();
		ssl = end_server(&e, kind, ctx);
		check_refused(adopt_of(got.out, got.len, &other));
		hello_make(&first, NULL, 0);
		check_refused(adopt_of(first.byte, first.len, &client));
		for (n = 0; n < got.len; n++)
			check_refused(adopt_of(got.out, n, &client));
		memset(long_one, 22, sizeof(long_one));
		check_refused(adopt_of(long_one, sizeof(long_one), &client));
		check_usable();
		check_case("after a handshake");
		check_refused(adopt_of(got.out, 40, &client));
		check_usable();
		end_free(&e, ssl);
		stepper_free(&s);
	}
	check_case(NULL);
}

/* Each bit of what the cookie is about. */
static void
test_forged(void)
{
	size_t at;
	int bit;

	admitted();
	ssl = end_server(&e, END_MEMORY, ctx);
	for (at = AT_CLIENT_VERSION; at < AT_COOKIE + 33; at++) {
		for (bit = 0; bit < 8; bit++) {
			got.out[at] ^= (unsigned char)(1 << bit);
			check_refused(adopt_of(got.out, got.len, &client));
			got.out[at] ^= (unsigned char)(1 << bit);
		}
	}
	CHECK_INT(adopt_of(got.out, got.len, &client), 1);
	end_free(&e, ssl);
	stepper_free(&s);
}

/* Behind what the cookie is about, anything may be: libssl judges that. */
static void
test_nonsense(void)
{
	size_t at;
	int ret;

	admitted();
	ssl = end_server(&e, END_MEMORY, ctx);
	for (at = AT_COOKIE + 33; at < got.len; at++) {
		got.out[at] ^= 0xff;
		ret = adopt_of(got.out, got.len, &client);
		got.out[at] ^= 0xff;
#ifdef LIBRESSL_VERSION_NUMBER
		CHECK(ret == 1 || ret == -1);
		ERR_clear_error();
#else
		CHECK_INT(ret, 1);
#endif
		CHECK_QUEUED(0);
	}
	check_usable();
	end_free(&e, ssl);
	stepper_free(&s);
}

/* What was in force is accepted for two lifetimes more, and not after. */
static void
test_rotated(void)
{
	static const unsigned char secret[3][32] = { "one", "another", "a third" };
	SSL_CTX *before = ctx, *own;
	struct one kept;
	int i;

	ctx = tls_server_ctx();
	clocks_stop();
	CHECK_INT(ours.set_cookie_lifetime(ctx, 1), 1);
	CHECK_INT(ours.set_secret(ctx, secret[0], sizeof(secret[0])), 1);
	admitted();
	kept = got;
	ssl = end_server(&e, END_MEMORY, ctx);
	for (i = 1; i < 3; i++) {
		check_case(i == 1 ? "rotated once" : "rotated twice");
		CHECK_INT(ours.set_secret(ctx, secret[i], 32), 1);
		CHECK_INT(adopt_of(kept.out, kept.len, &client), 1);
	}
	check_case("rotated twice, long ago");
	clocks_ahead(4);
	check_refused(adopt_of(kept.out, kept.len, &client));
	check_usable();
	end_free(&e, ssl);

	check_case("a secret that was never in force");
	own = tls_server_ctx();
	CHECK_INT(ours.set_secret(own, secret[0], sizeof(secret[0])), 1);
	ssl = end_server(&e, END_MEMORY, own);
	check_refused(adopt_of(got.out, got.len, &client));
	end_free(&e, ssl);
	stepper_free(&s);
	SSL_CTX_free(own);
	SSL_CTX_free(ctx);
	ctx = before;
	check_case(NULL);
}

static void
test_expired(void)
{
	SSL_CTX *before = ctx;

	ctx = tls_server_ctx();
	clocks_stop();
	CHECK_INT(ours.set_cookie_lifetime(ctx, 1), 1);
	admitted();
	ssl = end_server(&e, END_MEMORY, ctx);
	CHECK_INT(adopt_of(got.out, got.len, &client), 1);
	clocks_ahead(4);
	check_refused(adopt_of(got.out, got.len, &client));
	check_usable();
	end_free(&e, ssl);
	stepper_free(&s);
	SSL_CTX_free(ctx);
	ctx = before;
}

/* The errors that the caller had in the queue are there after 1 and after 0. */
static void
test_queue(void)
{
	BIGNUM *zero = BN_new();
	BN_CTX *numbers = BN_CTX_new();
	int i;

	NEED(zero != NULL && numbers != NULL);
	admitted();
	ssl = end_server(&e, END_MEMORY, ctx);
	for (i = 0; i < 2; i++) {
		check_case(i == 0 ? "after 1" : "after 0");
		NEED(BN_div(NULL, NULL, BN_value_one(), zero, numbers) == 0);
		CHECK_INT(adopt_of(got.out, i == 0 ? got.len : 30, &client), i == 0);
		CHECK_INT(ERR_GET_LIB(ERR_get_error()), ERR_LIB_BN);
		CHECK_QUEUED(0);
	}
	check_case(NULL);
	end_free(&e, ssl);
	stepper_free(&s);
	BN_CTX_free(numbers);
	BN_free(zero);
}

int
main(void)
{
	check_begin("adopt_refused");
	client = one_peer4("192.0.2.1", 4433);
	ctx = tls_server_ctx();
	test_kinds();
	test_forged();
	test_nonsense();
	test_rotated();
	test_expired();
	test_queue();
	SSL_CTX_free(ctx);
	return check_end();
}
