/*
 * A program's own fork handlers may do whatever it does elsewhere: make and
 * free SSLs and SSL_CTXs, listen. Nothing of the library is locked meanwhile,
 * whichever was registered first, its handlers or the program's, and whatever
 * another thread holds.
 */
#define _GNU_SOURCE
#include "lib/app.h"
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

#define FORKS 30

static struct wire wire;
static SSL_CTX *ctx, *spare;
static SSL *ssl;
static int wanted, ran;
static volatile sig_atomic_t done;

/* 0 if the SSL answers a hello. */
static int
listens(void)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	queue_clear(&wire.out);
	queue_put(&wire.in, h.byte, h.len);
	if (listen_to(ssl, NULL) != 0)
		return 2;
	return queue_len(&wire.out) == 1 ? 0 : 3;
}

/* All that takes a lock of the library's. */
static void
use_all(void)
{
	unsigned char secret[32];
	SSL_CTX *other = SSL_CTX_new(DTLS_server_method());
	struct app app;

	ran++;
	NEED(other != NULL);
	app_init(&app);
	app_install(&app, other);
	NEED(ours.set_cookie_policy(other, BUILTIN) == 1);
	memset(secret, 'x', sizeof(secret));
	NEED(ours.set_secret(other, secret, sizeof(secret)) == 1);
	SSL_CTX_free(other);
	NEED(listens() == 0);
}

static void
prepare(void)
{
	if (wanted)
		use_all();
}

static void
parent(void)
{
	if (wanted)
		use_all();
}

/* As a program that closes what is its parent's. */
static void
child(void)
{
	if (!wanted)
		return;
	alarm(60); /* the parent's is not the child's */
	use_all();
	SSL_CTX_free(spare);
}

/* No thread is in libcrypto while the process forks: its locks are not ours, and
 * the child makes an SSL_CTX. */
static pthread_mutex_t in_libcrypto = PTHREAD_MUTEX_INITIALIZER;

/* The locks that a thread may have at the moment. */
static void *
come_and_go(void *arg)
{
	(void)arg;
	while (!done) {
		SSL_CTX *other;

		pthread_mutex_lock(&in_libcrypto);
		other = SSL_CTX_new(DTLS_server_method());
		pthread_mutex_unlock(&in_libcrypto);
		NEED(other != NULL);
		NEED(ours.set_cookie_policy(other, APP) == 1);
		pthread_mutex_lock(&in_libcrypto);
		SSL_CTX_free(other);
		pthread_mutex_unlock(&in_libcrypto);
	}
	return NULL;
}

static void
test_forks(void)
{
	int i, status = 0;

	for (i = 0; i < FORKS && status == 0; i++) {
		pid_t pid;

		NEED((spare = SSL_CTX_new(DTLS_server_method())) != NULL);
		NEED(ours.set_repairs(spare, ALL) == 1);
		wanted = 1;
		ran = 0;
		pthread_mutex_lock(&in_libcrypto);
		pid = fork(); /* if it does not come back, check.c's alarm does */
		pthread_mutex_unlock(&in_libcrypto);
		wanted = 0;
		NEED(pid >= 0);
		if (pid == 0) {
			_exit(ran == 4 ? listens() : 4);
		}
		CHECK_INT(ran, 4); /* two prepare, two in the parent */
		NEED(waitpid(pid, &status, 0) == pid);
		SSL_CTX_free(spare);
	}
	CHECK_INT(status, 0);
	CHECK_INT(listens(), 0);
}

/* The registered order decides who holds what while whose handler runs. */
__attribute__((constructor)) static void
register_early(void)
{
	NEED(pthread_atfork(prepare, parent, child) == 0);
}

int
main(void)
{
	pthread_t thread;

	check_begin("fork_handlers");
	ctx = tls_server_ctx();
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	CHECK_INT(listens(), 0);
	/* And late. Their child's half frees nothing. */
	NEED(pthread_atfork(prepare, parent, prepare) == 0);

	check_case("alone");
	test_forks();
	check_case("beside a thread");
	NEED(pthread_create(&thread, NULL, come_and_go, NULL) == 0);
	test_forks();
	done = 1;
	pthread_join(thread, NULL);
	check_case(NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return check_end();
}
