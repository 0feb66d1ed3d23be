/*
 * dtlsv1_listen_get_stats(): each thing that can happen is counted where it
 * belongs and nowhere else, by many threads at once, and anew in a child.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/frag.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;
static time_t ahead;	/* of the real time, for whoever asks in this process */

time_t
time(time_t *now)
{
	struct timespec real;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
	real.tv_sec += ahead;
	if (now != NULL)
		*now = real.tv_sec;
	return real.tv_sec;
}

static SSL *
server(SSL_CTX *of)
{
	wire_init(&wire);
	wire_peer4(&wire, "192.0.2.1", 5684);
	return tls_server_wire(of, &wire);
}

/* One datagram, and what one call makes of it. */
static int
give(SSL *ssl, const void *bytes, size_t len)
{
	int ret;

	queue_put(&wire.in, bytes, len);
	ret = listen_to(ssl, NULL);
	ERR_clear_error();
	return ret;
}

static int
give_hello(SSL *ssl, const void *cookie, size_t len)
{
	struct hello h;

	hello_make(&h, cookie, len);
	return give(ssl, h.byte, h.len);
}

static void
test_arguments(void)
{
	struct {
		struct dtlsv1_listen_stats stats;
		unsigned char more[20];
	} room, before;
	const size_t size = sizeof(room.stats);
	/* What the structure had in its first version. */
	const size_t first = offsetof(struct dtlsv1_listen_stats,
	    peers_unknown) + sizeof(uint64_t);

	CHECK_INT(get_stats(NULL, size), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	memset(&room, 0xa5, sizeof(room));
	before = room;
	CHECK_INT(get_stats(&room.stats, first - 1), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(get_stats(&room.stats, 0), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_BYTES(&room, &before, sizeof(room));

	/* A program that was compiled with the first version's. */
	CHECK_INT(get_stats(&room.stats, first), 1);
	CHECK_INT(room.stats.size, first);
	CHECK_BYTES((char *)&room + first, (char *)&before + first,
	    sizeof(room) - first);

	CHECK_INT(get_stats(&room.stats, size), 1);
	CHECK_INT(room.stats.size, size);
	CHECK_BYTES(room.more, before.more, sizeof(room.more));

	/* A program that was compiled with a later version's structure. */
	CHECK_INT(get_stats(&room.stats, size + 16), 1);
	CHECK_INT(room.stats.size, size);
	memset(before.more, 0, 16);
	CHECK_BYTES(room.more, before.more, sizeof(room.more));
	CHECK_QUEUED(0);
}

static void
test_app_cookies(void)
{
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	ssl = server(ctx);
	CHECK_STR(counters_changes(), "");

	CHECK_INT(listen_to(ssl, NULL), 0);	/* nothing to read */
	CHECK_STR(counters_changes(), "");

	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 bytes_out 48");
	CHECK_INT(give_hello(ssl, "wrong", 5), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 96 challenges 1 "
	    "bytes_out 48 cookies_forged 1");

	/* 28 bytes and the cookie, for a question of 91. */
	app.cookielen = 63;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 bytes_out 91");
	app.cookielen = 64;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 challenges 1 "
	    "bytes_out 92 challenges_larger 1");

	CHECK_INT(give_hello(ssl, app.cookie, app.cookielen), 1);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 155 cookies_right 1 accepted 1");
	SSL_free(ssl);
	CHECK_STR(counters_changes(), "");
}

static void
test_writes(void)
{
	SSL *ssl = server(ctx);

	app_init(&app);
	wire.write = WIRE_WRITE_BLOCK;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 writes_blocked 1");
	wire.write = WIRE_WRITE_FAIL;
	CHECK_INT(give_hello(ssl, NULL, 0), -1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 writes_failed 1");
	wire.write = WIRE_TAKE;
	wire.flush = WIRE_FLUSH_FAIL;
	CHECK_INT(give_hello(ssl, NULL, 0), -1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 writes_failed 1");
	wire.end = WIRE_ERROR;
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_STR(counters_changes(), "");
	SSL_free(ssl);
}

/* libssl refuses what we hand it: somebody took its callback away. */
static void
test_handoff(void)
{
	void (*set_verify)(SSL_CTX *, int (*)(SSL *, const unsigned char *,
	    unsigned int));
	void *own = libssl_own("SSL_CTX_set_cookie_verify_cb");
	SSL_CTX *c = tls_server_ctx();
	SSL *ssl;

	memcpy(&set_verify, &own, sizeof(set_verify));
	app_init(&app);
	app_install(&app, c);
	ssl = server(c);
	CHECK_INT(listen_to(ssl, NULL), 0);	/* puts the callbacks in place */
	set_verify(c, NULL);
	CHECK_INT(give_hello(ssl, app.cookie, app.cookielen), -1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 111 "
	    "cookies_right 1 handoffs_failed 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

static void
test_builtin_cookies(void)
{
	SSL_CTX *c = tls_server_ctx();
	struct hvr v;
	struct datagram *d;
	SSL *ssl;

	CHECK_INT(ours.set_cookie_policy(c, BUILTIN), 1);
	ssl = server(c);
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	NEED((d = queue_get(&wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	CHECK(v.bad == NULL);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 bytes_out 60");

	v.cookie[9] ^= 1;
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 0);
	v.cookie[9] ^= 1;
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 123 challenges 1 "
	    "bytes_out 60 cookies_forged 1");

	/* Three slots of a minute later it is told from a forged one. */
	ahead = 180;
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 0);
	ahead = 0;
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 123 challenges 1 "
	    "bytes_out 60 cookies_expired 1");

	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 1);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 123 cookies_right 1 accepted 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

/* A cookie that was made before the secret changed. */
static void
test_previous_secret(void)
{
	unsigned char secret[32];
	SSL_CTX *c = tls_server_ctx();
	struct hvr v;
	struct datagram *d;
	SSL *ssl;

	memset(secret, 'a', sizeof(secret));
	CHECK_INT(ours.set_secret(c, secret, sizeof(secret)), 1);
	ssl = server(c);
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	NEED((d = queue_get(&wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	memset(secret, 'b', sizeof(secret));
	CHECK_INT(ours.set_secret(c, secret, sizeof(secret)), 1);
	(void)counters_changes();
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 123 "
	    "cookies_right 1 cookies_previous_secret 1 accepted 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

/* A hello in several datagrams, under a record sequence number that OpenSSL
 * 3.2 and later would not answer with. */
static void
test_repairs(void)
{
	int repaired = OpenSSL_version_num() >= 0x30200000UL;
	struct dtlsv1_listen_stats before, after;
	SSL_CTX *c = tls_server_ctx();
	struct frag_server s;
	struct frag_client client;
	unsigned int waiting, i;
	int strange;

	frag_server_init(&s, c, AF_INET);
	frag_client_init(&client, &s.own, 600, FRAG_MTU);
	waiting = frag_second_hello(&client, &s);
	CHECK(waiting > 1);
	NEED(get_stats(&before, sizeof(before)) == 1);
	for (i = 0; i < waiting; i++)
		frag_send(&client, i);
	CHECK_INT(frag_listen(&s, NULL, &strange), 1);
	CHECK_INT(SSL_accept(s.ssl), -1);	/* the first flight is out */
	ERR_clear_error();
	NEED(get_stats(&after, sizeof(after)) == 1);
	CHECK_INT(after.datagrams - before.datagrams, waiting);
	CHECK_INT(after.hellos_gathered - before.hellos_gathered, 1);
	CHECK_INT(after.sequences_repaired - before.sequences_repaired,
	    repaired);
	CHECK_INT(after.accepted - before.accepted, 1);
	frag_client_free(&client);
	frag_server_free(&s);
	SSL_CTX_free(c);
	(void)counters_changes();
}

static void
test_discards(void)
{
	static const struct {
		const char *change;
		size_t at, width;
		uint64_t value;
	} rows[] = {
		{ "discards_not_handshake 1", AT_TYPE, 1, 21 },
		{ "discards_record_version 1", AT_VERSION, 2, 0x0303 },
		{ "discards_record_length 1", AT_LENGTH, 2, 500 },
		{ "discards_epoch 1", AT_EPOCH, 2, 1 },
		{ "discards_handshake_length 1", AT_LENGTH, 2, 70 },
		{ "discards_not_client_hello 1", AT_MSG_TYPE, 1, 2 },
		{ "discards_message_sequence 1", AT_MSG_SEQ, 2, 2 },
		{ "discards_fragment 1", AT_MSG_LEN, 3, 1 },
		{ "discards_hello_length 1", AT_SESSION_ID, 1, 200 },
		{ "discards_client_version 1", AT_CLIENT_VERSION, 2, 0xfeff },
	};
	const SSL_METHOD *fixed = tls_dtls12_method();
	SSL_CTX *c = tls_server_ctx_of(fixed != NULL ? fixed :
	    DTLS_server_method());
	SSL *ssl = server(c);
	struct hello h;
	char want[100];
	size_t i;

	/* The last row needs a method of one version: OpenSSL 4.0 has none. */
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]) - (fixed == NULL);
	    i++) {
		check_case(rows[i].change);
		hello_make(&h, NULL, 0);
		hello_put(&h, rows[i].at, rows[i].value, rows[i].width);
		CHECK_INT(give(ssl, h.byte, h.len), 0);
		snprintf(want, sizeof(want), "datagrams 1 bytes_in 91 %s",
		    rows[i].change);
		CHECK_STR(counters_changes(), want);
	}
	check_case(NULL);
	CHECK_INT(give(ssl, "twelve bytes", 12), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 12 discards_record_too_small 1");
	SSL_free(ssl);
	SSL_CTX_free(c);
}

/* A datagram of no bytes is one. */
static void
test_empty_datagram(void)
{
	struct address own, from;
	int fd = net_nonblocking(net_bound(AF_INET, &own));
	int client = net_bound(AF_INET, &from);
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server_on(ctx, b, b);

	net_send(client, "", 0, &own);
	net_wait(fd);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	CHECK_STR(counters_changes(), "datagrams 1 discards_record_too_small 1");
	SSL_free(ssl);
	net_close(fd, &own);
	net_close(client, &from);
}

#define THREADS	40	/* more than there are shards */
#define ROUNDS	200
#define EACH	20

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
			check_true(0, "listen gives 0", __FILE__, __LINE__,
			    __func__);
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
			if (counters_of(&now, name) <
			    counters_of(&before, name))
				check_true(0, name, __FILE__, __LINE__,
				    __func__);
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
	snprintf(want, sizeof(want), "datagrams %ld bytes_in %ld "
	    "challenges %ld bytes_out %ld discards_record_too_small %ld",
	    challenges + calls, 91 * challenges + 3 * calls, challenges,
	    48 * challenges, calls);
	CHECK_STR(counters_changes(), want);
}

static void
test_fork(void)
{
	struct dtlsv1_listen_stats s;
	SSL *ssl = server(ctx);
	int status;
	pid_t child = fork();

	NEED(child >= 0);
	if (child == 0) {
		if (get_stats(&s, sizeof(s)) != 1 || s.datagrams != 0 ||
		    s.challenges != 0 || s.discards_epoch != 0)
			_exit(1);
		if (give_hello(ssl, NULL, 0) != 0 ||
		    get_stats(&s, sizeof(s)) != 1 || s.challenges != 1)
			_exit(2);
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	CHECK_STR(counters_changes(), "");
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 bytes_out 48");
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("stats");
	counters_init();
	ctx = tls_server_ctx();
	test_arguments();
	test_app_cookies();
	test_writes();
	test_handoff();
	test_builtin_cookies();
	test_previous_secret();
	test_repairs();
	test_discards();
	test_empty_datagram();
	test_threads();
	test_fork();
	SSL_CTX_free(ctx);
	return check_end();
}
