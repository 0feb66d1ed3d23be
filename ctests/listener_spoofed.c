/*
 * Datagrams in a client's name that it did not send (garbage, forged records,
 * records of a later epoch, hellos without a cookie or with one that nobody
 * made, its own hello again): whatever it has come to, it lives.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;
static dtlsv1_listener *listener;
static struct address at;

/* How far the client has come. */
enum state { CHALLENGED, QUEUED, TOLD, SHAKING, CONNECTED, REPLACED, DETACHED, STATES };

static const char *const names[] = { "challenged", "in the accept queue", "told of",
	"in its handshake", "connected", "begun anew", "detached" };

static void
spoof(const struct caller *caller, const void *bytes, size_t len)
{
	(void)send(caller->fd, bytes, len, 0);
}

/* A record with a header of its own; its length may be a lie. */
static void
spoof_record(
    const struct caller *caller, int type, int version, int epoch, int number, int len, int really)
{
	unsigned char record[256] = { (unsigned char)type, (unsigned char)(version >> 8),
		(unsigned char)version, (unsigned char)(epoch >> 8), (unsigned char)epoch };
	int i;

	record[9] = (unsigned char)(number >> 8);
	record[10] = (unsigned char)number;
	record[11] = (unsigned char)(len >> 8);
	record[12] = (unsigned char)len;
	for (i = 0; i < really; i++)
		record[13 + i] = (unsigned char)rand();
	spoof(caller, record, 13 + (size_t)really);
}

/* A hello; a cookie of so many bytes that nobody made; of a length, from an offset on. */
static void
spoof_hello(const struct caller *caller, int cookie, int number, int offset)
{
	unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, (unsigned char)number, 0,
		107, 1, 0, 0, 95, 0, (unsigned char)(number > 0), 0, 0, (unsigned char)offset, 0, 0,
		(unsigned char)(95 - offset), 0xFE, 0xFD };

	hello[60] = (unsigned char)cookie;
	memset(hello + 61, 0x55, (size_t)cookie);
	hello[12] = (unsigned char)(107 - offset);
	spoof(caller, hello, sizeof(hello) - (size_t)offset);
}

/*
 * No more than wait for a client (32). The answers to the hellos are the client's
 * to hear, and one may use up the number of the record that its own flight begins
 * with: then that is repeated.
 */
static void
spoof_all(const struct caller *caller)
{
	static const int types[] = { 20, 21, 22, 23, 24, 99 };
	/*
	 * LibreSSL's takes a record whose MAC is wrong for one that has come: what the
	 * client sends is too old then, on any socket (docs/releases.md).
	 */
#if defined(LIBRESSL_VERSION_NUMBER) && LIBRESSL_VERSION_NUMBER >= 0x30300000L
	const int with_current_epoch = 0;
#else
	const int with_current_epoch = 1;
#endif
	unsigned char bytes[64];
	size_t i, n;

	for (n = 1; n <= sizeof(bytes); n *= 4) {
		for (i = 0; i < n; i++)
			bytes[i] = (unsigned char)rand();
		spoof(caller, bytes, n);
	}
	spoof(caller, bytes, 0);
	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (with_current_epoch)
			spoof_record(caller, types[i], 0xFEFD, 1, (int)(900 + i), 48, 48);
		spoof_record(caller, types[i], 0xFEFD, 2, (int)(900 + i), 48, 48);
	}
	spoof_record(caller, 23, 0xFEFD, 65535, 65535, 48, 48);
	spoof_record(caller, 23, 0xFEFD, 1, 1, 0, 0);
	spoof_record(caller, 23, 0xFEFD, 1, 1, 65535, 48);
	spoof_record(caller, 23, 0xFEFD, 0, 5, 48, 48);
	spoof_record(caller, 22, 0x0303, 1, 5, 48, 48);
	spoof_hello(caller, 0, 0, 0);
	spoof_hello(caller, 0, 1, 0);
	spoof_hello(caller, 32, 1, 0);
	spoof_hello(caller, 32, 0, 0);
	spoof_hello(caller, 0, 1, 40);
}

/* Turns of the listener, and of the SSLs that it tells of: they are not patient. */
static void
turn(SSL **ssl)
{
	SSL *next;
	int i, news;

	for (i = 0; i < 3; i++) {
		if (!net_readable(lf.fd(listener), 5))
			continue;
		NEED(lf.run(listener, 0) >= 0);
		while ((next = lf.next(listener, &news)) != NULL) {
			if (news & DTLSV1_NEWS_ACCEPTED) {
				CHECK(*ssl == NULL);
				*ssl = next;
				tls_impatient(next);
			}
			CHECK((news & DTLSV1_NEWS_OVERDUE) == 0);
			if (next == *ssl && !SSL_is_init_finished(next))
				(void)SSL_accept(next);
			ERR_clear_error();
		}
	}
}

