/*
 * Makes sending fail. The functions of those names in this file take the place of
 * libc's in the program that includes it, and in the libraries below: so it is no
 * part of lib/, which every program has.
 */
#ifndef CTESTS_FULL_INJECT_H
#define CTESTS_FULL_INJECT_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/check.h"

/* What sending fails with, and how often it did. */
static int failing, failed;

static int
fails(void)
{
	if (failing == 0)
		return 0;
	failed++;
	errno = failing;
	return 1;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fails() ? -1 : (ssize_t)syscall(SYS_sendmsg, fd, message, flags);
}

int
sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
	return fails() ? -1 : (ssize_t)syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

static void
fail_with(int error)
{
	failing = error;
	failed = 0;
}

static void
works_again(void)
{
	CHECK(failed > 0);
	failing = 0;
}

#endif
