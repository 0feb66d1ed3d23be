/* A small deterministic generator: one stream per case, so that any case can be made again from its seed and number. */

#ifndef DIFFERENTIAL_PRNG_H
#define DIFFERENTIAL_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t state;
};

struct prng prng_for(uint64_t seed, uint64_t number);
uint64_t prng_next(struct prng *prng);

/* Evenly from 0 up to, but without, `bound`; 0 for a bound of 0. */
unsigned int prng_below(struct prng *prng, unsigned int bound);

/* True `percent` times in a hundred. */
int prng_chance(struct prng *prng, unsigned int percent);

void prng_fill(struct prng *prng, unsigned char *bytes, size_t len);

/* One of the values of an array. */
#define PRNG_PICK(prng, values) ((values)[prng_below(prng, sizeof(values) / sizeof((values)[0]))])

#endif