static void
listen_only(void)
{
	int i;

	for (i = 0; i < 3; i++)
		if (net_readable(lf.fd(listener), 5))
			NEED(lf.run(listener, 0) >= 0);
}

/* What the listener answered the spoofed ones: the client hears it. */
static SSL *
finish(struct caller *caller, SSL *ssl, int own)
{
	int turns, done;

	for (turns = 0; turns < 1000; turns++) {
		(void)DTLSv1_handle_timeout(caller->ssl);
		done = caller_step(caller);
		if (own) {
			ERR_clear_error();
			/* Once more, and LibreSSL's would begin anew. */
			if (!SSL_is_init_finished(ssl))
				(void)SSL_accept(ssl);
			ERR_clear_error();
			(void)net_readable(caller->fd, 1);
		} else {
			turn(&ssl);
		}
		if (done && ssl != NULL && SSL_is_init_finished(ssl))
			break;
	}
	CHECK(turns < 1000);
	NEED(ssl != NULL);
	return ssl;
}

static void
test_state(enum state state, int times)
{
	struct caller caller;
	SSL *ssl = NULL, *old = NULL;
	char line[16] = "";
	int i, n;

	check_case(names[state]);
	caller_init(&caller, &at);
	tls_impatient(caller.ssl);
	if (state >= CONNECTED) {
		ssl = listener_serve(listener, &caller);
		if (state == DETACHED) {
			int fd = lf.detach(ssl);

			NEED(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
		}
		if (state == REPLACED) {
			old = ssl;
			ssl = NULL;
			caller_anew(&caller);
			tls_impatient(caller.ssl);
		}
	}
	if (state < CONNECTED || state == REPLACED) {
		(void)caller_step(&caller);
		listen_only();
		(void)net_readable(caller.fd, 1000);
		if (state != CHALLENGED) {
			(void)caller_step(&caller);
			listen_only();
		}
	}
	if (state == TOLD || state == SHAKING) {
		ssl = lf.next(listener, NULL);
		NEED(ssl != NULL);
		tls_impatient(ssl);
	}
	if (state == SHAKING) {
		CHECK_INT(SSL_accept(ssl), -1);
		ERR_clear_error();
	}
	for (i = 0; i < times; i++) {
		spoof_all(&caller);
		if (times > 1)
			listen_only();
		/* Its socket's buffer is as full as anybody's. */
		for (n = 0; state == DETACHED && n < 40; n++)
			CHECK_INT(SSL_read(ssl, line, sizeof(line)), -1);
	}
	ERR_clear_error();
	listen_only();
	ssl = finish(&caller, ssl, state == DETACHED);
	if (state == DETACHED) {
		CHECK_INT(SSL_write(caller.ssl, "still", 5), 5);
		(void)net_readable(SSL_get_fd(ssl), 1000);
		/* LibreSSL's tells of each record that it drops. */
		for (i = 0; i < 400 && SSL_read(ssl, line, sizeof(line)) <= 0; i++)
			ERR_clear_error();
		CHECK_STR(line, "still");
	} else {
		/* What the spoofed hellos were answered is no message. */
		exchange(listener, ssl, &caller, "none the worse");
		for (i = 0; i < 3; i++)
			spoof_all(&caller);
		listen_only();
		while (lf.next(listener, NULL) != NULL)
			;
		/*
		 * Some did not fit into its queue, and its next message is heard. LibreSSL's tells
		 * of records that it drops.
		 */
		for (i = 0; i < 400; i++) {
			ERR_clear_error();
			n = SSL_read(ssl, line, sizeof(line));
			if (n <= 0 && SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ)
				break;
		}
		CHECK_INT(SSL_get_error(ssl, -1), SSL_ERROR_WANT_READ);
		exchange(listener, ssl, &caller, "nor of many");
	}
	SSL_free(old);
	SSL_free(ssl);
	caller_free(&caller);
	listen_only();
	CHECK(lf.next(listener, NULL) == NULL);
}

int
main(void)
{
	struct dtlsv1_listen_stats stats;
	int state;

	check_begin("listener_spoofed");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	srand(1);
	listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	for (state = CHALLENGED; state < STATES; state++) {
		test_state(state, 1);
		test_state(state, 10);
	}
	lf.free(listener);
	NEED(get_stats(&stats, sizeof(stats)) == 1);
	CHECK_INT(listener_open_ssls(), 0);
	CHECK_INT(stats.listener_overdue, 0);
	SSL_CTX_free(ctx);
	return check_end();
}
