/*
 * Nobody waits for what is there already: the descriptor tells of what was read
 * while a client left, a signal ends a wait for clients, and a listener on a
 * socket of the caller's goes on in one process when the other has freed it, and
 * leaves the socket as it was, however many descriptors there were for it.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* Until there is nothing to do. */
static void
settle(dtlsv1_listener *listener)
{
	while (net_readable(lf.fd(listener), 20))
		(void)listener_turn(listener, NULL, 0);
}

/* What another client sent was read while one left. */
static void
test_others_news(unsigned int flags)
{
	struct address at;
	struct caller leaves, other;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", OPTIONS(.flags = flags), &at);
	SSL *left, *there;
	int news = 0;

	check_case(flags != 0 ? "another's datagram, one socket" : "another's datagram");
	caller_init(&leaves, &at);
	caller_init(&other, &at);
	left = listener_serve(listener, &leaves);
	there = listener_serve(listener, &other);
	settle(listener);
	CHECK_INT(SSL_write(other.ssl, "hello", 5), 5);
	CHECK(listener_wait(listener));
	CHECK(lf.detach(left) >= 0);
	CHECK(net_readable(lf.fd(listener), 1000));
	CHECK_INT(lf.run(listener, 0), 1);
	CHECK(lf.next(listener, &news) == there);
	CHECK_INT(news, DTLSV1_NEWS_READABLE);
	settle(listener);
	SSL_free(left);
	SSL_free(there);
	lf.free(listener);
	caller_free(&leaves);
	caller_free(&other);
}

/* A hello with a right cookie was read while a client left. */
static void
test_new_client(void)
{
	struct address at;
	struct caller leaves, comes;
	dtlsv1_listener *listener =
	    listener_at(ctx, "127.0.0.1", OPTIONS(.flags = DTLSV1_LISTENER_ONE_SOCKET), &at);
	SSL *left, *new;

	check_case("a new client");
	caller_init(&leaves, &at);
	caller_init(&comes, &at);
	left = listener_serve(listener, &leaves);
	settle(listener);
	(void)caller_step(&comes);
	CHECK(listener_wait(listener));
	settle(listener);
	(void)net_readable(comes.fd, 1000);
	(void)caller_step(&comes);
	CHECK(listener_wait(listener));
	CHECK(lf.detach(left) >= 0);
	CHECK(net_readable(lf.fd(listener), 1000));
	CHECK_INT(lf.run(listener, 0), 1);
	new = lf.next(listener, NULL);
	CHECK(new != NULL && new != left);
	SSL_free(left);
	SSL_free(new);
	lf.free(listener);
	caller_free(&leaves);
	caller_free(&comes);
}

static void
on_signal(int number)
{
	(void)number;
}

