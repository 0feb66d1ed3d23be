/*
 * Hellos in fragments on a datagram socket: kept once the cookie in the first
 * is right, accepted when the last has come; then the client finishes its
 * handshake on a socket of its own. libssl alone accepts the first fragment and
 * waits for the others on that socket, where they never come.
 */
#include "lib/check.h"
#include "lib/frag.h"
#include "lib/hello.h"

#include <openssl/err.h>
#include <string.h>

static SSL_CTX *ctx;
static struct frag_server s;

static void
in_order(int family, const char *what)
{
	struct frag_client c;
	unsigned int n, i;

	check_case(what);
	frag_server_init(&s, ctx, family);
	frag_client_init(&c, &s.own, 600, FRAG_MTU);
	n = frag_second_hello(&c, &s);
	CHECK(n >= 4);
	for (i = 0; i < n; i++) {
		frag_send(&c, i);
		if (i < n - 1)
			frag_nothing_yet(&s);
	}
	frag_accepts(&s, &c);
	CHECK_APP(&s.app, 1, 2);
	frag_client_free(&c);
	frag_server_free(&s);
}

/* Of three fragments, in the order of these digits, read in one call. */
static void
in_one_call(const char *order)
{
	struct frag_client c;

	check_case(order);
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	CHECK_INT(frag_second_hello(&c, &s), 3);
	for (; *order != '\0'; order++)
		frag_send(&c, (unsigned int)(*order - '0'));
	frag_accepts(&s, &c);
	frag_client_free(&c);
	frag_server_free(&s);
}

static void
in_one_datagram(void)
{
	unsigned char all[3 * WIRE_MAX];
	struct frag_client c;
	struct datagram *d;
	size_t len = 0;
	unsigned int n, i;

	check_case("three records in one datagram");
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 300, FRAG_MTU);
	n = frag_second_hello(&c, &s);
	CHECK_INT(n, 3);
	for (i = 0; i < n; i++) {
		d = frag_get(&c, i);
		memcpy(all + len, d->byte, d->len);
		len += d->len;
	}
	frag_send_bytes(&c, all, len);
	frag_accepts(&s, &c);
	frag_client_free(&c);
	frag_server_free(&s);
}

/* One fragment is lost; the client sends them all again when its timer runs out. */
static void
with_loss(unsigned int lost)
{
	struct frag_client c;
	int strange;

	check_case("a fragment is lost");
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 100, FRAG_MTU);
	tls_impatient(c.step.ssl);
	CHECK_INT(frag_second_hello(&c, &s), 2);
	tls_patient(c.step.ssl);
	frag_send(&c, 1 - lost);
	CHECK_INT(frag_listen(&s, NULL, &strange), 0);
	CHECK_INT(strange, lost == 0);
	frag_forget(&c);
	tls_time_out(c.step.ssl);
	CHECK_INT(queue_len(&c.step.wire.out), 2);
	frag_send(&c, 0);
	frag_nothing_yet(&s);
	frag_send(&c, 1);
	frag_accepts(&s, &c);
	frag_client_free(&c);
	frag_server_free(&s);
}

static void
test_two_clients(void)
{
	struct frag_client a, b;

	check_case("two clients by turns");
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&a, &s.own, 100, FRAG_MTU);
	frag_client_init(&b, &s.own, 100, FRAG_MTU);
	CHECK_INT(frag_second_hello(&a, &s), 2);
	CHECK_INT(frag_second_hello(&b, &s), 2);
	frag_send(&a, 0);
	frag_send(&b, 0);
	frag_nothing_yet(&s);
	CHECK_APP(&s.app, 2, 2);
	frag_send(&b, 1);
	frag_accepts(&s, &b);
	frag_server_next(&s);
	frag_send(&a, 1);
	frag_accepts(&s, &a);
	CHECK_APP(&s.app, 2, 4);
	frag_client_free(&a);
	frag_client_free(&b);
	frag_server_free(&s);
}

/* The parts of one hello come to two sockets, with an SSL each. */
static void
test_two_sockets(void)
{
	struct frag_server first;
	struct frag_client c;

	check_case("two sockets");
	frag_server_init(&first, ctx, AF_INET);
	frag_client_init(&c, &first.own, 100, FRAG_MTU);
	CHECK_INT(frag_second_hello(&c, &first), 2);
	frag_send(&c, 0);
	frag_nothing_yet(&first);
	CHECK_APP(&first.app, 1, 1);
	frag_server_init(&s, ctx, AF_INET);
	c.server = s.own;
	frag_send(&c, 1);
	frag_accepts(&s, &c);
	CHECK_APP(&s.app, 0, 1);
	frag_client_free(&c);
	frag_server_free(&first);
	frag_server_free(&s);
}

/* What does not belong is dropped and named, and does no harm. */
static void
test_strangers(void)
{
	struct frag_client c, other;
	struct hello good, bad;
	struct datagram *d;
	int strange;

	check_case("strangers");
	frag_server_init(&s, ctx, AF_INET);
	frag_client_init(&c, &s.own, 100, FRAG_MTU);
	frag_client_init(&other, &s.own, 100, FRAG_MTU);
	CHECK_INT(frag_second_hello(&c, &s), 2);
	frag_send(&c, 1);
	CHECK_INT(frag_listen(&s, NULL, &strange), 0);
	CHECK_INT(strange, 1); /* the first has not come */
	frag_send(&c, 0);
	frag_nothing_yet(&s);

	d = frag_get(&c, 1);
	memset(&good, 0, sizeof(good));
	memcpy(good.byte, d->byte, d->len);
	good.len = d->len;
	frag_send_bytes(&other, good.byte, good.len);
	bad = good;
	hello_put(&bad, AT_MSG_LEN, 0xffffff, 3);
	frag_send_bytes(&c, bad.byte, bad.len);
	bad = good;
	hello_put(&bad, AT_FRAG_OFF, 0xffffff, 3);
	frag_send_bytes(&c, bad.byte, bad.len);
	bad = good;
	hello_put(&bad, AT_MSG_SEQ, 0, 2);
	frag_send_bytes(&c, bad.byte, bad.len);
	CHECK_INT(frag_listen(&s, NULL, &strange), 0);
	CHECK_INT(strange, 4);

	frag_send(&c, 1);
	frag_accepts(&s, &c);
	frag_client_free(&c);
	frag_client_free(&other);
	frag_server_free(&s);
}

int
main(void)
{
	check_begin("reassembly");
	ctx = tls_server_ctx();
	in_order(AF_INET, "IPv4");
	if (net_has_ipv6("IPv6"))
		in_order(AF_INET6, "IPv6");
	in_order(AF_UNIX, "AF_UNIX");
	in_one_call("012");
	in_one_call("021");
	in_one_call("0012");
	in_one_call("0112");
	in_one_call("0102");
	in_one_datagram();
	with_loss(0);
	with_loss(1);
	test_two_clients();
	test_two_sockets();
	test_strangers();
	SSL_CTX_free(ctx);
	return check_end();
}
