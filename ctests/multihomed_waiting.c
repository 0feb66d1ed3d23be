/*
 * A socket that is bound to all of the host's addresses and blocks: what comes
 * while a call waits is answered from the address that it was sent to, and the
 * wait ends as a read does: by a timeout, a signal, an end of the socket, the
 * end of the thread.
 */
#define _GNU_SOURCE /* gettid, usleep */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/homes.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;

/* A thread in one call. */
static struct {
	pthread_t thread;
	SSL *ssl;
	atomic_int id, ended;
	int ret, errno_then;
} waiter;

static void __attribute__((noinline))
note(atomic_int *what, int value)
{
	*what = value;
}

static void *
run(void *unused)
{
	(void)unused;
	note(&waiter.id, gettid());
	errno = 0;
	waiter.ret = listen_to(waiter.ssl, NULL);
	waiter.errno_then = errno;
	/* The queue is a thread's. */
	if (waiter.ret == 1)
		CHECK_QUEUED(0);
	ERR_clear_error();
	waiter.ended = 1;
	return NULL;
}

/* Without variables of its own, an atomic assignment's included: ASan goes on watching the places of those of a thread that ended. */
static void *
run_to_cancel(void *unused)
{
	(void)unused;
	note(&waiter.id, gettid());
	waiter.ret = listen_to(waiter.ssl, NULL);
	note(&waiter.ended, 1);
	return NULL;
}

/* Asleep, at eight looks in turn: no other lock or page is waited for so long. */
static void
until_it_waits(void)
{
	char path[64], line[512], *state;
	int asleep = 0;
	FILE *f;

	while (waiter.id == 0)
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiter.id);
	while (asleep < 8 && !waiter.ended) {
		usleep(2000);
		if ((f = fopen(path, "r")) == NULL)
			return; /* it has ended */
		state = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
		fclose(f);
		asleep = state != NULL && state[2] == 'S' ? asleep + 1 : 0;
	}
}

static SSL *
begin(int family, const char *own)
{
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	ssl = homes_server(ctx, family, own, AF_INET, "127.0.0.2");
	NEED(fcntl(homes_server_fd, F_SETFL, 0) == 0);
	waiter.ssl = ssl;
	return ssl;
}

static void
listen_in(void *(*thread)(void *))
{
	waiter.id = waiter.ended = 0;
	waiter.ret = -2;
	NEED(pthread_create(&waiter.thread, NULL, thread, NULL) == 0);
	until_it_waits();
}

static void *
join(void)
{
	void *result;

	NEED(pthread_join(waiter.thread, &result) == 0);
	return result;
}

/* One call answers, waits again, and accepts. */
static void
contact(SSL *ssl)
{
	stepper_init(&homes_client);
	CHECK_INT(stepper_step(&homes_client), 0);
	listen_in(run);
	CHECK_INT(waiter.ended, 0);
	homes_to_server();
	net_wait(homes_client_fd);
	CHECK_INT(homes_to_client(), 1);
	until_it_waits();
	CHECK_INT(waiter.ended, 0);
	CHECK_INT(homes_option(IPPROTO_IP, IP_PKTINFO), 0);
	CHECK_INT(stepper_step(&homes_client), 0);
	homes_to_server();
	(void)join();
	CHECK_INT(waiter.ret, 1);
	CHECK_INT(homes_option(IPPROTO_IP, IP_PKTINFO), 0);
	NEED(fcntl(homes_server_fd, F_SETFL, O_NONBLOCK) == 0);
	homes_shake_hands(ssl);
	CHECK_APP(&app, 1, 2);
	stepper_free(&homes_client);
}

static void
test_answers(void)
{
	SSL *ssl = begin(AF_INET, "0.0.0.0");

	check_case("IPv4");
	contact(ssl);
	homes_done(ssl);
	if (net_has_ipv6("an IPv6 socket")) {
		check_case("IPv4 to an IPv6 socket");
		ssl = begin(AF_INET6, "::");
		contact(ssl);
		homes_done(ssl);
	}
}

/* As a read that times out leaves everything. */
static void
test_timeout(void)
{
	SSL *ssl = begin(AF_INET, "0.0.0.0");
	BIO *b = SSL_get_rbio(ssl);
	struct timeval before = { 0, 60000 }, after;
	socklen_t len = sizeof(after);

	check_case("a timeout");
	CHECK(BIO_ctrl(b, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &before) >= 0);
	NEED(getsockopt(homes_server_fd, SOL_SOCKET, SO_RCVTIMEO, &before, &len) == 0);
	listen_in(run);
	(void)join();
	CHECK_INT(waiter.ret, 0);
	CHECK_INT(waiter.errno_then, EAGAIN);
	CHECK(BIO_should_read(b) && BIO_should_retry(b));
	CHECK_INT(BIO_ctrl(b, BIO_CTRL_DGRAM_GET_RECV_TIMER_EXP, 0, NULL), 1);
	NEED(getsockopt(homes_server_fd, SOL_SOCKET, SO_RCVTIMEO, &after, &len) == 0);
	CHECK(before.tv_sec == after.tv_sec && before.tv_usec == after.tv_usec);
	CHECK_INT(homes_option(IPPROTO_IP, IP_PKTINFO), 0);
	net_receive_timeout(homes_server_fd, 0);
	contact(ssl);
	homes_done(ssl);
}

static void
caught(int sig)
{
	(void)sig;
}

static void
test_signal(void)
{
	struct sigaction action = { .sa_handler = caught };
	SSL *ssl = begin(AF_INET, "0.0.0.0");

	check_case("a signal");
	NEED(sigaction(SIGUSR1, &action, NULL) == 0);
	listen_in(run);
	while (!waiter.ended) {
		pthread_kill(waiter.thread, SIGUSR1);
		usleep(10000);
	}
	(void)join();
	CHECK_INT(waiter.ret, 0);
	CHECK_INT(waiter.errno_then, EINTR);
	CHECK(BIO_should_read(SSL_get_rbio(ssl)));
	contact(ssl);
	homes_done(ssl);
}

static void
test_no_bytes(void)
{
	SSL *ssl = begin(AF_INET, "0.0.0.0");

	check_case("a datagram of no bytes");
	listen_in(run);
	NEED(send(homes_client_fd, "", 0, 0) == 0);
	(void)join();
	CHECK_INT(waiter.ret, 0);
	contact(ssl);
	homes_done(ssl);
}

static void
test_shutdown(void)
{
	SSL *ssl = begin(AF_INET, "0.0.0.0");

	check_case("shutdown");
	listen_in(run);
	(void)shutdown(homes_server_fd, SHUT_RD);
	(void)join();
	CHECK_INT(waiter.ret, -1);
	homes_done(ssl);
}

/* And the SSL, its BIO and its socket are as they were. */
static void
test_cancel(void)
{
	SSL *ssl = begin(AF_INET, "0.0.0.0");
	int i;

	check_case("a thread that is cancelled");
	for (i = 0; i < 3; i++) {
		listen_in(run_to_cancel);
		pthread_cancel(waiter.thread);
		CHECK(join() == PTHREAD_CANCELED);
	}
	contact(ssl);
	homes_done(ssl);
}

int
main(void)
{
	check_begin("multihomed_waiting");
	ctx = tls_server_ctx();
	test_answers();
	test_timeout();
	test_signal();
	test_no_bytes();
	test_shutdown();
	test_cancel();
	check_case(NULL);
	SSL_CTX_free(ctx);
	return check_end();
}
