/*
 * A client leaves its listener for a socket of its own, in the middle of what
 * it sends and beside others who send: nothing is lost, doubled or out of
 * order.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* Strangers' hellos, from many ports, until they are told to stop. */
struct flood {
	struct address to;
	atomic_int stop;
	pthread_t thread;
};

static void *
flood(void *arg)
{
	static unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 107, 1, 0, 0,
		95, 0, 0, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };
	struct flood *f = arg;
	int fd[16], i;

	for (i = 0; i < 16; i++) {
		fd[i] = socket(f->to.any.ss_family, SOCK_DGRAM, 0);
		NEED(connect(fd[i], (struct sockaddr *)&f->to.any, f->to.len) == 0);
	}
	while (!f->stop)
		for (i = 0; i < 16; i++) {
			(void)send(fd[i], hello, sizeof(hello), MSG_DONTWAIT);
			usleep(1000);
		}
	for (i = 0; i < 16; i++)
		close(fd[i]);
	return NULL;
}

static void
flood_start(struct flood *f, const struct address *to)
{
	f->to = *to;
	f->stop = 0;
	NEED(pthread_create(&f->thread, NULL, flood, f) == 0);
}

static void
flood_stop(struct flood *f)
{
	f->stop = 1;
	pthread_join(f->thread, NULL);
}

