/* Damage to a datagram: every length, every header field, every edge. */

#ifndef DIFFERENTIAL_MUTATE_H
#define DIFFERENTIAL_MUTATE_H

#include <stddef.h>

#include "prng.h"

/* Changes the datagram in place, in one way. Returns its new length, 1 .. room. */
size_t mutate(struct prng *prng, unsigned char *bytes, size_t len, size_t room);

/*
 * The part of a hello's message from `from` on, at most `most` bytes of it, as a datagram of its own with the record
 * sequence `extra` further on. Returns its length; 0 when there is nothing left.
 */
size_t mutate_fragment(const unsigned char *hello, size_t len, size_t from, size_t most,
    unsigned int extra, unsigned char *bytes);

#endif
