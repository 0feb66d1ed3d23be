#include <string.h>

#include "hello.h"
#include "kinds.h"
#include "mutate.h"

#define ROOM MAX_DATAGRAM

/* What stock clients send, but with RSA's suites first: a flight with a signature takes longer than all the rest of a case. */
static const unsigned char suites[] = { 0, 12, 0, 0x2f, 0, 0x35, 0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x13,
	0xc0, 0x14 };
static const unsigned char extensions[] = { 0, 33, 0, 11, 0, 2, 1, 0, 0, 10, 0, 6, 0, 4, 0, 23, 0,
	24, 0, 13, 0, 8, 0, 6, 4, 1, 2, 1, 5, 1, 0xff, 0x01, 0, 1, 0 };

unsigned int kinds_version = 0xfefd;

static size_t
hello_with(const struct mcase *c, const unsigned char *sequence, const unsigned char *random,
    const unsigned char *cookie, size_t cookie_len, unsigned char *bytes)
{
	size_t at = AT_SESSION;

	(void)c;
	memset(bytes, 0, AT_SESSION);
	bytes[0] = 22;
	hello_put(bytes + AT_VERSION, 2, 0xfeff);
	memcpy(bytes + AT_SEQUENCE, sequence, 6);
	bytes[AT_TYPE] = 1;
	hello_put(bytes + AT_MESSAGE_SEQ, 2, cookie_len > 0);
	hello_put(bytes + AT_CLIENT_VERSION, 2, kinds_version);
	memcpy(bytes + AT_RANDOM, random, 32);
	bytes[at++] = 0;
	bytes[at++] = (unsigned char)cookie_len;
	memcpy(bytes + at, cookie, cookie_len);
	at += cookie_len;
	memcpy(bytes + at, suites, sizeof(suites));
	at += sizeof(suites);
	bytes[at++] = 1;
	bytes[at++] = 0;
	memcpy(bytes + at, extensions, sizeof(extensions));
	at += sizeof(extensions);
	hello_put(bytes + AT_RECORD_LENGTH, 2, at - 13);
	hello_put(bytes + AT_LENGTH, 3, at - 25);
	hello_put(bytes + AT_FRAGMENT, 3, at - 25);
	return at;
}

size_t
kinds_plain_hello(
    const struct mcase *c, const unsigned char *sequence, int with_cookie, unsigned char *bytes)
{
	static const unsigned char random[32] = { 1, 2, 3 };

	return hello_with(c, sequence, random, c->cookie, with_cookie ? c->cookie_len : 0, bytes);
}

size_t
kinds_stock(struct prng *prng, const struct mcase *c, int with_cookie, unsigned char *bytes)
{
	unsigned char sequence[6] = { 0 }, random[32];

	sequence[5] = (unsigned char)prng_below(prng, 4);
	prng_fill(prng, random, sizeof(random));
	return hello_with(c, sequence, random, c->cookie, with_cookie ? c->cookie_len : 0, bytes);
}

size_t
kinds_stock_either(struct prng *prng, const struct mcase *c, unsigned char *bytes)
{
	return kinds_stock(prng, c, prng_chance(prng, 60), bytes);
}

size_t
kinds_off_by(struct prng *prng, unsigned char *bytes, size_t len, size_t at, size_t size)
{
	static const int by[] = { 1, -1, 2, -2, 12, -12, 100, -100 };

	hello_put(
	    bytes + at, size, hello_number(bytes + at, size) + (unsigned int)PRNG_PICK(prng, by));
	return len;
}

static KIND(first_hello)
{
	return kinds_stock(prng, c, 0, bytes);
}

static KIND(right_cookie)
{
	return kinds_stock(prng, c, 1, bytes);
}

static KIND(wrong_cookie)
{
	size_t len = kinds_stock(prng, c, 1, bytes);

	bytes[AT_SESSION + 2 + prng_below(prng, (unsigned int)c->cookie_len)] ^= 1;
	return len;
}

