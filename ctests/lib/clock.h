/* The kernel's clock, for a program that puts one of its own in its place. */
#ifndef CTESTS_CLOCK_H
#define CTESTS_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* As clock_gettime(2). A time_t of 64 bits has another call where a long has 32. */
static inline int
kernel_clock(clockid_t id, struct timespec *now)
{
#ifdef SYS_clock_gettime64
	if (sizeof(now->tv_sec) > sizeof(long))
		return (int)syscall(SYS_clock_gettime64, id, now);
#endif
	return (int)syscall(SYS_clock_gettime, id, now);
}

/*
 * Bounds a loop that waits for what is sure to come, beside others who send: their datagrams
 * make its turns short, so turns are no measure of time. *end is 0 at first.
 */
static inline int
seconds_left(time_t *end, int seconds)
{
	struct timespec now;

	(void)kernel_clock(CLOCK_MONOTONIC, &now);
	if (*end == 0)
		*end = now.tv_sec + seconds;
	return now.tv_sec < *end;
}

#endif
