#define _GNU_SOURCE /* MAP_STACK */
#include "depth.h"
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM  (1024 * 1024)
#define PAINT 0xa5

struct run {
	void (*body)(void *);
	void *arg;
	unsigned char *top;
};

static void *
run(void *arg)
{
	struct run *r = arg;

	r->top = __builtin_frame_address(0);
	r->body(r->arg);
	return NULL;
}

size_t
depth_of(void (*body)(void *), void *arg)
{
	struct run r = { body, arg, NULL };
	pthread_attr_t attr;
	pthread_t thread;
	unsigned char *stack, *p;

	stack = mmap(
	    NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	NEED(stack != MAP_FAILED);
	memset(stack, PAINT, ROOM);
	NEED(pthread_attr_init(&attr) == 0);
	NEED(pthread_attr_setstack(&attr, stack, ROOM) == 0);
	NEED(pthread_create(&thread, &attr, run, &r) == 0);
	NEED(pthread_join(thread, NULL) == 0);
	NEED(pthread_attr_destroy(&attr) == 0);
	for (p = stack; *p == PAINT; p++)
		;
	NEED(p < r.top);
	munmap(stack, ROOM);
	return (size_t)(r.top - p);
}

size_t
depth_in_child(size_t (*measure)(const void *), const void *arg)
{
	int ends[2], status;
	size_t depth = 0;
	pid_t child;

	NEED(pipe(ends) == 0);
	fflush(stdout);
	NEED((child = fork()) >= 0);
	if (child == 0) {
		int before = check_failures();

		depth = measure(arg);
		NEED(write(ends[1], &depth, sizeof(depth)) == sizeof(depth));
		fflush(stdout);
		_exit(check_failures() > before);
	}
	close(ends[1]);
	NEED(read(ends[0], &depth, sizeof(depth)) == sizeof(depth));
	close(ends[0]);
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	return depth;
}

void
depth_is_little(const char *what, size_t depth, size_t libssls)
{
	check_case(what);
	if (getenv("CTESTS_VERBOSE") != NULL)
		printf("%6zu %6zu %s\n", depth, libssls, what);
	CHECK(depth <= 8192 || depth <= libssls + 2048);
	check_case(NULL);
}