static KIND(cookie_of_another_length)
{
	unsigned char cookie[MAX_COOKIE];
	size_t len = kinds_stock(prng, c, 0, bytes);

	prng_fill(prng, cookie, sizeof(cookie));
	memcpy(cookie, c->cookie, c->cookie_len);
	return hello_set_cookie(bytes, len, ROOM, cookie, 1 + prng_below(prng, MAX_COOKIE));
}

/* Right without a verify callback, by LibreSSL: it compares with memory that is clear. */
static KIND(a_cookie_of_zeros)
{
	static const unsigned char zeros[MAX_COOKIE];
	size_t len = kinds_stock(prng, c, 1, bytes);

	return hello_set_cookie(bytes, len, ROOM, zeros, 1 + prng_below(prng, MAX_COOKIE));
}

/* Of stacks and releases that speak other suites and extensions: see ctests/differential. */
static KIND(of_any_client)
{
	return hello_make(prng, c->cookie, prng_chance(prng, 60) ? c->cookie_len : 0, bytes, ROOM);
}

static KIND(damaged)
{
	size_t len = prng_chance(prng, 50) ? kinds_stock_either(prng, c, bytes) :
					     of_any_client(prng, c, bytes);

	for (unsigned int times = 1 + prng_below(prng, 2); times > 0; times--)
		len = mutate(prng, bytes, len, ROOM);
	return len;
}

/* The other files'. */
KIND(kind);
KIND(noise);
KIND(shorter_than_a_header);
KIND(cut_off);
KIND(application_data);
KIND(change_cipher_spec);
KIND(unknown_content);
KIND(a_warning);
KIND(a_fatal_alert);
KIND(another_record_version);
KIND(another_epoch);
KIND(a_high_sequence);
KIND(record_length_off);
KIND(message_length_off);
KIND(fragment_length_off);
KIND(fragment_offset_off);
KIND(an_empty_record);
KIND(half_a_message_header);
KIND(another_message);
KIND(another_message_number);
KIND(a_first_fragment);
KIND(a_later_fragment);
KIND(another_client_version);
KIND(a_session);
KIND(a_session_too_long);
KIND(nothing_in_common);
KIND(bad_behind_the_cookie);
KIND(bad_before_the_cookie);
KIND(two_records);
KIND(a_hello_behind_junk);
KIND(junk_behind_a_hello);
KIND(a_very_long_one);

#define ROW(kind) { #kind, kind }
static const struct {
	const char *name;
	size_t (*make)(struct prng *prng, const struct mcase *c, unsigned char *bytes);
} kinds[] = {
	ROW(first_hello),
	ROW(right_cookie),
	ROW(wrong_cookie),
	ROW(cookie_of_another_length),
	ROW(a_cookie_of_zeros),
	ROW(noise),
	ROW(shorter_than_a_header),
	ROW(cut_off),
	ROW(application_data),
	ROW(change_cipher_spec),
	ROW(unknown_content),
	ROW(a_warning),
	ROW(a_fatal_alert),
	ROW(another_record_version),
	ROW(another_epoch),
	ROW(a_high_sequence),
	ROW(record_length_off),
	ROW(message_length_off),
	ROW(fragment_length_off),
	ROW(fragment_offset_off),
	ROW(an_empty_record),
	ROW(half_a_message_header),
	ROW(another_message),
	ROW(another_message_number),
	ROW(a_first_fragment),
	ROW(a_later_fragment),
	ROW(another_client_version),
	ROW(a_session),
	ROW(a_session_too_long),
	ROW(nothing_in_common),
	ROW(bad_behind_the_cookie),
	ROW(bad_before_the_cookie),
	ROW(two_records),
	ROW(a_hello_behind_junk),
	ROW(junk_behind_a_hello),
	ROW(a_very_long_one),
	ROW(of_any_client),
	ROW(damaged),
};

size_t
kinds_count(void)
{
	return sizeof(kinds) / sizeof(kinds[0]);
}

const char *
kinds_name(size_t kind)
{
	return kinds[kind].name;
}

size_t
kinds_make(size_t kind, struct prng *prng, const struct mcase *c, unsigned char *bytes)
{
	return kinds[kind].make(prng, c, bytes);
}
