/*
 * A program may give the SSL another SSL_CTX while it listens, in any callback
 * and in a BIO of its own, and the one before, whose last reference the SSL
 * had, is freed by that. As under libssl the next hello is the new one's. Says
 * the most under valgrind and AddressSanitizer.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <stdio.h>
#include <string.h>

enum place { READ, HEADER_IN, HELLO_IN, GENERATE, VERIFY, GET_PEER, HEADER_OUT, WRITE, PLACES };
static const char *const place_name[] = { "BIO read", "message callback, record",
	"message callback, hello", "generate callback", "verify callback", "BIO ctrl, get peer",
	"message callback, answer", "BIO write" };

static struct {
	enum place place;
	SSL *ssl;
	SSL_CTX *to;             /* NULL: not any more */
	int generated, verified; /* by the callbacks of the second one */
} plan;

static void
at(enum place place)
{
	SSL_CTX *to = plan.to;

	if (place != plan.place || to == NULL)
		return;
	plan.to = NULL;
	CHECK(SSL_set_SSL_CTX(plan.ssl, to) == to);
	SSL_CTX_free(to); /* the SSL has the one reference */
}

static const unsigned char cookie[16] = "not ours at all";

static int
generate(SSL *ssl, unsigned char *to, unsigned int *len)
{
	(void)ssl;
	at(GENERATE);
	memcpy(to, cookie, sizeof(cookie));
	*len = sizeof(cookie);
	return 1;
}

static int
verify(SSL *ssl, const unsigned char *shown, unsigned int len)
{
	(void)ssl;
	at(VERIFY);
	return len == sizeof(cookie) && memcmp(shown, cookie, len) == 0;
}

static int
generate_second(SSL *ssl, unsigned char *to, unsigned int *len)
{
	plan.generated++;
	return generate(ssl, to, len);
}

static int
verify_second(SSL *ssl, const unsigned char *shown, unsigned int len)
{
	plan.verified++;
	return verify(ssl, shown, len);
}

static void
message(
    int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	(void)version, (void)buf, (void)len, (void)ssl, (void)arg;
	/* LibreSSL tells of no headers: the message is the first of it there. */
	if (content_type == SSL3_RT_HEADER || content_type == SSL3_RT_HANDSHAKE)
		at(write_p ? HEADER_OUT : HEADER_IN);
	if (!write_p && content_type == SSL3_RT_HANDSHAKE)
		at(HELLO_IN);
}

static void
wire_hook(int op)
{
	if (op == WIRE_READ)
		at(READ);
	else if (op == WIRE_WRITE)
		at(WRITE);
	else if (op == BIO_CTRL_DGRAM_GET_PEER)
		at(GET_PEER);
}

static void
hello(struct wire *wire, const void *shown, size_t len)
{
	struct hello h;

	hello_make(&h, shown, len);
	queue_put(&wire->in, h.byte, h.len);
}

/* `builtin`: the SSL_CTX that is exchanged makes its own cookies. */
static void
test_place(enum place place, int builtin)
{
	static struct wire wire;
	SSL_CTX *first = tls_server_ctx(), *second = tls_server_ctx();
	SSL *ssl;

	/* SSL_free() and SSL_clear() go back to the SSL_CTX that the SSL was
	 * made with: `first` is another one. */
	SSL_CTX *made_with = tls_server_ctx();

	wire_init(&wire);
	ssl = tls_server_wire(made_with, &wire);
	if (!builtin) {
		SSL_CTX_set_cookie_generate_cb(first, generate);
		SSL_CTX_set_cookie_verify_cb(first, verify);
	} else {
		CHECK_INT(ours.set_cookie_policy(first, BUILTIN), 1);
	}
	SSL_CTX_set_cookie_generate_cb(second, generate_second);
	SSL_CTX_set_cookie_verify_cb(second, verify_second);
	CHECK(SSL_set_SSL_CTX(ssl, first) == first);
	SSL_CTX_free(first);
	SSL_set_msg_callback(ssl, message);
	CHECK_INT(listen_to(ssl, NULL), 0); /* nothing to read yet */

	memset(&plan, 0, sizeof(plan));
	plan.place = place;
	plan.ssl = ssl;
	plan.to = second;
	wire.hook = wire_hook;
	hello(&wire, place == VERIFY ? "wrong" : NULL, place == VERIFY ? 5 : 0);
	hello(&wire, NULL, 0);
	hello(&wire, cookie, sizeof(cookie));
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK(plan.to == NULL);
	CHECK(plan.generated > 0);
	CHECK_INT(plan.verified, 1);
	CHECK_INT(queue_len(&wire.out), 2);
	SSL_free(ssl);
	SSL_CTX_free(made_with);
}

int
main(void)
{
	static char what[100];
	int place, builtin;

	check_begin("ctx_exchanged");
	for (builtin = 0; builtin <= 1; builtin++)
		for (place = 0; place < PLACES; place++) {
			if (builtin && (place == GENERATE || place == VERIFY))
				continue;
			/* With the program's cookies nobody asks before the
			 * answer is made; the second hello is the new one's. */
			snprintf(what, sizeof(what), "%s, %s", place_name[place],
			    builtin ? "builtin" : "callbacks");
			check_case(what);
			test_place((enum place)place, builtin);
		}
	return check_end();
}
