/* SHA-256 (FIPS 180-4) and the MAC of a cookie. */
#pragma once

#include "maps.h"

static const __u32 K[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

/* There is no instruction that rotates: a word twice in 64 bits is rotated by a shift. */
#define TWICE(x)          ((__u64)(x) << 32 | (x))
#define ROTATED(twice, n) ((__u32)((twice) >> (n)))

INLINE __u32
big_sigma(__u32 x, int a, int b, int c)
{
	__u64 twice = TWICE(x);

	return ROTATED(twice, a) ^ ROTATED(twice, b) ^ ROTATED(twice, c);
}

INLINE __u32
small_sigma(__u32 x, int a, int b, int c)
{
	__u64 twice = TWICE(x);

	return ROTATED(twice, a) ^ ROTATED(twice, b) ^ x >> c;
}

/* The variables' places change from round to round, and nothing is moved. */
#define ROUND(a, b, c, d, e, f, g, h, k, w) \
	do { \
		__u32 t = h + big_sigma(e, 6, 11, 25) + (g ^ (e & (f ^ g))) + (k) + (w); \
		d += t; \
		h = t + big_sigma(a, 2, 13, 22) + ((a & b) | (c & (a | b))); \
	} while (0)

#define EIGHT(i, W) \
	ROUND(a, b, c, d, e, f, g, h, k[(i) + 0], W((i) + 0)); \
	ROUND(h, a, b, c, d, e, f, g, k[(i) + 1], W((i) + 1)); \
	ROUND(g, h, a, b, c, d, e, f, k[(i) + 2], W((i) + 2)); \
	ROUND(f, g, h, a, b, c, d, e, k[(i) + 3], W((i) + 3)); \
	ROUND(e, f, g, h, a, b, c, d, k[(i) + 4], W((i) + 4)); \
	ROUND(d, e, f, g, h, a, b, c, k[(i) + 5], W((i) + 5)); \
	ROUND(c, d, e, f, g, h, a, b, k[(i) + 6], W((i) + 6)); \
	ROUND(b, c, d, e, f, g, h, a, k[(i) + 7], W((i) + 7))

#define FIRST(i) (w[(i)] = be32(LOAD32(block + 4 * (i))))
#define LATER(i) \
	(w[(i)] += small_sigma(w[((i) + 1) & 15], 7, 18, 3) + w[((i) + 9) & 15] + \
		small_sigma(w[((i) + 14) & 15], 17, 19, 10))

/*
 * 16 rounds at a time: a loop over all is slower, and so is none. The schedule is volatile to stay where it
 * is: the compiler would copy it to the stack, which has no room for it.
 */
INLINE void
compress(__u32 state[8], const __u8 *block, volatile __u32 *w)
{
	__u32 a = state[0], b = state[1], c = state[2], d = state[3];
	__u32 e = state[4], f = state[5], g = state[6], h = state[7];
	const __u32 *k = K;

	EIGHT(0, FIRST);
	EIGHT(8, FIRST);
#pragma clang loop unroll(disable)
	for (int i = 16; i < 64; i += 16) {
		k = K + i;
		EIGHT(0, LATER);
		EIGHT(8, LATER);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

/*
 * The MAC of the first `blocks` blocks of the message, padded already, into the scratch's cookie
 * from its second byte on. The message stays as it is, for the next key.
 */
CHECKED_ALONE int
cookie_mac(struct scratch *scratch, const struct key *key, __u32 blocks)
{
	const __u8 *block;
	__u32 *state;

	if (!scratch || !key || blocks > 2)
		return 0;
	state = scratch->state;
	block = scratch->message;
#pragma clang loop unroll(full)
	for (int i = 0; i < 8; i++)
		state[i] = key->inner[i];
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 3; i++) {
		if (i == blocks) {
			block = scratch->outer;
#pragma clang loop unroll(full)
			for (int j = 0; j < 8; j++) {
				STORE32(block + 4 * j, be32(state[j]));
				state[j] = key->outer[j];
			}
			STORE64(block + 32, 0x80);
			STORE64(block + 40, 0);
			STORE64(block + 48, 0);
			STORE64(block + 56, be64(8 * (64 + 32)));
		}
		compress(state, block, scratch->schedule);
		if (i == blocks)
			break;
		block += 64;
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < 8; i++)
		STORE32(scratch->cookie + 1 + 4 * i, be32(state[i]));
	return 0;
}
