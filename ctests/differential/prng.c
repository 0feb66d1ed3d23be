#include "prng.h"

static uint64_t
mixed(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

struct prng
prng_for(uint64_t seed, uint64_t number)
{
	/* Mixed twice, so that neighbouring cases and neighbouring seeds share nothing. */
	return (struct prng){ mixed(mixed(seed + UINT64_C(0x9e3779b97f4a7c15)) + number) };
}

uint64_t
prng_next(struct prng *prng)
{
	prng->state += UINT64_C(0x9e3779b97f4a7c15);
	return mixed(prng->state);
}

unsigned int
prng_below(struct prng *prng, unsigned int bound)
{
	return bound == 0 ? 0 : (unsigned int)((prng_next(prng) >> 32) * bound >> 32);
}

int
prng_chance(struct prng *prng, unsigned int percent)
{
	return prng_below(prng, 100) < percent;
}

void
prng_fill(struct prng *prng, unsigned char *bytes, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			word = prng_next(prng);
		bytes[i] = (unsigned char)(word >> i % 8 * 8);
	}
}