/* The next number that this SSL reads; -1: nothing within ten seconds. */
static int
next_number(dtlsv1_listener *listener, SSL *ssl, int fd)
{
	time_t end = 0;
	int number = -1;

	while (seconds_left(&end, 10)) {
		ERR_clear_error();
		if (SSL_read(ssl, &number, sizeof(number)) == sizeof(number))
			return number;
		(void)net_readable(fd >= 0 ? fd : lf.fd(listener), 10);
		NEED(lf.run(listener, 0) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
	}
	return -1;
}

/*
 * Sends numbers from a thread, a few at a time, and never more ahead of who
 * reads them than a socket's buffer holds. On one processor: each has a queue
 * of its own for loopback, and who changes over may be overtaken by himself.
 */
struct sender {
	SSL *ssl;
	int numbers;
	atomic_int read;
	pthread_t thread;
};

#define AHEAD 200

static void *
send_numbers(void *arg)
{
	struct sender *s = arg;
	cpu_set_t one;
	int i;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	NEED(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
	for (i = 0; i < s->numbers; i++) {
		while (i - s->read > AHEAD)
			usleep(100);
		NEED(SSL_write(s->ssl, &i, sizeof(i)) == sizeof(i));
		if (i % 8 == 7)
			usleep(200);
	}
	return NULL;
}

/*
 * Each number once. A datagram that a processor has in its hands while the new
 * socket is made is put into the old one, and may be heard after those that were
 * sent behind it, or come when nobody asks for it there any more: seldom, where
 * a virtual processor stands still in that moment.
 */
struct heard {
	char seen[256];
	int highest, wrong, late;
};

static void
hear(struct heard *h, int number)
{
	if (number < 0) {
		h->late++;
		return;
	}
	if (number >= (int)sizeof(h->seen) || h->seen[number]) {
		h->wrong++;
		return;
	}
	h->seen[number] = 1;
	h->late += number < h->highest;
	if (number > h->highest)
		h->highest = number;
}

static void
test_stream(const char *listen_on, const char *call, unsigned int flags, int moves)
{
	enum { NUMBERS = 120, BEFORE = 30 };
	struct address at, to;
	struct caller caller;
	struct flood f;
	struct sender sender = { .numbers = NUMBERS, .read = 0 };
	dtlsv1_listener *listener =
	    listener_at(ctx, listen_on, OPTIONS(.flags = flags, .queue = 1000), &at);
	struct heard heard;
	int i, move, fd, wrong = 0, late = 0;
	SSL *ssl;

	check_case(listen_on);
	to = address_of(call, address_port(&at));
	flood_start(&f, &to);
	for (move = 0; move < moves; move++) {
		caller_init(&caller, &to);
		tls_impatient(caller.ssl); /* the strangers' buffer may be full */
		ssl = listener_serve(listener, &caller);
		sender.ssl = caller.ssl;
		NEED(pthread_create(&sender.thread, NULL, send_numbers, &sender) == 0);
		memset(&heard, 0, sizeof(heard));
		for (i = 0; i < BEFORE + move % 20; i++)
			hear(&heard, next_number(listener, ssl, -1));
		fd = lf.detach(ssl);
		NEED(fd >= 0);
		NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
		for (; i < NUMBERS; i++)
			hear(&heard, next_number(listener, ssl, fd));
		wrong += heard.wrong;
		late += heard.late;
		pthread_join(sender.thread, NULL);
		SSL_free(ssl);
		caller_free(&caller);
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(late > 2 + moves / 25 ? late : 0, 0);
	flood_stop(&f);
	lf.free(listener);
}

/*
 * Another client sends while they leave: it comes to it, and once, though the
 * kernel may put some where a new socket is being made. Two of its datagrams may
 * change places by that, as anywhere on the way; and one in a thousand may be
 * lost: one that a processor had in its hands, and put there after the new socket was
 * looked through (seen: 2 of 8,000, on a machine with no processor free).
 */
static void
test_neighbour(const char *listen_on, const char *call, int moves)
{
	struct address at, to;
	struct caller neighbour, *callers = calloc((size_t)moves, sizeof(*callers));
	struct sender sender;
	dtlsv1_listener *listener = listener_at(ctx, listen_on, OPTIONS(.queue = 100000), &at);
	SSL *own, **left = calloc((size_t)moves, sizeof(*left));
	int i, came = 0, wrong = 0, number, numbers = moves * 20;
	char *seen = calloc((size_t)numbers, 1);

	check_case("a neighbour");
	NEED(callers != NULL && left != NULL && seen != NULL);
	to = address_of(call, address_port(&at));
	caller_init(&neighbour, &to);
	own = listener_serve(listener, &neighbour);
	for (i = 0; i < moves; i++) {
		caller_init(&callers[i], &to);
		left[i] = listener_serve(listener, &callers[i]);
	}
	sender.ssl = neighbour.ssl;
	sender.numbers = numbers;
	sender.read = 0;
	NEED(pthread_create(&sender.thread, NULL, send_numbers, &sender) == 0);
	for (i = 0; i < moves; i++) {
		CHECK(lf.detach(left[i]) >= 0);
		NEED(lf.run(listener, 0) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
		while (SSL_read(own, &number, sizeof(number)) == sizeof(number)) {
			NEED(number >= 0 && number < numbers);
			wrong += seen[number]++ != 0;
			came++;
		}
		sender.read = came;
	}
	ERR_clear_error();
	while (came < numbers && (number = next_number(listener, own, -1)) >= 0) {
		wrong += seen[number]++ != 0;
		sender.read = ++came;
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(came < numbers - 2 - numbers / 1000 ? came : numbers, numbers);
	sender.read = numbers;
	pthread_join(sender.thread, NULL);
	for (i = 0; i < moves; i++) {
		SSL_free(left[i]);
		caller_free(&callers[i]);
	}
	SSL_free(own);
	caller_free(&neighbour);
	lf.free(listener);
	free(callers);
	free(left);
	free(seen);
}

int
main(void)
{
	int moves;

	check_begin("listener_detach");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	moves = getenv("CTESTS_LIMIT") != NULL ? 3 : 40; /* under a checker */
	test_stream("127.0.0.1", "127.0.0.1", 0, moves);
	test_stream("127.0.0.1", "127.0.0.1", DTLSV1_LISTENER_ONE_SOCKET, moves);
	test_stream("0.0.0.0", "127.0.0.5", 0, moves);
	if (net_has_ipv6("IPv6 clients that leave")) {
		test_stream("::1", "::1", 0, moves);
		test_stream("::", "127.0.0.5", 0, moves);
		test_stream("::", "::1", 0, moves);
	}
	test_neighbour("127.0.0.1", "127.0.0.1", 10 * moves);
	test_neighbour("0.0.0.0", "127.0.0.1", 10 * moves);
	SSL_CTX_free(ctx);
	return check_end();
}
