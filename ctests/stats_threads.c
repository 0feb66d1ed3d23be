/*
 * dtlsv1_listen_get_stats(): nothing is lost between many threads, no counter ever
 * goes back, and a child begins at nought.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/give.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;

#define THREADS 40 /* more than there are shards */
#define ROUNDS  200
#define EACH    20

static pthread_barrier_t together;

static void *
count_many(void *arg)
{
	struct wire *own = OPENSSL_malloc(sizeof(*own));
	struct hello h;
	SSL *ssl;
	BIO *b;
	int i, j;

	(void)arg;
	NEED(own != NULL);
	wire_init(own);
	b = wire_bio(own, NULL, 0);
	ssl = tls_server_on(ctx, b, b);
	hello_make(&h, NULL, 0);
	pthread_barrier_wait(&together);
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < EACH; j++)
			queue_put(&own->in, h.byte, h.len);
		if (listen_to(ssl, NULL) != 0)
			check_true(0, "listen gives 0", __FILE__, __LINE__, __func__);
		queue_clear(&own->out);
		queue_put(&own->in, "bad", 3);
		(void)listen_to(ssl, NULL);
		ERR_clear_error();
	}
	SSL_free(ssl);
	OPENSSL_free(own);
	return NULL;
}

static atomic_int counting;

/* No counter ever goes back, whoever counts. */
static void *
look_on(void *arg)
{
	struct dtlsv1_listen_stats now, before = { 0 };
	const char *name;
	size_t i;

	(void)arg;
	while (counting) {
		NEED(get_stats(&now, sizeof(now)) == 1);
		for (i = 0; (name = counters_name(i)) != NULL; i++)
			if (counters_of(&now, name) < counters_of(&before, name))
				check_true(0, name, __FILE__, __LINE__, __func__);
		before = now;
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[THREADS], reader;
	char want[200];
	long calls = THREADS * ROUNDS, challenges = calls * EACH;
	int i;

	app_init(&app);
	app_install(&app, ctx);
	counting = 1;
	NEED(pthread_barrier_init(&together, NULL, THREADS) == 0);
	NEED(pthread_create(&reader, NULL, look_on, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		NEED(pthread_create(&threads[i], NULL, count_many, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	counting = 0;
	pthread_join(reader, NULL);
	snprintf(want, sizeof(want),
	    "datagrams %ld bytes_in %ld "
	    "challenges %ld bytes_out %ld discards_record_too_small %ld",
	    challenges + calls, 91 * challenges + 3 * calls, challenges, 48 * challenges, calls);
	CHECK_STR(counters_changes(), want);
}

static void
test_fork(void)
{
	struct dtlsv1_listen_stats s;
	SSL *ssl = give_server(ctx);
	int status;
	pid_t child = fork();

	NEED(child >= 0);
	if (child == 0) {
		if (get_stats(&s, sizeof(s)) != 1 || s.datagrams != 0 || s.challenges != 0 ||
		    s.discards_epoch != 0)
			_exit(1);
		if (give_hello(ssl, NULL, 0) != 0 || get_stats(&s, sizeof(s)) != 1 ||
		    s.challenges != 1)
			_exit(2);
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	CHECK_STR(counters_changes(), "");
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 challenges 1 bytes_out 48");
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("stats_threads");
	counters_init();
	ctx = tls_server_ctx();
	test_threads();
	test_fork();
	SSL_CTX_free(ctx);
	return check_end();
}
