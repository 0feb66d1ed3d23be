/*
 * Cookies that a server did not make for this client and this hello, now: each
 * is refused, and from outside they are all one.
 */
#define _DEFAULT_SOURCE /* sleep() */
#include "lib/check.h"
#include "lib/door.h"
#include "lib/ours.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET 1

static struct door door;

/* The answer to a client with no cookie, whose hello is else the same. */
static void
without(const struct hello *shown, struct answer *a)
{
	struct hello h = *shown;
	size_t cookielen = h.byte[AT_COOKIE], rest;

	rest = h.len - AT_COOKIE - 1 - cookielen;
	memmove(h.byte + AT_COOKIE + 1, h.byte + AT_COOKIE + 1 + cookielen, rest);
	h.byte[AT_COOKIE] = 0;
	h.len -= cookielen;
	hello_fix_message(&h);
	door_ask(&door, &h, a);
}

/* Refused, and in no way that could be told from having shown no cookie. */
static void
refused(const struct hello *h)
{
	struct answer bare, a;
	struct hvr v;

	without(h, &bare);
	CHECK_INT(bare.len, ANSWER_LEN);
	door_ask(&door, h, &a);
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.queued, 0);
	CHECK_INT(a.count, 1);
	CHECK_INT(a.len, bare.len);
	CHECK_INT(a.ret, bare.ret);
	CHECK_INT(a.queued, bare.queued);
	CHECK_BYTES(a.byte, bare.byte, ANSWER_LEN - COOKIE_LEN);

	/* The new cookie is good: the client may try again. */
	hvr_parse(&v, a.byte, a.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
}

static void
refused_cookie(const void *cookie, size_t cookielen)
{
	struct hello h;

	hello_make(&h, cookie, cookielen);
	refused(&h);
}

/* Else every refusal below would prove nothing. */
static void
accepted(const unsigned char cookie[COOKIE_LEN])
{
	CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
}

static void
test_shape(void)
{
	unsigned char cookie[COOKIE_LEN], forged[255];
	size_t len, bit;
	char what[40];

	door_fresh(&door, cookie);
	accepted(cookie);
	memset(forged, 0, sizeof(forged));
	for (len = 1; len < COOKIE_LEN; len++) {
		snprintf(what, sizeof(what), "cut to %zu bytes", len);
		check_case(what);
		refused_cookie(cookie, len);
	}
	memcpy(forged, cookie, COOKIE_LEN);
	for (len = COOKIE_LEN + 1; len <= sizeof(forged); len++) {
		snprintf(what, sizeof(what), "extended to %zu bytes", len);
		check_case(what);
		refused_cookie(forged, len);
	}
	for (bit = 0; bit < COOKIE_LEN * 8; bit++) {
		snprintf(what, sizeof(what), "bit %zu flipped", bit);
		check_case(what);
		memcpy(forged, cookie, COOKIE_LEN);
		forged[bit / 8] ^= (unsigned char)(1u << bit % 8);
		refused_cookie(forged, COOKIE_LEN);
	}
	check_case("all bytes the same");
	for (len = 0; len < 256; len++) {
		memset(forged, (int)len, COOKIE_LEN);
		refused_cookie(forged, COOKIE_LEN);
	}
	check_case("a short one");
	refused_cookie("x", 1);
	check_case(NULL);
	accepted(cookie);
}

static void
test_another_client(void)
{
	unsigned char cookie[COOKIE_LEN];

	door_fresh(&door, cookie);
	check_case("another address");
	wire_peer4(&door.wire, "192.0.2.2", 4433);
	refused_cookie(cookie, COOKIE_LEN);
	check_case("another port");
	wire_peer4(&door.wire, "192.0.2.1", 4434);
	refused_cookie(cookie, COOKIE_LEN);
	check_case("an IPv6 address");
	wire_peer6(&door.wire, "2001:db8::1", 4433);
	refused_cookie(cookie, COOKIE_LEN);
	check_case("the IPv4 address in IPv6");
	wire_peer6(&door.wire, "::ffff:192.0.2.1", 4433);
	accepted(cookie);
	check_case(NULL);
	wire_peer4(&door.wire, "192.0.2.1", 4433);
	accepted(cookie);
}

static void
test_another_hello(void)
{
	unsigned char cookie[COOKIE_LEN];
	struct hello h;
	size_t at;
	char what[40];

	door_fresh(&door, cookie);
	for (at = AT_RANDOM; at < AT_SESSION_ID; at++) {
		snprintf(what, sizeof(what), "byte %zu of the random", at - AT_RANDOM);
		check_case(what);
		hello_make(&h, cookie, COOKIE_LEN);
		h.byte[at] ^= 1;
		refused(&h);
	}
	check_case("another version");
	hello_make(&h, cookie, COOKIE_LEN);
	hello_put(&h, AT_CLIENT_VERSION, 0xfeff, 2);
	refused(&h);
	check_case(NULL);
	accepted(cookie);
}

/* A session id moves what follows, so without() does not fit. */
static void
test_another_session(void)
{
	unsigned char cookie[COOKIE_LEN];
	struct answer bare, a;
	struct hello h;

	door_fresh(&door, cookie);
	check_case("a session id");
	hello_make(&h, cookie, COOKIE_LEN);
	memmove(h.byte + AT_COOKIE + 8, h.byte + AT_COOKIE, h.len - AT_COOKIE);
	h.byte[AT_SESSION_ID] = 8;
	h.len += 8;
	hello_fix_message(&h);
	door_ask(&door, &h, &a);
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.queued, 0);
	CHECK_INT(a.count, 1);
	hello_make(&h, NULL, 0);
	hello_put(&h, AT_SEQ, 1, 6);
	door_ask(&door, &h, &bare);
	CHECK_INT(a.len, bare.len);
	CHECK_BYTES(a.byte, bare.byte, ANSWER_LEN - COOKIE_LEN);
	check_case(NULL);
	accepted(cookie);
}

static void
test_another_secret(void)
{
	unsigned char cookie[COOKIE_LEN];
	struct door other;
	struct hello h;

	hello_make(&h, NULL, 0);
	door_open(&other, 0);
	door_cookie(&other, &h, cookie);
	CHECK_INT(door_shown(&other, cookie, COOKIE_LEN), 1);
	check_case("a private secret");
	refused_cookie(cookie, COOKIE_LEN);
	door_close(&other);
	door_open(&other, SECRET + 1);
	door_cookie(&other, &h, cookie);
	CHECK_INT(door_shown(&other, cookie, COOKIE_LEN), 1);
	check_case("another secret");
	refused_cookie(cookie, COOKIE_LEN);
	door_close(&other);
	check_case("the same secret");
	door_open(&other, SECRET);
	door_cookie(&other, &h, cookie);
	accepted(cookie);
	door_close(&other);
	check_case(NULL);
}

/* With a lifetime of a second, the second after the next is too late. */
static void
test_expired(void)
{
	unsigned char cookie[COOKIE_LEN];

	CHECK_INT(ours.set_cookie_lifetime(door.ctx, 1), 1);
	door_fresh(&door, cookie);
	sleep(2);
	check_case("expired");
	refused_cookie(cookie, COOKIE_LEN);
	check_case(NULL);
	CHECK_INT(ours.set_cookie_lifetime(door.ctx, 60), 1);
	door_fresh(&door, cookie);
	accepted(cookie);
}

int
main(void)
{
	check_begin("forgery");
	door_open(&door, SECRET);
	test_shape();
	test_another_client();
	test_another_hello();
	test_another_session();
	test_another_secret();
	test_expired();
	door_close(&door);
	return check_end();
}
