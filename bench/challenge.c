/*
 * What DTLSv1_listen costs without the kernel: its BIO is one of ours, which
 * yields a hello and swallows the answer.
 *
 *	challenge CALLBACKS SHAPE COUNT [SIZE [CONTEXTS [PEERS [THREADS]]]]
 *
 *	CALLBACKS  trivial, usual, competent, evp_mac or none (callbacks.h)
 *	SHAPE      looped    COUNT hellos, all answered by one call
 *	           single    COUNT hellos, one a call, which then finds no other
 *	           forged    the same with a cookie that nobody made
 *	           garbage   COUNT datagrams of no protocol, one a call
 *	           accept    COUNT hellos with a right cookie: from the call to its
 *	                     return, on an SSL that has answered one before
 *	           fresh     the same on a new SSL
 *	SIZE       of each hello (default 200 bytes)
 *	CONTEXTS   as many SSL_CTX, an SSL each, taken in turn (default 1)
 *	PEERS      the hellos come from as many addresses in turn (default 1)
 *	THREADS    COUNT hellos in each of as many threads at once, each with SSLs
 *	           of its own on the same SSL_CTXs (default 1)
 *
 * Runs a warm-up, then prints JSON, per hello: CPU time (for the last two shapes the
 * median by the wall clock), heap allocations (count_malloc.c preloaded; else -1),
 * bytes of the heap that stay in use; and the peak of resident memory. Under
 * callgrind (--toggle-collect=measured) the instructions are counted there.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "callbacks.h"
#include "clock.h"
#include "hello.h"
#include "listen.h"
#include "mark.h"
#include "memory.h"
#include "wire_bio.h"

#define MAX_CONTEXTS 64
#define MAX_THREADS  16
#define WARM_UP      50

static void
die(const char *what)
{
	fprintf(stderr, "challenge: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* callgrind collects in here (it finds the function by its name). */
__attribute__((noinline)) int
measured(SSL *ssl, struct sockaddr_storage *peer)
{
	return LISTEN(ssl, peer);
}

static void
expect(int returned, int expected)
{
	if (returned != expected)
		die("DTLSv1_listen did not return what it should");
}

/* This thread's allocations so far, when count_malloc.so is preloaded. */
static long (*counter)(void);

static long
allocations(void)
{
	return counter == NULL ? 0 : counter();
}

struct job {
	SSL_CTX **ctxs;
	const unsigned char *hello;
	size_t size;
	long contexts, count;
	unsigned long peers;
	int single, fresh, garbage, expected;
	pthread_barrier_t *start;
	double seconds; /* the results */
	long answers, allocated, kept;
};

/* Answers hellos; the CPU time that took. */
static double
challenges(SSL *ssls[], const struct job *job, long count)
{
	struct sockaddr_storage peer;
	double begin = cpu_seconds();
	long i;

	mark_begin();
	if (job->single) {
		for (i = 0; i < count; i++) {
			wire.left = 1;
			expect(measured(ssls[i % job->contexts], &peer), job->expected);
		}
	} else {
		for (i = 0; i < job->contexts; i++) {
			wire.left = count / job->contexts;
			expect(measured(ssls[i], &peer), job->expected);
		}
	}
	mark_end();
	return cpu_seconds() - begin;
}

