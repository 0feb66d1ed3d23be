/*
 * dtlsv1_listen_datagram() in many threads with one SSL_CTX, while another one
 * changes its repairs and policy: each hello gets its answer, each
 * cookie is right at once, and everything is counted.
 */
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define ROUNDS  2000

static SSL_CTX *ctx;
static atomic_int done;

static void *
clients(void *arg)
{
	struct address client = one_peer4("192.0.2.9", 1000 + *(int *)arg);
	const struct sockaddr *peer = (const struct sockaddr *)&client.any;
	unsigned char out[512];
	struct hello h;
	struct hvr v;
	size_t len;
	int i, wrong = 0;

	for (i = 0; i < ROUNDS; i++) {
		hello_make(&h, NULL, 0);
		hello_put(&h, AT_RANDOM, (uint64_t)i, 8);
		len = sizeof(out);
		wrong += ours.datagram(ctx, h.byte, h.len, peer, client.len, out, &len) != ANSWER;
		hvr_parse(&v, out, len);
		wrong += v.bad != NULL;
		hello_make(&h, v.cookie, v.cookielen);
		hello_put(&h, AT_RANDOM, (uint64_t)i, 8);
		len = sizeof(out);
		wrong += ours.datagram(ctx, h.byte, h.len, peer, client.len, out, &len) != ADMIT;
		wrong += len != h.len || memcmp(out, h.byte, len) != 0;
		len = sizeof(out);
		wrong += ours.datagram(ctx, h.byte, 20, peer, client.len, out, &len) != DROP;
	}
	CHECK_INT(wrong, 0);
	CHECK_QUEUED(0);
	return NULL;
}

static void *
administrator(void *arg)
{
	int i;

	for (i = 0; !done; i++) {
		(void)ours.set_repairs(ctx, i % 2 ? ALL : 0);
		(void)ours.set_cookie_policy(ctx, i % 2 ? AUTO : BUILTIN);
	}
	return arg;
}

int
main(void)
{
	pthread_t thread[THREADS], one_more;
	int number[THREADS], i;
	char expected[256];
	struct address client = one_peer4("192.0.2.9", 999);
	unsigned char out[512];
	size_t len = sizeof(out);
	struct hello first;

	check_begin("datagram_threads");
	counters_init();
	ctx = tls_server_ctx();
	/* Whoever comes while the first one finds the secret waits 50 ms for it, and on a busy machine is
	 * dropped: the first one comes before the threads. */
	hello_make(&first, NULL, 0);
	CHECK_INT(ours.datagram(ctx, first.byte, first.len, (const struct sockaddr *)&client.any,
		      client.len, out, &len),
	    ANSWER);
	(void)counters_changes();
	for (i = 0; i < THREADS; i++) {
		number[i] = i;
		NEED(pthread_create(&thread[i], NULL, clients, &number[i]) == 0);
	}
	NEED(pthread_create(&one_more, NULL, administrator, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	done = 1;
	pthread_join(one_more, NULL);
	snprintf(expected, sizeof(expected),
	    "datagrams %d bytes_in %d "
	    "challenges %d bytes_out %d cookies_right %d "
	    "discards_record_length %d",
	    3 * THREADS * ROUNDS, THREADS * ROUNDS * (91 + 123 + 20), THREADS * ROUNDS,
	    THREADS * ROUNDS * 60, THREADS * ROUNDS, THREADS * ROUNDS);
	CHECK_STR(counters_changes(), expected);
	SSL_CTX_free(ctx);
	return check_end();
}
