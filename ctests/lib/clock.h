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

#endif
