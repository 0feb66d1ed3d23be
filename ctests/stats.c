/*
 * dtlsv1_listen_get_stats(): its arguments, and what becomes of a hello with each
 * kind of cookie, counted where it belongs and nowhere else.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/give.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct app app;
static int64_t ahead; /* of the real time, for whoever asks in this process */
/* Where seconds of 32 bits end. */
#define AFTER_2038 (INT64_C(15) * 366 * 86400)

#if LONG_MAX > INT32_MAX
time_t
time(time_t *now)
{
	struct timespec real;

	(void)kernel_clock(CLOCK_REALTIME, &real);
	real.tv_sec += ahead;
	if (now != NULL)
		*now = real.tv_sec;
	return real.tv_sec;
}
#else
/* Where a long has 32 bits the library asks by the function whose seconds have 64. */
int clock_of_64_bits(clockid_t, int64_t[2]) __asm__("__clock_gettime64");
int
clock_of_64_bits(clockid_t id, int64_t now[2])
{
	int ret = (int)syscall(SYS_clock_gettime64, id, now);

	if (id == CLOCK_REALTIME)
		now[0] += ahead;
	return ret;
}
#endif

static void
test_arguments(void)
{
	struct {
		struct dtlsv1_listen_stats stats;
		unsigned char more[20];
	} room, before;
	const size_t size = sizeof(room.stats);
	/* What the structure had in its first version. */
	const size_t first = offsetof(struct dtlsv1_listen_stats, peers_unknown) + sizeof(uint64_t);

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
	CHECK_BYTES((char *)&room + first, (char *)&before + first, sizeof(room) - first);

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
	ssl = give_server(ctx);
	CHECK_STR(counters_changes(), "");

	CHECK_INT(listen_to(ssl, NULL), 0); /* nothing to read */
	CHECK_STR(counters_changes(), "");

	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 challenges 1 bytes_out 48");
	CHECK_INT(give_hello(ssl, "wrong", 5), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 96 challenges 1 "
	    "bytes_out 48 cookies_forged 1");

	/* 28 bytes and the cookie, for a question of 91. */
	app.cookielen = 63;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 challenges 1 bytes_out 91");
	app.cookielen = 64;
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 91 challenges 1 "
	    "bytes_out 92 challenges_larger 1");

	CHECK_INT(give_hello(ssl, app.cookie, app.cookielen), 1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 155 cookies_right 1 accepted 1");
	SSL_free(ssl);
	CHECK_STR(counters_changes(), "");
}

/* At that time from now. */
static void
test_builtin_cookies(int64_t at)
{
	SSL_CTX *c = tls_server_ctx();
	struct hvr v;
	struct datagram *d;
	SSL *ssl;

	ahead = at;
	CHECK_INT(ours.set_cookie_policy(c, BUILTIN), 1);
	ssl = give_server(c);
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	NEED((d = queue_get(&give_wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	CHECK(v.bad == NULL);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 91 challenges 1 bytes_out 60");

	v.cookie[9] ^= 1;
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 0);
	v.cookie[9] ^= 1;
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 123 challenges 1 "
	    "bytes_out 60 cookies_forged 1");

	/* Three slots of a minute later it is told from a forged one. */
	ahead = at + 180;
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 0);
	ahead = at;
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 123 challenges 1 "
	    "bytes_out 60 cookies_expired 1");

	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 1);
	CHECK_STR(counters_changes(), "datagrams 1 bytes_in 123 cookies_right 1 accepted 1");
	ahead = 0;
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
	ssl = give_server(c);
	CHECK_INT(give_hello(ssl, NULL, 0), 0);
	NEED((d = queue_get(&give_wire.out)) != NULL);
	hvr_parse(&v, d->byte, d->len);
	memset(secret, 'b', sizeof(secret));
	CHECK_INT(ours.set_secret(c, secret, sizeof(secret)), 1);
	(void)counters_changes();
	CHECK_INT(give_hello(ssl, v.cookie, v.cookielen), 1);
	CHECK_STR(counters_changes(),
	    "datagrams 1 bytes_in 123 "
	    "cookies_right 1 cookies_previous_secret 1 accepted 1");
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

int
main(void)
{
	check_begin("stats");
	counters_init();
	ctx = tls_server_ctx();
	test_arguments();
	test_app_cookies();
	test_builtin_cookies(0);
	test_builtin_cookies(AFTER_2038);
	test_previous_secret();
	test_empty_datagram();
	SSL_CTX_free(ctx);
	return check_end();
}