static void
test_signal(void)
{
	enum { PATIENCE = 60 };
	struct address at;
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	/* Again and again: the first may come before the wait. */
	struct itimerspec each_second = { { 1, 0 }, { 1, 0 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	struct timespec start, end;
	timer_t timer;

	check_case("a signal");
	NEED(sigaction(SIGUSR1, &act, NULL) == 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	NEED(timer_settime(timer, 0, &each_second, NULL) == 0);
	CHECK(lf.accept(listener, PATIENCE * 1000) == NULL);
	CHECK(ERR_peek_error() == 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	NEED(timer_delete(timer) == 0);
	CHECK(end.tv_sec - start.tv_sec < PATIENCE);
	lf.free(listener);
}

static void
serve_one(dtlsv1_listener *listener, const struct address *at)
{
	struct caller caller;
	SSL *ssl;

	caller_init(&caller, at);
	ssl = listener_serve(listener, &caller);
	exchange(listener, ssl, &caller, "still there");
	SSL_free(ssl);
	caller_free(&caller);
}

/* Strangers' hellos that come to the one socket that the caller made, of so many. */
enum { STRANGERS = 24 };

static int
strangers_at(int fd, const struct address *at)
{
	static unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 107, 1, 0, 0,
		95, 0, 0, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };
	int stranger, i, count = 0;

	for (i = 0; i < STRANGERS; i++) {
		stranger = socket(AF_INET, SOCK_DGRAM, 0);
		NEED(sendto(stranger, hello, sizeof(hello), 0, (const struct sockaddr *)&at->any,
			 at->len) == sizeof(hello));
		close(stranger);
	}
	net_settle();
	while (recv(fd, hello, sizeof(hello), MSG_DONTWAIT) > 0)
		count++;
	return count;
}

static void
share(int fd)
{
	int on = 1;

	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0);
}

/* On a port of its own it shares only then: where the kernel chooses, it would take any port whose
 * sockets share it, another test's too, for a free one. */
static int
shared_socket(struct address *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), chosen = address_port(at) == 0;

	NEED(fd >= 0);
	if (!chosen)
		share(fd);
	NEED(bind(fd, (struct sockaddr *)&at->any, at->len) == 0);
	if (chosen)
		share(fd);
	NEED(getsockname(fd, (struct sockaddr *)&at->any, &at->len) == 0);
	return fd;
}

/*
 * One process frees it and closes the socket, the other serves. It has its doors
 * still: strangers come through theirs.
 */
static void
test_fork(unsigned int flags, int child_serves)
{
	struct address at = address_of("127.0.0.1", 0);
	int fd = shared_socket(&at), go[2], status;
	dtlsv1_listener *listener;
	char byte = 0;
	pid_t child;

	check_case(child_serves ? "a child serves" : "the parent serves");
	NEED(pipe(go) == 0);
	listener = lf.new(ctx, fd, OPTIONS(.flags = flags));
	NEED(listener != NULL);
	fflush(stdout);
	child = fork();
	NEED(child != -1);
	if ((child == 0) == (child_serves != 0)) {
		int before = check_failures();

		NEED(read(go[0], &byte, 1) == 1);
		if (flags == 0)
			CHECK_INT(strangers_at(fd, &at), STRANGERS);
		serve_one(listener, &at);
		if (child == 0)
			_exit(check_failures() != before);
		lf.free(listener);
	} else {
		lf.free(listener);
		close(fd);
		NEED(write(go[1], &byte, 1) == 1);
		if (child == 0)
			_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	if (!child_serves)
		close(fd);
	close(go[0]);
	close(go[1]);
}

/* A program that was left on the socket would send all strangers to it. */
static void
test_few_descriptors(void)
{
	struct rlimit usual, few;
	int more, fd, next, other, served = 0;
	dtlsv1_listener *listener;

	check_case("few descriptors");
	NEED(getrlimit(RLIMIT_NOFILE, &usual) == 0);
	for (more = 0; more < 8; more++) {
		struct address at = address_of("127.0.0.1", 0);

		fd = shared_socket(&at);
		NEED((next = dup(fd)) >= 0 && close(next) == 0);
		few = usual;
		few.rlim_cur = (rlim_t)(next + more);
		NEED(setrlimit(RLIMIT_NOFILE, &few) == 0);
		listener = lf.new(ctx, fd, NULL);
		NEED(setrlimit(RLIMIT_NOFILE, &usual) == 0);
		ERR_clear_error();
		if (listener != NULL) {
			serve_one(listener, &at);
			served++;
		}
		lf.free(listener);
		other = shared_socket(&at);
		CHECK(strangers_at(fd, &at) < STRANGERS);
		close(other);
		close(fd);
	}
	CHECK(served > 1);
}

int
main(void)
{
	check_begin("listener_wakes");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_others_news(0);
	test_others_news(DTLSV1_LISTENER_ONE_SOCKET);
	test_new_client();
	test_signal();
	test_fork(0, 0);
	test_fork(0, 1);
	test_fork(DTLSV1_LISTENER_ONE_SOCKET, 0);
	test_fork(DTLSV1_LISTENER_ONE_SOCKET, 1);
	test_few_descriptors();
	SSL_CTX_free(ctx);
	return check_end();
}
