/*
 * Thousands of hellos in fragments at once: all are put together, one address
 * does not take what others need, nobody who has nothing here pays for those
 * who have, and a minute after the last fragment the memory is back.
 */
#define _GNU_SOURCE /* syscall(), RTLD_DEFAULT */
#include "lib/check.h"
#include "lib/clock.h"
#include "lib/frag.h"
#include "lib/hello.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <openssl/err.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MANY        4200
#define MESSAGE_LEN 2048
#define FIRST_LEN   100
#define HEAD        25 /* record and handshake header */
/* Addresses of 127/8 that nobody has; other processes of this program have others. */
#define PORT        20000
#define NET         (0x7f000000U | (1 + (unsigned int)getpid() % 254) << 16)
#define CROWD       (NET | 0x0707)
#define OTHERS      (NET | 0x0800)
#define MINUTE      70

static SSL_CTX *ctx;
static struct frag_server s;
static unsigned char message[MESSAGE_LEN];

/* The process's clock, which this file can set ahead. */
static time_t ahead;

int
clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = kernel_clock(id, now);

	if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)
		now->tv_sec += ahead;
	return ret;
}

/* From a port of an address, with no socket left behind. */
static void
send_from(unsigned int address, unsigned int port, const void *bytes, size_t len)
{
	struct sockaddr_in own;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&own, 0, sizeof(own));
	own.sin_family = AF_INET;
	own.sin_port = htons((unsigned short)(PORT + port));
	own.sin_addr.s_addr = htonl(address);
	NEED(fd >= 0);
	NEED(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
	net_send(fd, bytes, len, &s.own);
	close(fd);
}

/* The message from `offset` on. */
static void
send_fragment(unsigned int address, unsigned int port, unsigned int offset, size_t len)
{
	unsigned char d[HEAD + MESSAGE_LEN];
	struct hello h;

	hello_make(&h, s.app.cookie, s.app.cookielen);
	hello_put(&h, AT_SEQ, offset == 0 ? 1 : 2, 6);
	hello_put(&h, AT_LENGTH, 12 + len, 2);
	hello_put(&h, AT_MSG_LEN, MESSAGE_LEN, 3);
	hello_put(&h, AT_FRAG_OFF, offset, 3);
	hello_put(&h, AT_FRAG_LEN, len, 3);
	memcpy(d, h.byte, HEAD);
	memcpy(d + HEAD, message + offset, len);
	send_from(address, port, d, HEAD + len);
}

static void
begin(unsigned int address, unsigned int port)
{
	send_fragment(address, port, 0, FIRST_LEN);
	frag_nothing_yet(&s);
}

static void
finish(unsigned int address, unsigned int port)
{
	send_fragment(address, port, FIRST_LEN, MESSAGE_LEN - FIRST_LEN);
	CHECK_INT(listen_to(s.ssl, NULL), 1);
	frag_server_next(&s);
}

static void
server_init(void)
{
	struct hello h;

	frag_server_init(&s, ctx, AF_INET);
	s.app.needs_peer = 0;
	hello_make(&h, s.app.cookie, s.app.cookielen);
	memset(message, 'm', sizeof(message));
	memcpy(message, h.byte + HEAD, h.len - HEAD);
}

static size_t
allocated(void)
{
	return mallinfo2().uordblks;
}

/* Calls that have nothing to do with any of them. */
static void
pass_a_minute(void)
{
	struct hello h;
	int i;

	ahead += MINUTE;
	hello_make(&h, NULL, 0);
	for (i = 0; i < MANY / 64 + 2; i++) {
		send_from(OTHERS, 0, h.byte, h.len);
		CHECK_INT(listen_to(s.ssl, NULL), 0);
		CHECK_QUEUED(0);
	}
}

static void
test_thousands(void)
{
	size_t before, held, left;
	unsigned int i;
	int strange;

	check_case("thousands of one address");
	server_init();
	before = allocated();
	for (i = 0; i < MANY; i++)
		begin(CROWD, i);
	held = allocated() - before;
	for (i = 1; i <= 64; i++) { /* as many as that are left for others */
		begin(OTHERS + i, 0);
		finish(OTHERS + i, 0);
	}
	for (i = 0; i < MANY; i += 20)
		finish(CROWD, i);
	/* Those that nobody finishes. */
	pass_a_minute();
	send_fragment(CROWD, 1, FIRST_LEN, MESSAGE_LEN - FIRST_LEN);
	CHECK_INT(frag_listen(&s, NULL, &strange), 0);
	CHECK_INT(strange, 1);
	left = allocated() - before;
	if (before == 0) {
		check_left_out("memory", "mallinfo2() says nothing here");
	} else {
		CHECK(held >= (size_t)MANY * MESSAGE_LEN);
		CHECK(held <= 32 << 20);
		CHECK(left < 64 << 10);
	}
	frag_server_free(&s);
}

/* Refused, and nothing is kept of it. That it is told from the others by a filter, without a lock or a
 * search among them, src/hello/reassembly/tests/shares.rs has. */
static void
test_stranger(void)
{
	enum { BESIDE = 1000, STRANGE = 400, LITTLE = 4096 };
	size_t before;
	unsigned int i;

	check_case("a stranger beside many");
	server_init();
	for (i = 0; i < BESIDE; i++)
		begin(CROWD, i);
	before = allocated();
	for (i = 0; i < STRANGE; i++) {
		send_fragment(OTHERS, 1, FIRST_LEN, 50);
		CHECK_INT(listen_to(s.ssl, NULL), 0);
		CHECK_QUEUED(SSL_R_FRAGMENTED_CLIENT_HELLO);
	}
	CHECK(allocated() <= before + LITTLE);
	frag_server_free(&s);
}

/* One address with many ports begins hellos as fast as it can and finishes
 * none; the others get theirs through. */
static void
test_greedy(void)
{
	unsigned int round, i;

	check_case("a greedy address");
	server_init();
	for (round = 0; round < 8; round++) {
		begin(OTHERS + 1, round);
		for (i = 0; i < 256; i++)
			begin(CROWD, i);
		finish(OTHERS + 1, round);
	}
	frag_server_free(&s);
}

int
main(void)
{
	check_begin("reassembly_many");
	ctx = tls_server_ctx();
	test_thousands();
	test_stranger();
	test_greedy();
	SSL_CTX_free(ctx);
	return check_end();
}
