#include <string.h>

#include "hello.h"

struct writer {
	unsigned char *bytes;
	size_t at;
};

unsigned int
hello_number(const unsigned char *bytes, size_t len)
{
	unsigned int value = 0;

	while (len-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

int
hello_claims_too_much(const unsigned char *bytes, size_t len)
{
	return len >= AT_CLIENT_VERSION && hello_number(bytes + AT_OFFSET, 3) == 0 &&
	    hello_number(bytes + AT_LENGTH, 3) > 1024 * 100;
}

void
hello_put(unsigned char *bytes, size_t len, unsigned long long value)
{
	while (len-- > 0) {
		bytes[len] = (unsigned char)value;
		value >>= 8;
	}
}

static void
put(struct writer *w, size_t len, unsigned long long value)
{
	hello_put(w->bytes + w->at, len, value);
	w->at += len;
}

static void
put_bytes(struct writer *w, const void *bytes, size_t len)
{
	memcpy(w->bytes + w->at, bytes, len);
	w->at += len;
}

static void
put_random(struct writer *w, struct prng *prng, size_t len)
{
	prng_fill(prng, w->bytes + w->at, len);
	w->at += len;
}

/* Suites that this server can do with its certificate or its key, ones it cannot, and signals. */
static void
put_suites(struct writer *w, struct prng *prng)
{
	static const unsigned int known[] = { 0xc02b, 0xc02c, 0xcca9, 0xc009, 0xc00a, 0xc023,
		0x00a8, 0x00a9, 0xc0a8, 0xc0a9, 0x00ae, 0x008c, 0x008d, 0xccab, 0xc037, 0xc02f,
		0x002f, 0x1301, 0x00ff, 0x5600 };
	unsigned int count = 1 + prng_below(prng, 12);

	put(w, 2, 2 * count);
	while (count-- > 0)
		put(w, 2, prng_chance(prng, 95) ? PRNG_PICK(prng, known) : prng_below(prng, 65536));
}

static void
put_extension(struct writer *w, unsigned int type, const char *bytes, size_t len)
{
	put(w, 2, type);
	put(w, 2, len);
	put_bytes(w, bytes, len);
}

static void
put_extensions(struct writer *w, struct prng *prng)
{
	size_t length_at = w->at, padding;

	if (prng_chance(prng, 10))
		return;
	put(w, 2, 0);
	if (prng_chance(prng, 85))
		put_extension(w, 10, "\0\4\0\x17\0\x1d", 6);
	if (prng_chance(prng, 85))
		put_extension(w, 11, "\1\0", 2);
	if (prng_chance(prng, 85))
		put_extension(w, 13, "\0\6\4\3\5\3\2\3", 8);
	if (prng_chance(prng, 50))
		put_extension(w, 23, "", 0);
	if (prng_chance(prng, 50))
		put_extension(w, 22, "", 0);
	if (prng_chance(prng, 40))
		put_extension(w, 35, "", 0);
	if (prng_chance(prng, 40))
		put_extension(w, 0xff01, "\0", 1);
	if (prng_chance(prng, 20))
		put_extension(w, 0,
		    "\0\x0c\0\0\x09"
		    "localhost",
		    14);
	if (prng_chance(prng, 20))
		put_extension(w, 43, "\4\xfe\xfd\xfe\xff", 5);
	if (prng_chance(prng, 15)) {
		padding = prng_below(prng, prng_chance(prng, 5) ? 3000 : 200);
		put(w, 2, prng_below(prng, 65536));
		put(w, 2, padding);
		put_random(w, prng, padding);
	}
	hello_put(w->bytes + length_at, 2, w->at - length_at - 2);
}

size_t
hello_make(struct prng *prng, const unsigned char *cookie, size_t cookie_len, unsigned char *bytes,
    size_t room)
{
	static const unsigned int client_versions[] = { 0xfefd, 0xfefd, 0xfefd, 0xfeff, 0xfeff,
		0xfefc };
	static const unsigned int session_lens[] = { 0, 0, 0, 32, 32, 1, 31 };
	static unsigned char made[8192];
	struct writer w = { made, 0 };
	unsigned long long sequence =
	    prng_chance(prng, 90) ? prng_below(prng, 4) : prng_next(prng) & 0xffffffffffffULL;
	size_t session_len = PRNG_PICK(prng, session_lens);

	put(&w, 1, 22);
	put(&w, 2, prng_chance(prng, 70) ? 0xfeff : 0xfefd);
	put(&w, 2, 0);
	put(&w, 6, sequence);
	put(&w, 2, 0);
	put(&w, 1, 1);
	put(&w, 3, 0);
	put(&w, 2, cookie_len > 0 ? prng_chance(prng, 90) : prng_chance(prng, 10));
	put(&w, 3, 0);
	put(&w, 3, 0);
	put(&w, 2, PRNG_PICK(prng, client_versions));
	put_random(&w, prng, 32);
	put(&w, 1, session_len);
	put_random(&w, prng, session_len);
	put(&w, 1, cookie_len);
	put_bytes(&w, cookie, cookie_len);
	put_suites(&w, prng);
	put(&w, 2, 0x0100);
	put_extensions(&w, prng);
	hello_put(made + AT_RECORD_LENGTH, 2, w.at - 13);
	hello_put(made + AT_LENGTH, 3, w.at - 25);
	hello_put(made + AT_FRAGMENT, 3, w.at - 25);
	if (w.at > room)
		w.at = room;
	memcpy(bytes, made, w.at);
	return w.at;
}

int
hello_find(const unsigned char *bytes, size_t len, struct hello_fields *fields)
{
	size_t at = AT_SESSION;

	memset(fields, 0, sizeof(*fields));
	if (len <= AT_SESSION || bytes[0] != 22 || bytes[AT_TYPE] != 1)
		return 0;
	fields->end = 13 + hello_number(bytes + AT_RECORD_LENGTH, 2);
	if (fields->end > len)
		fields->end = len;
	at += 1 + (size_t)bytes[at];
	if (at >= fields->end || at + 1 + bytes[at] > fields->end)
		return 0;
	fields->cookie = at;
	at += 1 + (size_t)bytes[at];
	if (at + 2 > fields->end)
		return 1;
	fields->suites = at;
	at += 2 + hello_number(bytes + at, 2);
	if (at >= fields->end)
		return 1;
	fields->compression = at;
	at += 1 + (size_t)bytes[at];
	if (at + 2 > fields->end)
		return 1;
	fields->extensions = at;
	if (at + 6 <= fields->end)
		fields->first_extension = at + 2;
	return 1;
}

size_t
hello_set_cookie(
    unsigned char *bytes, size_t len, size_t room, const unsigned char *cookie, size_t cookie_len)
{
	struct hello_fields fields;
	size_t old_len, rest;
	static const size_t lengths[][2] = { { AT_RECORD_LENGTH, 2 }, { AT_LENGTH, 3 },
		{ AT_FRAGMENT, 3 } };

	if (!hello_find(bytes, len, &fields))
		return len;
	old_len = bytes[fields.cookie];
	rest = fields.cookie + 1 + old_len;
	if (len - old_len + cookie_len > room)
		return len;
	memmove(bytes + fields.cookie + 1 + cookie_len, bytes + rest, len - rest);
	memcpy(bytes + fields.cookie + 1, cookie, cookie_len);
	bytes[fields.cookie] = (unsigned char)cookie_len;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		unsigned char *field = bytes + lengths[i][0];

		hello_put(field, lengths[i][1],
		    hello_number(field, lengths[i][1]) - old_len + cookie_len);
	}
	return len - old_len + cookie_len;
}
