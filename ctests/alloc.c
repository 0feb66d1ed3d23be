/*
 * Clause 3: no heap memory for a challenge. This program has its own malloc()
 * in front of libc's, which counts; everybody in the process comes through it,
 * our library and libcrypto alike.
 *
 * Under valgrind and ASan the allocator is theirs: ctests/run.sh leaves this
 * program out there.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHALLENGES 1000

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_long allocations, frees;

void *
malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}

int
posix_memalign(void **p, size_t align, size_t n)
{
	allocations++;
	*p = __libc_memalign(align, n);
	return *p != NULL ? 0 : ENOMEM;
}

void *
aligned_alloc(size_t align, size_t n)
{
	allocations++;
	return __libc_memalign(align, n);
}

void
free(void *p)
{
	frees += p != NULL;
	__libc_free(p);
}

static SSL_CTX *ctx;
static struct wire wire;

static SSL *
server(void)
{
	wire_init(&wire);
	return tls_server_wire(ctx, &wire);
}

/* The counter counts, or the rest of this file says nothing. */
static void
test_counter(void)
{
	long before = allocations;
	void *volatile p = malloc(1);
	BIO_ADDR *a;

	CHECK_INT(allocations - before, 1);
	free(p);
	before = allocations;
	a = BIO_ADDR_new(); /* libcrypto's come here too */
	CHECK_INT(allocations - before, 1);
	BIO_ADDR_free(a);
}

/* So many calls, each with `each` hellos; what they allocated. */
static long
challenges(SSL *ssl, int calls, int each, const char *cookie)
{
	struct hello h;
	long before;
	int i, j;

	hello_make(&h, cookie, cookie != NULL ? strlen(cookie) : 0);
	before = allocations;
	for (i = 0; i < calls; i++) {
		for (j = 0; j < each; j++) {
			/* A client's random is never twice the same. */
			h.byte[AT_RANDOM] = (unsigned char)i;
			h.byte[AT_RANDOM + 1] = (unsigned char)(i >> 8);
			h.byte[AT_RANDOM + 2] = (unsigned char)j;
			wire_peer4(&wire, "192.0.2.1", 1024 + i);
			queue_put(&wire.in, h.byte, h.len);
		}
		if (listen_to(ssl, NULL) != 0 || (int)queue_len(&wire.out) != each)
			CHECK(0);
		queue_clear(&wire.out);
	}
	return allocations - before;
}

/* In one call as many as the queue holds: no entry, nothing but challenges. */
static void
test_within_one_call(const char *what, const char *cookie)
{
	SSL *ssl = server();
	long few, many;

	check_case(what);
	(void)challenges(ssl, 1, 1, cookie); /* makes the secret */
	few = challenges(ssl, 20, 1, cookie);
	many = challenges(ssl, 20, CHALLENGES / 20, cookie);
	CHECK_INT(many, few);
	SSL_free(ssl);
	check_case(NULL);
}

/* One a call: nothing either, but what libssl's SSL_clear() does. */
static void
test_one_a_call(const char *what, const char *cookie)
{
	SSL *ssl = server();
	long clear, ours_of_it;
	int i;

	check_case(what);
	(void)challenges(ssl, 1, 1, cookie);
	clear = allocations;
	for (i = 0; i < CHALLENGES; i++)
		NEED(SSL_clear(ssl) == 1);
	clear = allocations - clear;
	ours_of_it = challenges(ssl, CHALLENGES, 1, cookie) - clear;
	CHECK(ours_of_it <= 0);
	SSL_free(ssl);
	check_case(NULL);
}

/* Nothing is left behind either: as much was freed as was taken. */
static void
test_nothing_kept(void)
{
	SSL *ssl = server();
	long before, kept;
	int i;

	(void)challenges(ssl, 1, 1, NULL);
	for (i = 0; i < 3; i++) { /* the error queue's strings settle */
		queue_put(&wire.in, "bad", 3);
		(void)listen_to(ssl, NULL);
	}
	before = allocations - frees;
	for (i = 0; i < CHALLENGES; i++) {
		queue_put(&wire.in, "bad", 3);
		if (listen_to(ssl, NULL) != 0)
			CHECK(0);
	}
	(void)challenges(ssl, CHALLENGES, 1, NULL);
	(void)challenges(ssl, CHALLENGES, 1, "a wrong cookie");
	kept = allocations - frees - before;
	CHECK(kept <= 0);
	SSL_free(ssl);
}

static void
test_all(const char *whose)
{
	char what[64];

	snprintf(what, sizeof(what), "%s, no cookie", whose);
	test_within_one_call(what, NULL);
	test_one_a_call(what, NULL);
	snprintf(what, sizeof(what), "%s, wrong cookie", whose);
	test_within_one_call(what, "cookie");
	test_one_a_call(what, "cookie");
	test_nothing_kept();
}

/* Without an SSL: nothing, whatever comes. */
static void
test_datagrams(void)
{
	struct address client = one_peer4("192.0.2.1", 4433);
	const struct sockaddr *peer = (const struct sockaddr *)&client.any;
	unsigned char out[256];
	struct hello first, right;
	size_t len = sizeof(out);
	long before, before_frees;
	int i, wrong = 0;

	one_right(&right, ctx, &client);
	hello_make(&first, NULL, 0);
	before = allocations;
	before_frees = frees;
	for (i = 0; i < CHALLENGES; i++) {
		first.byte[AT_RANDOM] = (unsigned char)i;
		len = sizeof(out);
		wrong += ours.datagram(ctx, first.byte, first.len, peer, client.len, out, &len) !=
		    ANSWER;
		len = sizeof(out);
		wrong +=
		    ours.datagram(ctx, right.byte, right.len, peer, client.len, out, &len) != ADMIT;
		len = sizeof(out);
		wrong += ours.datagram(ctx, right.byte, 30, peer, client.len, out, &len) != DROP;
		right.byte[AT_COOKIE + 5] ^= 1;
		len = sizeof(out);
		wrong += ours.datagram(ctx, right.byte, right.len, peer, client.len, out, &len) !=
		    ANSWER;
		right.byte[AT_COOKIE + 5] ^= 1;
	}
	CHECK_INT(allocations - before, 0);
	CHECK_INT(frees - before_frees, 0);
	CHECK_INT(wrong, 0);
}

int
main(void)
{
	struct app app;

	check_begin("alloc");
	test_counter();
	ctx = tls_server_ctx();
	test_all("builtin");
	test_datagrams();
	app_init(&app);
	app_install(&app, ctx);
	test_all("app");
	SSL_CTX_free(ctx);
	return check_end();
}
