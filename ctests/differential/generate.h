/* The case that a seed and a number stand for. */

#ifndef DIFFERENTIAL_GENERATE_H
#define DIFFERENTIAL_GENERATE_H

#include "case.h"

/* corpus_open() and sides_open() come first. */
void generate_case(struct dcase *c, uint64_t seed, uint64_t number);

#endif
