/*
 * How much stack a function takes.
 */
#ifndef CTESTS_DEPTH_H
#define CTESTS_DEPTH_H

#include <stddef.h>

/*
 * Runs it in a thread of its own, whose stack was painted before. Bytes from
 * its frame down to the deepest that anything wrote to.
 */
size_t	depth_of(void (*body)(void *), void *arg);

#endif
