/*
 * A program's own clocks, which it stops and sets ahead: where a second counts, no machine is too slow.
 * For one file of a program, with _GNU_SOURCE.
 */
#ifndef CTESTS_OWN_CLOCKS_H
#define CTESTS_OWN_CLOCKS_H

#include "clock.h"
#include "clock_time.h"

/* Where they stand; 0: they go. */
static struct {
	time_t wall, boot;
} clocks;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = kernel_clock(id, now);

	if (clocks.wall != 0 && id == CLOCK_REALTIME)
		now->tv_sec = clocks.wall;
	if (clocks.boot != 0 && id == CLOCK_BOOTTIME)
		now->tv_sec = clocks.boot;
	return ret;
}

/* Where they are, if they still go. */
static void
clocks_stop(void)
{
	struct timespec boot;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	clocks.boot = boot.tv_sec;
	clocks.wall = time(NULL);
}

static void
clocks_ahead(time_t seconds)
{
	clocks.boot += seconds;
	clocks.wall += seconds;
}

#endif
