/*
 * A program's own clocks, which it stops and sets ahead: where a second counts, no machine is too slow.
 * For one file of a program, with _GNU_SOURCE.
 */
#ifndef CTESTS_OWN_CLOCKS_H
#define CTESTS_OWN_CLOCKS_H

#include "check.h"
#include "clock.h"

static struct {
	int stopped;
	time_t wall, boot, ahead;
} clocks;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = kernel_clock(id, now);

	if (id == CLOCK_REALTIME || id == CLOCK_BOOTTIME) {
		now->tv_sec += clocks.ahead;
		if (clocks.stopped)
			now->tv_sec = id == CLOCK_BOOTTIME ? clocks.boot : clocks.wall;
	}
	return ret;
}

time_t
time(time_t *to)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (to != NULL)
		*to = now.tv_sec;
	return now.tv_sec;
}

static void
clocks_stop(void)
{
	struct timespec boot;

	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	clocks.boot = boot.tv_sec;
	clocks.wall = time(NULL);
	clocks.stopped = 1;
}

/* By so many seconds, from where they stand; and they go. */
static void
clocks_ahead(time_t seconds)
{
	struct timespec now;

	clocks.stopped = 0;
	clocks.ahead += seconds;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	NEED(now.tv_sec >= clocks.boot + seconds);
}

#endif
