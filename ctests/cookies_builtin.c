/*
 * Built-in cookies: 32 bytes, good for one address and one hello, on every SSL_CTX
 * of the process that has no secret of its own; and the answer is never larger
 * than the question.
 */
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static SSL_CTX *ctx;
static struct wire wire;

static SSL *
server_of(SSL_CTX *c)
{
	queue_clear(&wire.in);
	queue_clear(&wire.out);
	return tls_server_wire(c, &wire);
}

/* What a fresh SSL says to this hello: 1 accepted, 0 challenged. */
static int
says(SSL_CTX *c, const struct hello *h, struct hvr *v)
{
	SSL *ssl = server_of(c);
	struct datagram *d;
	int ret;

	queue_put(&wire.in, h->byte, h->len);
	ret = listen_to(ssl, NULL);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.out), ret == 0);
	if ((d = queue_get(&wire.out)) != NULL) {
		CHECK(d->len <= h->len); /* never an amplifier */
		if (v != NULL)
			hvr_parse(v, d->byte, d->len);
	}
	SSL_free(ssl);
	return ret;
}

static void
challenge(struct hvr *v)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	CHECK_INT(says(ctx, &h, v), 0);
	CHECK_STR(v->bad != NULL ? v->bad : "", "");
	CHECK_INT(v->cookielen, 32);
}

static void
test_good(void)
{
	static const unsigned char secret[32] = "one that the test knows";
	SSL_CTX *other = tls_server_ctx(), *own = tls_server_ctx();
	struct hello h;
	struct hvr v;

	wire_init(&wire);
	challenge(&v);
	hello_make(&h, v.cookie, v.cookielen);
	CHECK_INT(says(ctx, &h, NULL), 1);
	check_case("again: it is stateless");
	CHECK_INT(says(ctx, &h, NULL), 1);
	check_case("another SSL_CTX, as after a reload");
	CHECK_INT(says(other, &h, NULL), 1);
	check_case("which is given a secret: of the others for a while, too");
	CHECK_INT(ours.set_secret(other, secret, sizeof(secret)), 1);
	CHECK_INT(says(other, &h, NULL), 1);
	check_case("one that has had its own from the beginning");
	CHECK_INT(ours.set_secret(own, secret, sizeof(secret)), 1);
	CHECK_INT(says(own, &h, NULL), 0);
	SSL_CTX_free(own);
	SSL_CTX_free(other);
	check_case(NULL);
}

static void
test_smallest_hello(void)
{
	struct datagram *d;
	struct hello h;
	SSL *ssl;

	wire_init(&wire);
	hello_make(&h, NULL, 0);
	h.len = 61;
	hello_fix_message(&h);
	ssl = server_of(ctx);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	NEED((d = queue_get(&wire.out)) != NULL);
	CHECK_INT(d->len, 60);
	SSL_free(ssl);
}

/* The rest of the hello may differ: it is not what the cookie is about. */
static void
test_bound_to_the_hello(void)
{
	static const struct {
		const char *what;
		size_t at;
		int bound;
	} rows[] = {
		{ "client version", AT_CLIENT_VERSION + 1, 1 },
		{ "first byte of the random", AT_RANDOM, 1 },
		{ "last byte of the random", AT_RANDOM + 31, 1 },
		{ "record sequence", AT_SEQ + 5, 0 },
		{ "record version", AT_VERSION + 1, 0 },
	};
	struct hello h;
	struct hvr v;
	size_t i;

	wire_init(&wire);
	challenge(&v);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_case(rows[i].what);
		hello_make(&h, v.cookie, v.cookielen);
		h.byte[rows[i].at] ^= 1;
		CHECK_INT(says(ctx, &h, NULL), !rows[i].bound);
	}
	check_case("session id");
	hello_make(&h, v.cookie, v.cookielen);
	memmove(h.byte + AT_COOKIE + 1, h.byte + AT_COOKIE, h.len - AT_COOKIE);
	h.byte[AT_SESSION_ID] = 1;
	h.byte[AT_SESSION_ID + 1] = 0;
	h.len++;
	hello_fix_message(&h);
	CHECK_INT(says(ctx, &h, NULL), 0);
	check_case(NULL);
}

