#include <stdio.h>
#include <string.h>

#include "case.h"
#include "hello.h"
#include "kinds.h"
#include "prng.h"

/* How the last numbers begin. libssl has none for what it writes after the last, an answer or an alert: its call fails. */
static const unsigned char last_numbers[] = { 0xff, 0xff, 0xff, 0xff, 0xff };

static void
add_read(struct mcase *c, struct prng *prng)
{
	struct one_read *read = &c->reads[c->nreads++];

	memset(read, 0, offsetof(struct one_read, bytes));
	read->kind = -1;
	if (c->layout != SOCKET && prng_chance(prng, 6)) {
		read->read = 1 + (int)prng_below(prng, 3);
		return;
	}
	read->kind = (int)prng_below(prng, (unsigned int)kinds_count());
	read->len = kinds_make((size_t)read->kind, prng, c, read->bytes);
	if (read->len > AT_RECORD_LENGTH &&
	    memcmp(read->bytes + AT_SEQUENCE, last_numbers, sizeof(last_numbers)) == 0)
		read->bytes[AT_SEQUENCE + 5] &= 0x7f;
}

void
case_make(struct mcase *c, uint64_t seed, uint64_t number)
{
	static const unsigned int cookie_lens[] = { 20, 20, 32, 16, 1, 254, 255 };
	struct prng prng = prng_for(seed, number);
	unsigned int reads = 1 + prng_below(&prng, 3);

	memset(c, 0, offsetof(struct mcase, reads));
	c->layout = prng_chance(&prng, 25) ? SOCKET : (int)prng_below(&prng, 2);
	c->peer = prng_chance(&prng, 15) ? PEER_NONE : (int)prng_below(&prng, 2);
	c->callbacks = prng_chance(&prng, 90) ? BOTH : (int)prng_below(&prng, CALLBACKS);
	c->calls = 1 + (int)prng_below(&prng, 3);
	c->cookie_len = PRNG_PICK(&prng, cookie_lens);
	prng_fill(&prng, c->cookie, sizeof(c->cookie));
	if (c->layout != SOCKET && prng_chance(&prng, 6)) {
		c->write_fails = 1 + (int)prng_below(&prng, 2);
		c->write_blocks = prng_chance(&prng, 50);
	}
	while (reads-- > 0)
		add_read(c, &prng);
}

int
case_has_right_cookies(const struct mcase *c)
{
	return c->callbacks == BOTH || c->callbacks == VERIFY_ALONE;
}

void
case_drop(struct mcase *c, size_t index)
{
	c->nreads--;
	memmove(&c->reads[index], &c->reads[index + 1], (c->nreads - index) * sizeof(c->reads[0]));
}

void
case_replace(struct mcase *c, size_t index, const unsigned char *bytes, size_t len)
{
	memmove(c->reads[index].bytes, bytes, len);
	c->reads[index].len = len;
}

void
case_print(const struct mcase *c)
{
	static const char *const layouts[] = { "one BIO", "two BIOs", "a socket" },
				 *const peers[] = { "IPv4", "IPv6", "no peer" };
	static const char *const callbacks[] = { "both", "verify refuses", "generate fails", "none",
		"verify alone" };
	static const char *const reads[] = { "", "would block", "fails", "ends" };

	printf("  %s, %s, callbacks: %s, calls: %d, cookie: %zu bytes", layouts[c->layout],
	    peers[c->peer], callbacks[c->callbacks], c->calls, c->cookie_len);
	if (c->write_fails != 0)
		printf(", write %d %s", c->write_fails, c->write_blocks ? "would block" : "fails");
	printf("\n");
	for (size_t i = 0; i < c->nreads; i++) {
		const struct one_read *read = &c->reads[i];

		printf("  read %zu: ", i + 1);
		if (read->read != A_DATAGRAM) {
			printf("%s\n", reads[read->read]);
			continue;
		}
		printf("%s, %zu bytes: ", read->kind < 0 ? "" : kinds_name((size_t)read->kind),
		    read->len);
		for (size_t at = 0; at < read->len && at < 400; at++)
			printf("%02x", read->bytes[at]);
		printf("\n");
	}
}
