/*
 * How far reassembly goes: the longest hello, longer ones, with
 * the repair switched off, while a call blocks, from several threads at once,
 * and hellos that nobody finishes.
 */
#define _GNU_SOURCE /* RTLD_DEFAULT, usleep() */
#include "lib/check.h"
#include "lib/frag.h"
#include "lib/ours.h"
#include "lib/hello.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define LONGEST (16384 - 12) /* with its header it fills a record */

static SSL_CTX *ctx;
static struct frag_server s;

static size_t
message_len(struct frag_client *c)
{
	const unsigned char *at = frag_get(c, 0)->byte + AT_MSG_LEN;

	return (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
}

/* A client whose second hello, of so many bytes, waits. */
static unsigned int
hello_of(struct frag_client *c, size_t len)
{
	size_t padding = 1000;

	frag_client_init(c, &s.own, padding, 1400);
	frag_second_hello(c, &s);
	padding += len - message_len(c);
	frag_client_free(c);
	frag_client_init(c, &s.own, padding, 1400);
	frag_second_hello(c, &s);
	CHECK_INT(message_len(c), len);
	return queue_len(&c->step.wire.out);
}

static void
test_longest(void)
{
	struct frag_client c;
	unsigned int n, i;

	check_case("the longest hello");
	frag_server_init(&s, ctx, AF_INET);
	n = hello_of(&c, LONGEST);
	CHECK(n >= 12);
	for (i = 0; i < n; i++)
		frag_send(&c, i);
	frag_accepts(&s, &c);
	frag_client_free(&c);
	frag_server_free(&s);
}

/* The first fragment is accepted by itself, and libssl gets the others where
 * the client is then served. */
static void
as_libssl(struct frag_client *c)
{
	struct sockaddr_storage peer;
	unsigned int n = queue_len(&c->step.wire.out), i;
	int fd = s.fd;

	memset(&peer, 0, sizeof(peer));
	frag_send(c, 0);
	CHECK_INT(listen_to(s.ssl, &peer), 1);
	CHECK_QUEUED(0);
	CHECK_BYTES(&peer, &c->own.any, c->own.len);
	frag_connect(&s, c);
	for (i = 1; i < n; i++)
		frag_send(c, i);
	CHECK(!net_readable(fd, 0));
	frag_finish(&s, c);
}

static void
test_too_long(void)
{
	struct frag_client c;

	check_case("longer than the longest");
	frag_server_init(&s, ctx, AF_INET);
	hello_of(&c, LONGEST + 1);
	as_libssl(&c);
	frag_client_free(&c);
	frag_server_free(&s);
}

static void
test_switched_off(void)
{
	int (*set_repairs)(SSL_CTX *, unsigned int);
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_set_repairs");
	struct frag_client c;
	int strange;

	check_case("switched off");
	NEED(at != NULL);
	memcpy(&set_repairs, &at, sizeof(at));
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	CHECK_INT(set_repairs(ctx, FRAGMENTS ^ 7), 1);
	CHECK_INT(frag_second_hello(&c, &s), 3);
	as_libssl(&c);
	frag_client_free(&c);

	/* In the middle of a hello. */
	frag_server_next(&s);
	CHECK_INT(set_repairs(ctx, 7), 1);
	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	CHECK_INT(frag_second_hello(&c, &s), 3);
	frag_send(&c, 0);
	frag_nothing_yet(&s);
	CHECK_INT(set_repairs(ctx, 0), 1);
	frag_send(&c, 1);
	CHECK_INT(frag_listen(&s, NULL, &strange), 0);
	CHECK_INT(strange, 1);
	CHECK_INT(set_repairs(ctx, FRAGMENTS), 1);
	frag_send(&c, 1);
	frag_send(&c, 2);
	frag_accepts(&s, &c);
	CHECK_INT(set_repairs(ctx, 7), 1);
	frag_client_free(&c);
	frag_server_free(&s);
}

static void *
listen_once(void *arg)
{
	*(int *)arg = listen_to(s.ssl, NULL);
	return arg;
}

/* One call that blocks: it keeps the first fragment, answers somebody else,
 * and returns with the last. */
static void
test_blocking(void)
{
	struct frag_client c, other;
	pthread_t thread;
	int ret = -2;

	check_case("blocking");
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	frag_client_init(&other, &s.own, 0, 1400);
	CHECK_INT(frag_second_hello(&c, &s), 3);
	CHECK_INT(frag_step(&other), 1);

	NEED(fcntl(s.fd, F_SETFL, 0) == 0);
	NEED(pthread_create(&thread, NULL, listen_once, &ret) == 0);
	frag_send(&c, 0);
	frag_send(&c, 2);
	frag_send(&other, 0);
	frag_hear(&other); /* is answered, so the thread is past ours */
	frag_send(&c, 1);
	pthread_join(thread, NULL);
	CHECK_INT(ret, 1);
	frag_connect(&s, &c);
	frag_finish(&s, &c);
	frag_client_free(&c);
	frag_client_free(&other);
	frag_server_free(&s);
}

/* Memory for what is never finished goes with the SSL_CTX: see valgrind. */
static void
test_unfinished(void)
{
	struct frag_client c;
	SSL_CTX *own_ctx = tls_server_ctx();
	int i;

	check_case("unfinished");
	frag_server_init(&s, own_ctx, AF_INET);
	for (i = 0; i < 70; i++) {
		frag_client_init(&c, &s.own, 300, FRAG_MTU);
		CHECK_INT(frag_second_hello(&c, &s), 3);
		frag_send(&c, 0);
		frag_nothing_yet(&s);
		frag_client_free(&c);
	}
	frag_server_free(&s);
	SSL_CTX_free(own_ctx);
}

#define THREADS 4
#define CLIENTS 12

static atomic_int accepted, over;

/* Threads with an SSL each on one socket. Each may get any part of a hello. */
static void *
listen_on(void *arg)
{
	struct frag_server *own = arg;
	int ret;

	while (!over) {
		net_readable(s.fd, 20);
		ret = listen_to(own->ssl, NULL);
		CHECK(ret >= 0);
		ERR_clear_error();
		if (ret > 0) {
			accepted++;
			frag_server_next(own);
		}
	}
	return NULL;
}

/* A fragment that one thread reads while another is at the first is refused,
 * so they are sent until they are through. */
static void
one_client(int before)
{
	struct frag_client c;
	unsigned int tries;

	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	frag_step(&c);
	frag_send(&c, 0);
	frag_forget(&c);
	frag_hear(&c);
	CHECK_INT(frag_step(&c), 3);
	for (tries = 0; accepted == before; tries++) {
		frag_send(&c, tries % 3);
		usleep(1000);
	}
	frag_client_free(&c);
}

static void
test_threads(void)
{
	struct frag_server own[THREADS];
	pthread_t thread[THREADS];
	int i;

	check_case("threads");
	frag_server_init(&s, ctx, AF_INET);
	s.app.ssl = NULL; /* of any thread */
	for (i = 0; i < THREADS; i++) {
		own[i] = s;
		own[i].ssl = NULL;
		frag_server_next(&own[i]);
		NEED(pthread_create(&thread[i], NULL, listen_on, &own[i]) == 0);
	}
	for (i = 0; i < CLIENTS; i++)
		one_client(accepted);
	over = 1;
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		SSL_free(own[i].ssl);
	}
	frag_server_free(&s);
}

int
main(void)
{
	check_begin("reassembly_limits");
	ctx = tls_server_ctx();
	test_longest();
	test_too_long();
	test_switched_off();
	test_blocking();
	test_unfinished();
	test_threads();
	SSL_CTX_free(ctx);
	return check_end();
}