static void
test_bound_to_the_peer(void)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&wire.peer;
	struct sockaddr_un *un = (struct sockaddr_un *)&wire.peer;
	struct hello h;
	struct hvr v;

	wire_init(&wire);
	wire_peer4(&wire, "192.0.2.1", 4433);
	challenge(&v);
	hello_make(&h, v.cookie, v.cookielen);
	CHECK_INT(says(ctx, &h, NULL), 1);
	check_case("another port");
	wire_peer4(&wire, "192.0.2.1", 4434);
	CHECK_INT(says(ctx, &h, NULL), 0);
	check_case("another address");
	wire_peer4(&wire, "192.0.2.2", 4433);
	CHECK_INT(says(ctx, &h, NULL), 0);
	/* Hosts that share a secret may listen on sockets of either kind. */
	check_case("the same address on an IPv6 socket");
	wire_peer6(&wire, "::ffff:192.0.2.1", 4433);
	CHECK_INT(says(ctx, &h, NULL), 1);
	check_case("another family");
	wire_peer6(&wire, "::192.0.2.1", 4433);
	CHECK_INT(says(ctx, &h, NULL), 0);
	check_case("the same address, as an IPv6 socket sees it");
	wire_peer6(&wire, "::ffff:192.0.2.1", 4433);
	CHECK_INT(says(ctx, &h, NULL), 1);
	wire_peer6(&wire, "::ffff:192.0.2.2", 4433);
	CHECK_INT(says(ctx, &h, NULL), 0);

	check_case("IPv6");
	wire_peer6(&wire, "2001:db8::1", 4433);
	challenge(&v);
	hello_make(&h, v.cookie, v.cookielen);
	CHECK_INT(says(ctx, &h, NULL), 1);
	wire_peer6(&wire, "2001:db8::2", 4433);
	CHECK_INT(says(ctx, &h, NULL), 0);
	wire_peer6(&wire, "2001:db8::1", 4434);
	CHECK_INT(says(ctx, &h, NULL), 0);
	/* Another host has another number for the same link. */
	check_case("the scope id does not count");
	wire_peer6(&wire, "fe80::1", 4433);
	in6->sin6_scope_id = 2;
	challenge(&v);
	in6->sin6_scope_id = 3;
	hello_make(&h, v.cookie, v.cookielen);
	CHECK_INT(says(ctx, &h, NULL), 1);

	check_case("AF_UNIX");
	memset(&wire.peer, 0, sizeof(wire.peer));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, "/a/client");
	wire.peerlen = sizeof(*un);
	challenge(&v);
	hello_make(&h, v.cookie, v.cookielen);
	CHECK_INT(says(ctx, &h, NULL), 1);
	strcpy(un->sun_path, "/a/cliens");
	CHECK_INT(says(ctx, &h, NULL), 0);
	check_case(NULL);
}

static void
test_forged(void)
{
	unsigned char longer[64];
	struct hello h;
	struct hvr v;
	int bit;
	size_t n;

	wire_init(&wire);
	challenge(&v);
	check_case("one bit");
	for (bit = 0; bit < 32 * 8; bit++) {
		hello_make(&h, v.cookie, v.cookielen);
		h.byte[AT_COOKIE + 1 + bit / 8] ^= (unsigned char)(1 << bit % 8);
		CHECK_INT(says(ctx, &h, NULL), 0);
	}
	check_case("another length");
	memset(longer, 0, sizeof(longer));
	memcpy(longer, v.cookie, 32);
	for (n = 1; n < sizeof(longer); n++) {
		hello_make(&h, longer, n);
		CHECK_INT(says(ctx, &h, NULL), n == 32);
	}
	check_case(NULL);
}

/* The peer need not be known any more when SSL_accept() checks again. */
static void
test_accept_without_peer(void)
{
	static struct stepper client;
	struct port port = { .wire = &wire };
	SSL *ssl;

	wire_init(&wire);
	ssl = server_of(ctx);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 0);
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 1);
	wire.has_peer = WIRE_UNKNOWN;
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("cookies_builtin");
	ctx = tls_server_ctx();
	test_good();
	test_smallest_hello();
	test_bound_to_the_hello();
	test_bound_to_the_peer();
	test_forged();
	test_accept_without_peer();
	SSL_CTX_free(ctx);
	return check_end();
}
