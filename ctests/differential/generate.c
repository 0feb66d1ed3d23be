#include <string.h>

#include "generate.h"
#include "hello.h"
#include "mutate.h"
#include "side.h"

enum { PIECES = 4 };

/* An index into weights that add up to anything. */
static int
weighted(struct prng *prng, const unsigned char *weights, size_t count)
{
	unsigned int sum = 0, at;
	size_t i;

	for (i = 0; i < count; i++)
		sum += weights[i];
	at = prng_below(prng, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return (int)i;
}
#define WEIGHTED(prng, ...) \
	weighted(prng, (const unsigned char[]){ __VA_ARGS__ }, \
	    sizeof((const unsigned char[]){ __VA_ARGS__ }))

static int
choose_method(struct prng *prng)
{
	int method = WEIGHTED(prng, 45, 15, 2, 10, 8, 8, 6, 2);

	return sides_have_method(method) ? method : METHOD_DTLS;
}

static void
choose_callbacks(struct prng *prng, struct dcase *c)
{
	static const int cookie_lens[] = { 20, 20, 20, 32, 32, 1, 16, 33, 40, 254, 255, 255, 0, 256,
		256, 300, -1 };
	static const int yes[] = { 1, 1, 1, 1, 1, 2, -1, 256 };

	c->generate = WEIGHTED(prng, 90, 5, 5);
	c->generate_result = PRNG_PICK(prng, yes);
	c->generate_len = PRNG_PICK(prng, cookie_lens);
	c->generate_raises = prng_chance(prng, 4);
	prng_fill(prng, c->cookie, sizeof(c->cookie));
	c->verify = WEIGHTED(prng, 75, 9, 4, 6, 6);
	c->verify_result = PRNG_PICK(prng, yes);
	c->verify_raises = prng_chance(prng, 4);
	c->msg = prng_chance(prng, 40) ? WEIGHTED(prng, 0, 30, 30, 15, 8, 8, 9) : MSG_NONE;
	c->info = prng_chance(prng, 20);
}

/*
 * An SSL of a client-only method: nothing public tells one that was never given a role from one that was made a client,
 * or shows which method its handshake function came from, so ours cannot either. Nobody listens with one.
 */
static void
keep_clients_apart(struct dcase *c)
{
	if (c->method == METHOD_DTLS_CLIENT && c->role == ROLE_UNSET)
		c->role = ROLE_ACCEPT;
	if (c->method == METHOD_DTLS_CLIENT || c->switched == 1 + METHOD_DTLS_CLIENT)
		c->switched = 0;
}

static void
choose_surroundings(struct prng *prng, struct dcase *c)
{
	static const char *const steps[] = { "LA", "LA", "LA", "LA", "LA", "L", "LLA", "LALA",
		"LCLA", "LEA", "LVA", "LDLA", "LDA", "A", "VLWLA", "ALA", "LLLL", "LCA", "LELA",
		"CLA", "AA", "LAA", "LLEAA", "LSLA", "LTLA", "LMLA", "LMA", "LKLA", "LPLA", "LHLA",
		"LHA", "TLA", "LSA", "LALSLA", "LRLA", "LR", "LB", "LBLA", "LULA", "LULLA", "ULA",
		"BLRA" };

	c->method = choose_method(prng);
	c->role = WEIGHTED(prng, 60, 37, 3);
	c->anyconnect = prng_chance(prng, 2);
	c->bios = WEIGHTED(prng, 100, 60, 20, 8, 1, 1, 1, 2, 2, 2, 30, 10);
	c->claims_dgram = prng_chance(prng, 30);
	c->peer = WEIGHTED(prng, 40, 20, 8, 4, 15, 3, 6);
	if (prng_chance(prng, 20))
		c->peer_result = prng_chance(prng, 70) ? 1 : 128;
	c->null_peer = prng_chance(prng, 10);
	choose_callbacks(prng, c);
	if (prng_chance(prng, 15))
		c->stale = 1 + (int)prng_below(prng, 20);
	c->duplicate = prng_chance(prng, 5);
	if (prng_chance(prng, 25))
		c->mtu = prng_chance(prng, 50) ? 1400 : 300;
	strcpy(c->steps, PRNG_PICK(prng, steps));
	if (prng_chance(prng, 3) || strpbrk(c->steps, "ST") != NULL)
		c->switched = 1 + choose_method(prng);
	keep_clients_apart(c);
	c->repairs = prng_chance(prng, 70) ? 7 : (int)prng_below(prng, 8);
	c->exchange = prng_chance(prng, c->steps[0] == 'A' ? 60 : 5);
	if (prng_chance(prng, 12))
		c->bounds = 1 + (int)prng_below(prng, BOUNDS);
}

/* A hello of a real client or a made one, with the case's cookie, another, or none. */
static size_t
make_hello(struct prng *prng, const struct dcase *c, unsigned char *bytes)
{
	unsigned char wrong[MAX_COOKIE];
	const unsigned char *cookie = c->cookie;
	size_t cookie_len = case_cookie_len(c), len;
	int kind = WEIGHTED(prng, 35, 55, 10);

	if (kind == 0)
		cookie_len = 0;
	if (kind == 2) {
		memcpy(wrong, c->cookie, sizeof(wrong));
		wrong[prng_below(prng, (unsigned int)cookie_len)] ^= 1;
		cookie = wrong;
		if (prng_chance(prng, 40))
			cookie_len = 1 + prng_below(prng, MAX_COOKIE);
	}
	if (prng_chance(prng, 60))
		return hello_make(prng, cookie, cookie_len, bytes, MAX_DATAGRAM);
	len = corpus_get(prng_below(prng, (unsigned int)corpus_count()), bytes, MAX_DATAGRAM);
	return prng_chance(prng, 15) ?
	    len :
	    hello_set_cookie(bytes, len, MAX_DATAGRAM, cookie, cookie_len);
}

static size_t
make_garbage(struct prng *prng, unsigned char *bytes)
{
	size_t len = 1 + prng_below(prng, prng_chance(prng, 50) ? 20 : 300);

	prng_fill(prng, bytes, len);
	if (prng_chance(prng, 50))
		bytes[0] = 22;
	if (len > 1 && prng_chance(prng, 50))
		bytes[1] = 0xfe;
	return len;
}

/* Longer than libssl reads: what does not fit the read is cut off, and the record with it. */
static size_t
make_long(struct prng *prng, const struct dcase *c, unsigned char *bytes)
{
	size_t len = make_hello(prng, c, bytes), to = 16384 + 13 - 2 + prng_below(prng, 5);

	prng_fill(prng, bytes + len, to - len);
	if (prng_chance(prng, 50) && hello_number(bytes + AT_OFFSET, 3) == 0) {
		hello_put(bytes + AT_RECORD_LENGTH, 2, to - 13);
		hello_put(bytes + AT_LENGTH, 3, to - 25);
		hello_put(bytes + AT_FRAGMENT, 3, to - 25);
	}
	return to;
}

/* One hello as two to four datagrams, the first with or without the whole cookie. */
static void
add_fragments(struct prng *prng, struct dcase *c, const unsigned char *hello, size_t len)
{
	static unsigned char fragment[MAX_DATAGRAM];
	struct hello_fields fields;
	size_t from = 0, most = 1 + prng_below(prng, 200), made;

	if (hello_find(hello, len, &fields) && prng_chance(prng, 70))
		most = fields.cookie + 1 + hello[fields.cookie] - 25 + prng_below(prng, 60);
	for (unsigned int piece = 0; piece < PIECES; piece++) {
		made = mutate_fragment(
		    hello, len, from, piece == PIECES - 1 ? len : most, piece, fragment);
		if (made == 0 || !case_add_read(c, READ_DATA, fragment, made))
			return;
		from += most;
	}
}

static void
add_datagram(struct prng *prng, struct dcase *c)
{
	static unsigned char bytes[MAX_DATAGRAM];
	size_t len;

	switch (WEIGHTED(prng, 175, 10, 10, 1)) {
	case 0:
		len = make_hello(prng, c, bytes);
		for (int damage = prng_chance(prng, 45) ? 1 + (int)prng_below(prng, 2) : 0;
		    damage > 0; damage--)
			len = mutate(prng, bytes, len, sizeof(bytes));
		break;
	case 1: len = make_garbage(prng, bytes); break;
	case 2:
		len = make_hello(prng, c, bytes);
		add_fragments(prng, c, bytes, len);
		return;
	default: len = make_long(prng, c, bytes);
	}
	case_add_read(c, READ_DATA, bytes, len);
	if (prng_chance(prng, 5))
		case_add_read(c, READ_DATA, bytes, len);
}

static size_t
choose_results(struct prng *prng, int *results, unsigned int trouble)
{
	size_t count;

	if (!prng_chance(prng, trouble))
		return 0;
	count = prng_below(prng, 3);
	for (size_t i = 0; i < count; i++)
		results[i] = RESULT_OK;
	results[count++] = (int)prng_below(prng, RESULTS);
	return count;
}

void
generate_case(struct dcase *c, uint64_t seed, uint64_t number)
{
	struct prng prng = prng_for(seed, number);

	case_reset(c);
	c->seed = seed;
	c->number = number;
	choose_surroundings(&prng, c);
	for (unsigned int count = 1 + prng_below(&prng, 4); count > 0; count--) {
		if (prng_chance(&prng, 8))
			case_add_read(c, 1 + (int)prng_below(&prng, READ_KINDS - 1), NULL, 0);
		add_datagram(&prng, c);
	}
	if (prng_chance(&prng, 30))
		case_add_read(c, 1 + (int)prng_below(&prng, READ_KINDS - 1), NULL, 0);
	c->nwrites = choose_results(&prng, c->writes, 15);
	c->nflushes = choose_results(&prng, c->flushes, 12);
}
