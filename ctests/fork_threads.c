/*
 * A process forks while its other threads hold our locks: what they did is
 * whole in the child, and its calls come back.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/door.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORKS 100

static SSL_CTX *ctx;
static volatile sig_atomic_t done;

/* The locks of one context's secrets. */
static void *
rotate(void *arg)
{
	unsigned char secret[32];
	int i;

	(void)arg;
	for (i = 0; !done; i++) {
		memset(secret, 'a' + i % 2, sizeof(secret));
		NEED(ours.set_secret(ctx, secret, sizeof(secret)) == 1);
	}
	return NULL;
}

/* The lock of the table of contexts: one that had none gets one, and goes. */
static void *
come_and_go(void *arg)
{
	(void)arg;
	while (!done) {
		SSL_CTX *other = SSL_CTX_new(DTLS_server_method());

		NEED(other != NULL);
		NEED(ours.set_repairs(other, ALL) == 1);
		SSL_CTX_free(other);
	}
	return NULL;
}

/* The lock of what was chosen, and what it comes to in libssl. */
static void *
choose(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; !done; i++)
		NEED(ours.set_cookie_policy(ctx, i % 2 ? BUILTIN : AUTO) == 1);
	return NULL;
}

/*
 * A hello, and its cookie: the secrets have changed since, so the child has to
 * make the keys anew. On an SSL from before the fork: libcrypto has locks, too.
 */
static int
listens(SSL *ssl, struct wire *wire)
{
	struct hello h;
	struct datagram *d;
	struct hvr v;
	unsigned char secret[32];

	memset(secret, 'a', sizeof(secret));
	if (ours.set_secret(ctx, secret, sizeof(secret)) != 1)
		return 2;
	hello_make(&h, NULL, 0);
	queue_put(&wire->in, h.byte, h.len);
	if (listen_to(ssl, NULL) != 0 || (d = queue_get(&wire->out)) == NULL)
		return 3;
	hvr_parse(&v, d->byte, d->len);
	return v.cookielen == COOKIE_LEN ? 0 : 4;
}

static void
test(void *(*hold)(void *))
{
	struct wire wire;
	pthread_t thread;
	SSL *ssl;
	int i, status;

	ctx = tls_server_ctx();
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	CHECK_INT(listens(ssl, &wire), 0);
	done = 0;
	NEED(pthread_create(&thread, NULL, hold, NULL) == 0);
	for (i = 0, status = 0; i < FORKS && status == 0; i++) {
		pid_t child = fork();

		NEED(child >= 0);
		if (child == 0) {
			alarm(120); /* a lock that nobody gives back */
			_exit(listens(ssl, &wire));
		}
		NEED(waitpid(child, &status, 0) == child);
	}
	CHECK_INT(status, 0);
	done = 1;
	pthread_join(thread, NULL);
	CHECK_INT(listens(ssl, &wire), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("fork_threads");
	check_case("secrets");
	test(rotate);
	check_case("table");
	test(come_and_go);
	check_case("choice");
	test(choose);
	return check_end();
}
