/*
 * What dtlsv1_listen_datagram costs: no BIO, no SSL, no kernel.
 *
 *	verdict SHAPE COUNT
 *
 *	SHAPE      answer    hellos without a cookie
 *	           forged    with a cookie that nobody made
 *	           admit     with a right one
 *	           drop      datagrams of no protocol
 *
 * All of 200 bytes, by turns from 64 addresses. Runs a warm-up, then prints JSON:
 * CPU time per verdict. Under BENCH_STEPS the instructions are counted (mark.h).
 * Run it with our library preloaded.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ssl.h>

#include "hello.h"
#include "mark.h"

#define SIZE    200
#define PEERS   64
#define WARM_UP 200

enum { DROP, ANSWER, ADMIT }; /* DTLSV1_LISTEN_* */

static int (*judge)(SSL_CTX *, const unsigned char *, size_t, const struct sockaddr *, socklen_t,
    unsigned char *, size_t *);
static SSL_CTX *ctx;
static struct sockaddr_in peers[PEERS];
static unsigned char datagrams[PEERS][SIZE];
static int expected;

static void
die(const char *what)
{
	fprintf(stderr, "verdict: %s\n", what);
	exit(1);
}

/* callgrind collects in here (it finds the function by its name). */
__attribute__((noinline)) static int
measured(long i, unsigned char *out, size_t *len)
{
	return judge(ctx, datagrams[i % PEERS], SIZE, (struct sockaddr *)&peers[i % PEERS],
	    sizeof(peers[0]), out, len);
}

static void
verdicts(long count)
{
	unsigned char out[SIZE];
	size_t len;
	long i;

	for (i = 0; i < count; i++) {
		len = sizeof(out);
		if (measured(i, out, &len) != expected)
			die("it was not the verdict that it should be");
	}
}

static void
make(const char *shape, int i)
{
	unsigned char cookie[32] = "a cookie that nobody made", out[SIZE];
	const unsigned char *right;
	size_t len = sizeof(out);
	unsigned char *datagram = datagrams[i];

	peers[i].sin_family = AF_INET;
	peers[i].sin_addr.s_addr = htonl(0xc0000200u + (unsigned int)i);
	peers[i].sin_port = htons(4433);
	if (hello_make(datagram, SIZE, cookie, strcmp(shape, "forged") == 0 ? sizeof(cookie) : 0) ==
	    0)
		die("no hello");
	hello_number(datagram, (unsigned long)i);
	expected = ANSWER;
	if (strcmp(shape, "drop") == 0) {
		memset(datagram, 0x5a, SIZE);
		expected = DROP;
	} else if (strcmp(shape, "admit") == 0) {
		if (measured(i, out, &len) != ANSWER || (len = hvr_cookie(out, len, &right)) == 0 ||
		    hello_make(datagram, SIZE, right, len) == 0)
			die("no cookie");
		hello_number(datagram, (unsigned long)i);
		expected = ADMIT;
	} else if (strcmp(shape, "answer") != 0 && strcmp(shape, "forged") != 0) {
		die("SHAPE is answer, forged, admit or drop");
	}
}

int
main(int argc, char **argv)
{
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_datagram");
	struct timespec begin, end;
	long count;
	int i;

	if (argc != 3 || (count = atol(argv[2])) < 1)
		die("usage: verdict SHAPE COUNT");
	if (at == NULL)
		die("our library is not preloaded");
	memcpy(&judge, &at, sizeof(at));
	mark_init();
	ctx = SSL_CTX_new(DTLS_server_method());
	if (ctx == NULL)
		die("SSL_CTX_new");
	for (i = 0; i < PEERS; i++)
		make(argv[1], i);
	verdicts(WARM_UP);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	mark_begin();
	verdicts(count);
	mark_end();
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	printf("{\"ns\":%.1f}\n",
	    ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
		(double)count);
	SSL_CTX_free(ctx);
	return 0;
}
