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
size_t depth_of(void (*body)(void *), void *arg);

/*
 * What `measure` gives in a process of its own, where things are done that are
 * done once. Failures there are failures here.
 */
size_t depth_in_child(size_t (*measure)(const void *), const void *arg);

/* At most 8 KiB, or 2 KiB more than libssl's own function takes for the same. */
void depth_is_little(const char *what, size_t depth, size_t libssls);

#endif
