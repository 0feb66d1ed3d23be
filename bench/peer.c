/*
 * What a challenge costs in other stacks, without the kernel, as challenge.c has
 * it for DTLSv1_listen: hellos from memory, answers swallowed.
 *
 *	peer_NAME COUNT [SIZE]
 *
 * The hellos come from as many addresses. Prints JSON: CPU time per hello, heap
 * allocations (count_malloc.c preloaded; else -1), and how many bytes of the heap
 * are in use for each source when all is answered. Under BENCH_STEPS the
 * instructions are counted (mark.h), under callgrind those of `measured`.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hello.h"
#include "mark.h"
#include "peer.h"

#define WARM_UP 50

static long answers;

void
peer_die(const char *what, long error)
{
	fprintf(stderr, "peer: %s: %ld\n", what, error);
	exit(1);
}

void
peer_sent(const void *answer, size_t len)
{
	const unsigned char *cookie;

	if (hvr_cookie(answer, len, &cookie) == 0)
		peer_die("the answer is no HelloVerifyRequest of so many bytes", (long)len);
	answers++;
}

__attribute__((noinline)) static void
measured(unsigned char *hello, size_t size, long from, long count)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(4433) };
	long i;

	for (i = 0; i < count; i++) {
		hello_number(hello, (unsigned long)(from + i));
		peer.sin_addr.s_addr = htonl(0x7F000001u + (unsigned int)(from + i));
		peer_answer(hello, size, &peer);
	}
}

int
main(int argc, char *argv[])
{
	long count = argc > 1 ? atol(argv[1]) : 0;
	size_t size = argc > 2 ? (size_t)atol(argv[2]) : 200;
	unsigned char hello[HELLO_MAX];
	struct timespec begin, end;
	long (*counter)(void), allocated = 0;
	size_t in_use;

	if (count < 1 || size > HELLO_MAX || hello_make(hello, size, NULL, 0) == 0) {
		fprintf(stderr, "usage: peer_NAME COUNT [SIZE]\n");
		return 2;
	}
	*(void **)&counter = dlsym(RTLD_DEFAULT, "count_malloc");
	peer_begin(getenv("BENCH_PEM"));
	mark_init();
	measured(hello, size, 0, WARM_UP);
	answers = 0;
	in_use = mallinfo2().uordblks;
	if (counter != NULL)
		allocated = -counter();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	mark_begin();
	measured(hello, size, WARM_UP, count);
	mark_end();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	if (counter != NULL)
		allocated += counter();
	in_use = mallinfo2().uordblks - in_use;
	if (answers != count)
		peer_die("not every hello was answered, but so many", answers);
	printf("{\"count\":%ld,\"ns\":%.2f,\"allocations\":%.3f,\"kept\":%.2f}\n", count,
	    ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
		(double)count,
	    counter == NULL ? -1 : (double)allocated / (double)count,
	    (double)(long)in_use / (double)count);
	return 0;
}
