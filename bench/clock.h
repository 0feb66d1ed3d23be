/*
 * Seconds by two clocks.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

/* That this thread has had a processor. */
static inline double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline double
clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
