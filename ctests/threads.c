#define _GNU_SOURCE
/*
 * Several threads, each with its own SSL on one SSL_CTX; and one SSL whose
 * listen, SSL_accept() and data each run in another thread.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS    6
#define HANDSHAKES 10

static SSL_CTX *ctx;
static pthread_barrier_t start;

struct pair { /* too large for a stack */
	struct wire wire;
	struct stepper client;
	struct port port;
	SSL *ssl;
};

static struct pair *
pair_new(void)
{
	struct pair *p = malloc(sizeof(*p));
	BIO *b;

	NEED(p != NULL);
	wire_init(&p->wire);
	b = wire_bio(&p->wire, NULL, 0);
	p->ssl = tls_server_on(ctx, b, b);
	p->port = (struct port){ .wire = &p->wire };
	stepper_init(&p->client);
	return p;
}

static void
pair_free(struct pair *p)
{
	stepper_free(&p->client);
	SSL_free(p->ssl);
	free(p);
}

static void
pair_listen(struct pair *p)
{
	stepper_step(&p->client);
	port_to_server(&p->port, &p->client);
	CHECK_INT(listen_to(p->ssl, NULL), 0);
	CHECK_QUEUED(0);
	port_to_client(&p->port, &p->client);
	stepper_step(&p->client);
	port_to_server(&p->port, &p->client);
	CHECK_INT(listen_to(p->ssl, NULL), 1);
	CHECK_QUEUED(0);
}

static void *
many(void *arg)
{
	int i;

	(void)arg;
	/* All at once: the first cookie needs a secret that is not there yet. */
	pthread_barrier_wait(&start);
	for (i = 0; i < HANDSHAKES; i++) {
		struct pair *p = pair_new();

		pair_listen(p);
		port_finish(&p->port, &p->client, p->ssl);
		pair_free(p);
	}
	return NULL;
}

static void
run_many(void)
{
	pthread_t thread[THREADS];
	int i;

	NEED(pthread_barrier_init(&start, NULL, THREADS) == 0);
	for (i = 0; i < THREADS; i++)
		NEED(pthread_create(&thread[i], NULL, many, NULL) == 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
}

static void
test_builtin(void)
{
	ctx = tls_server_ctx();
	run_many();
	SSL_CTX_free(ctx);
}

static void
test_app(void)
{
	struct app app;

	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	run_many();
	CHECK_INT(app.generated, THREADS * HANDSHAKES);
	CHECK_INT(app.verified, 2 * THREADS * HANDSHAKES);
	SSL_CTX_free(ctx);
}

static void *
in_thread_listen(void *arg)
{
	pair_listen(arg);
	return NULL;
}

static void *
in_thread_finish(void *arg)
{
	struct pair *p = arg;

	port_finish(&p->port, &p->client, p->ssl);
	return NULL;
}

static void
test_moved(int with_app)
{
	struct app app;
	struct pair *p;
	pthread_t thread;

	ctx = tls_server_ctx();
	app_init(&app);
	if (with_app)
		app_install(&app, ctx);
	p = pair_new();
	app_expect(&app, p->ssl);
	NEED(pthread_create(&thread, NULL, in_thread_listen, p) == 0);
	pthread_join(thread, NULL); /* it is gone, with all it kept */
	NEED(pthread_create(&thread, NULL, in_thread_finish, p) == 0);
	pthread_join(thread, NULL);
	CHECK_APP(&app, with_app, 2 * with_app);
	pair_free(p);
	SSL_CTX_free(ctx);
}

/* An SSL_CTX freed by a thread while others' SSLs still hold it. */
static void
test_last_reference(void)
{
	struct pair *p;
	pthread_t thread;

	ctx = tls_server_ctx();
	p = pair_new();
	SSL_CTX_free(ctx);
	NEED(pthread_create(&thread, NULL, in_thread_listen, p) == 0);
	pthread_join(thread, NULL);
	in_thread_finish(p);
	pair_free(p);
}

int
main(void)
{
	check_begin("threads");
	test_builtin();
	test_app();
	test_moved(0);
	test_moved(1);
	test_last_reference();
	return check_end();
}