/* A thread's whole life. */
static void *
challenge_job(void *arg)
{
	struct job *job = arg;
	SSL *ssls[MAX_CONTEXTS];
	struct sockaddr_storage peer;
	long i;

	memcpy(wire.hello, job->hello, job->size);
	wire.size = job->size;
	wire.peers = job->peers;
	wire.garbage = job->garbage;
	for (i = 0; i < job->contexts; i++)
		ssls[i] = wire_ssl(job->ctxs[i]);
	/* Callgrind counts what is measured, so this goes uncounted. */
	for (i = 0; i < job->contexts * WARM_UP; i++) {
		wire.left = 1;
		expect(LISTEN(ssls[i % job->contexts], &peer), job->expected);
	}
	wire.answers = 0;
	pthread_barrier_wait(job->start);
	job->allocated = -allocations();
	job->kept = -(long)mallinfo2().uordblks;
	job->seconds = challenges(ssls, job, job->count);
	job->kept += (long)mallinfo2().uordblks;
	job->allocated += allocations();
	job->answers = wire.answers;
	for (i = 0; i < job->contexts; i++)
		SSL_free(ssls[i]);
	return NULL;
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/*
 * Accepts clients, each on an SSL of its own. What is timed is so short that
 * asking for the CPU time would cost a third of it: so by the wall clock, and
 * the median, which does not mind that somebody else had the processor.
 */
static void
accept_job(struct job *job, long count)
{
	struct sockaddr_storage peer;
	const unsigned char *cookie;
	size_t cookie_len;
	double begin, *times = calloc((size_t)count, sizeof(*times));
	SSL *ssl;

	if (times == NULL)
		die("out of memory");
	job->allocated = 0;
	wire.size = job->size;
	for (job->answers = 0; job->answers < count; job->answers++) {
		ssl = wire_ssl(job->ctxs[0]);
		memcpy(wire.hello, job->hello, job->size);
		wire.left = 1;
		expect(LISTEN(ssl, &peer), NOTHING_YET);
		cookie_len = hvr_cookie(wire.answer, wire.answer_len, &cookie);
		if (cookie_len == 0 || hello_make(wire.hello, job->size, cookie, cookie_len) == 0)
			die("the answer is no HelloVerifyRequest");
		if (job->fresh) {
			SSL_free(ssl);
			ssl = wire_ssl(job->ctxs[0]);
		}
		wire.left = 1;
		job->allocated -= allocations();
		begin = clock_seconds();
		mark_begin();
		expect(measured(ssl, &peer), 1);
		mark_end();
		times[job->answers] = clock_seconds() - begin;
		job->allocated += allocations();
		SSL_free(ssl);
	}
	qsort(times, (size_t)count, sizeof(*times), ascending);
	job->seconds = times[count / 2] * (double)count;
	free(times);
}

static void
report(const struct job *jobs, long threads)
{
	double seconds = 0, done = 0, allocated = 0, expected;
	long i;

	for (i = 0; i < threads; i++) {
		seconds += jobs[i].seconds;
		done += (double)jobs[i].answers;
		allocated += (double)jobs[i].allocated;
	}
	expected = (double)(threads * (jobs[0].count - jobs[0].count % jobs[0].contexts));
	if (done != (jobs[0].garbage ? 0 : expected))
		die("not every hello was answered, or garbage was");
	done = expected;
	printf("{\"count\":%.0f,\"ns\":%.2f,\"allocations\":%.3f,\"kept\":%.2f,"
	       "\"peak_kb\":%ld}\n",
	    done, seconds / done * 1e9, counter == NULL ? -1 : allocated / done,
	    (double)jobs[0].kept / done, peak_kb());
}

static long
argument(int argc, char *argv[], int i, long otherwise)
{
	return i < argc ? atol(argv[i]) : otherwise;
}

int
main(int argc, char *argv[])
{
	SSL_CTX *ctxs[MAX_CONTEXTS];
	struct job jobs[MAX_THREADS], job = { 0 };
	pthread_t others[MAX_THREADS];
	pthread_barrier_t start;
	static const unsigned char forged_cookie[32] = { 0xF0 };
	unsigned char hello[HELLO_MAX];
	const char *shape = argc > 2 ? argv[2] : "";
	int forged = strcmp(shape, "forged") == 0;
	int accept = strcmp(shape, "accept") == 0 || strcmp(shape, "fresh") == 0;
	long i, threads;

	job.ctxs = ctxs;
	job.hello = hello;
	job.garbage = strcmp(shape, "garbage") == 0;
	job.single = strcmp(shape, "single") == 0 || forged || job.garbage;
	job.fresh = strcmp(shape, "fresh") == 0;
	job.expected = job.garbage ? 0 : NOTHING_YET;
	job.count = argument(argc, argv, 3, 0);
	job.size = (size_t)argument(argc, argv, 4, 200);
	job.contexts = argument(argc, argv, 5, 1);
	job.peers = (unsigned long)argument(argc, argv, 6, 1);
	threads = argument(argc, argv, 7, 1);
	if (job.count < 1 || job.size > HELLO_MAX || job.contexts < 1 ||
	    job.contexts > MAX_CONTEXTS || threads < 1 || threads > MAX_THREADS ||
	    (accept && threads * job.contexts != 1) ||
	    (!accept && !job.single && strcmp(shape, "looped") != 0)) {
		fprintf(stderr, "usage: as the head of challenge.c says\n");
		return 2;
	}
	if (hello_make(hello, job.size, forged_cookie, forged ? sizeof(forged_cookie) : 0) == 0)
		die("this size is too small for a hello");
	if (job.garbage)
		memset(hello, 0xA5, job.size);
	for (i = 0; i < job.contexts; i++)
		ctxs[i] = context_new(argv[1]);
	*(void **)&counter = dlsym(RTLD_DEFAULT, "count_malloc");
	if (accept) {
		accept_job(&job, 3);
		mark_init();
		accept_job(&job, job.count);
		jobs[0] = job;
	} else {
		mark_init();
		pthread_barrier_init(&start, NULL, (unsigned int)threads);
		job.start = &start;
		for (i = 1; i < threads; i++) {
			jobs[i] = job;
			if (pthread_create(&others[i], NULL, challenge_job, &jobs[i]) != 0)
				die("pthread_create");
		}
		jobs[0] = job;
		challenge_job(&jobs[0]);
		for (i = 1; i < threads; i++)
			pthread_join(others[i], NULL);
	}
	report(jobs, threads);
	for (i = 0; i < job.contexts; i++)
		SSL_CTX_free(ctxs[i]);
	return 0;
}
