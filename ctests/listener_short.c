/*
 * Memory runs out in the middle of a listener's work: what a client has sent is
 * there afterwards, in its order, and the listener goes on.
 */
#define _GNU_SOURCE
#include "faults_inject.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More allocations than either asks for. */
#define MOST 400

enum { NUMBERS = 8 };

static SSL_CTX *ctx;
static dtlsv1_listener *listener;
static struct address at;

/* Who says something once a new socket is connected, which leaves its group then. */
static struct caller *says;
static void say(struct caller *, int from, int to);

int
setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	int ret = (int)syscall(SYS_setsockopt, fd, level, option, value, len);
	struct caller *caller = says;

	if (caller != NULL && level == SOL_SOCKET && option == SO_REUSEPORT &&
	    *(const int *)value == 0) {
		says = NULL;
		faults_pause(1);
		say(caller, NUMBERS, 2 * NUMBERS);
		faults_pause(0);
	}
	return ret;
}

static void
turn_all(void)
{
	while (net_readable(lf.fd(listener), 20)) {
		NEED(lf.run(listener, 0) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
	}
}

static void
say(struct caller *caller, int from, int to)
{
	for (; from < to; from++)
		NEED(SSL_write(caller->ssl, &from, sizeof(from)) == sizeof(from));
}

/* It reads the numbers that were sent, whoever brings them. */
static void
hear(SSL *ssl, int from, int to, int fd)
{
	int number, turns;

	for (turns = 0; from < to && turns < 100; turns++) {
		ERR_clear_error();
		if (SSL_read(ssl, &number, sizeof(number)) == sizeof(number)) {
			CHECK_INT(number, from);
			from++;
			continue;
		}
		if (fd >= 0)
			(void)net_readable(fd, 10);
		else
			turn_all();
	}
	ERR_clear_error();
	CHECK_INT(from, to);
}

/*
 * The n-th allocation fails while a client leaves, or from then on all do. What
 * the listener has read already is not lost; what has yet to be read is, where a
 * copy cannot be had, as it is in dtlsv1_listener_run(). 0: it was the last one.
 */
static int
test_detach(long n, int ever)
{
	struct caller caller;
	SSL *ssl;
	long asked;
	int fd;

	check_case(ever ? "leaving without memory from then on" : "leaving without memory");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	turn_all();
	say(&caller, 0, NUMBERS);
	turn_all();
	faults_set(FAULT_ALLOC, n, ever);
	faults_pause(0);
	says = &caller;
	fd = lf.detach(ssl);
	faults_pause(1);
	asked = faults_clear();
	if (says != NULL) /* it was refused before that */
		say(&caller, NUMBERS, 2 * NUMBERS);
	says = NULL;
	if (fd < 0) {
		CHECK(asked >= n);
		ERR_clear_error();
	} else {
		NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	}
	say(&caller, 2 * NUMBERS, 3 * NUMBERS);
	hear(ssl, 0, 3 * NUMBERS, fd);
	SSL_free(ssl);
	caller_free(&caller);
	return asked >= n;
}

/* The same while a new client comes: it is there in the end. */
static int
test_accept(long n, int ever)
{
	struct caller caller;
	SSL *ssl;
	long asked;

	check_case(ever ? "a client without memory from then on" : "a client without memory");
	caller_init(&caller, &at);
	(void)caller_step(&caller);
	NEED(listener_wait(listener) && lf.run(listener, 0) >= 0);
	NEED(net_readable(caller.fd, 1000));
	(void)caller_step(&caller);
	NEED(listener_wait(listener));
	faults_set(FAULT_ALLOC, n, ever);
	faults_pause(0);
	CHECK(lf.run(listener, 0) >= 0);
	faults_pause(1);
	asked = faults_clear();
	CHECK_QUEUED(0);
	ssl = lf.next(listener, NULL);
	SSL_free(ssl);
	caller_anew(&caller);
	ssl = listener_serve(listener, &caller);
	exchange(listener, ssl, &caller, "there is some again");
	SSL_free(ssl);
	caller_free(&caller);
	turn_all();
	return asked >= n;
}

int
main(void)
{
	long n;
	int ever;

	faults_init();
	faults_pause(1);
	check_begin("listener_short");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	for (ever = 0; ever <= 1; ever++) {
		for (n = 1; n < MOST && test_detach(n, ever); n++)
			;
		CHECK(n >= 2 && n < MOST);
		for (n = 1; n < MOST && test_accept(n, ever); n++)
			;
		CHECK(n > 2 && n < MOST);
	}
	/* And nothing is left behind. */
	(void)test_accept(1, 1);
	(void)test_detach(1, 1);
	n = faults_live();
	(void)test_accept(1, 1);
	(void)test_detach(1, 1);
	CHECK_INT(faults_live() - n, 0);
	lf.free(listener);
	CHECK_INT(listener_open_ssls(), 0);
	SSL_CTX_free(ctx);
	return check_end();
}
