/*
 * A secret file on a file system that takes its time: one thread waits for it,
 * the others serve with the keys that they have, and a process that is forked
 * meanwhile has a child that serves. Before there are any keys they say "call
 * again".
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/door.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[] = "/tmp/dtlsv1-slow-XXXXXX";
static volatile sig_atomic_t slow;
static sem_t opening, go_on;

/* The file system. */
int
open(const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (slow && strcmp(name, path) == 0) {
		slow = 0; /* one is enough */
		sem_post(&opening);
		while (sem_wait(&go_on) != 0)
			;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

static void
write_secret(int byte)
{
	FILE *f = fopen(path, "w");
	int i;

	NEED(f != NULL);
	for (i = 0; i < 32; i++)
		fprintf(f, "%02x", (unsigned int)byte);
	NEED(fclose(f) == 0);
	NEED(chmod(path, 0600) == 0);
}

/* What a hello without a cookie gets from an SSL of this SSL_CTX. */
static void
ask(struct door *door, struct answer *a)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	door_ask(door, &h, a);
}

/* Asks for two seconds: the keys are made anew meanwhile. */
static void
serves(struct door *door)
{
	struct answer a;
	time_t end = time(NULL) + 2;

	while (time(NULL) < end) {
		ask(door, &a);
		CHECK_INT(a.ret, 0);
		CHECK_INT(a.queued, 0);
		CHECK_INT(a.len, ANSWER_LEN);
		usleep(10000);
	}
}

static void *
ask_in_thread(void *arg)
{
	struct door *door = arg;
	struct answer a;

	ask(door, &a);
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.len, ANSWER_LEN);
	return NULL;
}

static void
wait_for_next_second(void)
{
	time_t now = time(NULL);

	while (time(NULL) == now)
		usleep(1000);
}

/* The thread that opens, until go_on. */
static pthread_t
hold(struct door *door)
{
	pthread_t thread;

	wait_for_next_second();
	slow = 1;
	NEED(pthread_create(&thread, NULL, ask_in_thread, door) == 0);
	while (sem_wait(&opening) != 0)
		;
	return thread;
}

static void
test_others_go_on(struct door *door)
{
	static struct door mine, childs;
	pthread_t thread;
	pid_t child;
	int status;

	mine.ctx = childs.ctx = door->ctx;
	wire_init(&mine.wire);
	wire_init(&childs.wire);
	check_case("the others");
	thread = hold(door);
	serves(&mine);

	check_case("a child");
	child = fork();
	NEED(child >= 0);
	if (child == 0) {
		struct answer a;

		alarm(120);
		wait_for_next_second();
		ask(&childs, &a); /* it looks at the file itself */
		_exit(a.ret == 0 && a.len == ANSWER_LEN ? 0 : 1);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);

	check_case("the one that waited");
	sem_post(&go_on);
	pthread_join(thread, NULL);
	serves(&mine);
	check_case(NULL);
}

/* No keys yet: neither an answer nor an error, but for as long as it takes. */
static void
test_first(void)
{
	static struct door door, mine;
	struct answer a;
	pthread_t thread;
	struct hello h;
	SSL *ssl;
	int i;

	check_case("the first look");
	door.ctx = mine.ctx = tls_server_ctx();
	wire_init(&door.wire);
	wire_init(&mine.wire);
	NEED(setenv("DTLSV1_LISTEN_SECRET_FILE", path, 1) == 0);
	thread = hold(&door);
	ssl = tls_server_wire(mine.ctx, &mine.wire);
	hello_make(&h, NULL, 0);
	queue_put(&mine.wire.in, h.byte, h.len);
	for (i = 0; i < 5; i++) {
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
	}
	CHECK_INT(queue_len(&mine.wire.in), 1);
	CHECK_INT(queue_len(&mine.wire.out), 0);
	sem_post(&go_on);
	pthread_join(thread, NULL);
	check_case("after it");
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&mine.wire.out), 1);
	ask(&door, &a);
	CHECK_INT(a.len, ANSWER_LEN);
	check_case(NULL);
	SSL_free(ssl);
	test_others_go_on(&door);
	SSL_CTX_free(door.ctx);
}

/* A thread that is to end ends where its program expects it, not in a file. */
static void *
be_cancelled(void *arg)
{
	ask_in_thread(arg);
	pthread_testcancel();
	return NULL;
}

static void
test_cancel(void)
{
	static struct door door;
	pthread_t thread;
	void *ended;

	check_case("cancelled");
	door.ctx = tls_server_ctx();
	wire_init(&door.wire);
	CHECK_INT(ours.set_cookie_policy(door.ctx, BUILTIN), 1);
	ask_in_thread(&door);
	wait_for_next_second();
	slow = 1;
	NEED(pthread_create(&thread, NULL, be_cancelled, &door) == 0);
	while (sem_wait(&opening) != 0)
		;
	pthread_cancel(thread);
	sem_post(&go_on);
	pthread_join(thread, &ended);
	CHECK(ended == PTHREAD_CANCELED);
	serves(&door);
	check_case(NULL);
	SSL_CTX_free(door.ctx);
}

int
main(void)
{
	int fd = mkstemp(path);

	NEED(fd >= 0 && close(fd) == 0);
	write_secret(0x11);
	NEED(sem_init(&opening, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
	check_begin("secrets_slow");
	test_first();
	test_cancel();
	unlink(path);
	return check_end();
}
