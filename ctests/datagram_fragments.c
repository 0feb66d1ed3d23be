/*
 * A hello in fragments, without a socket: dtlsv1_listen_datagram() keeps what
 * comes behind a right cookie, and the last part gives the whole hello as one
 * record, which an SSL goes on from.
 */
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/end.h"
#include "lib/frag.h"
#include "lib/one.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <string.h>

static SSL_CTX *ctx;
static struct address client, nobody;
static struct one got;
static struct frag_client c;

/* The second hello waits, in so many datagrams. */
static unsigned int
second_hello(size_t padding)
{
	struct datagram *d;

	frag_client_init(&c, &nobody, padding, FRAG_MTU);
	CHECK(frag_step(&c) >= 2);
	NEED((d = frag_get(&c, 0)) != NULL);
	CHECK_INT(one(&got, ctx, &client, d->byte, d->len), ANSWER);
	queue_put(&c.step.wire.in, got.out, got.len);
	NEED((d = frag_get(&c, 1)) != NULL);
	check_case("of the first hello");
	CHECK_INT(one(&got, ctx, &client, d->byte, d->len), DROP);
	check_case(NULL);
	frag_forget(&c);
	return frag_step(&c);
}

static int
give(unsigned int nth)
{
	struct datagram *d = frag_get(&c, nth);

	NEED(d != NULL);
	return one(&got, ctx, &client, d->byte, d->len);
}

static void
adopt_it(void)
{
	struct end e;
	SSL *ssl = end_server(&e, END_MEMORY, ctx);

	CHECK_INT(
	    ours.adopt(ssl, got.out, got.len, (const struct sockaddr *)&client.any, client.len), 1);
	CHECK_QUEUED(0);
	(void)DTLS_set_link_mtu(c.step.ssl, 1400);
	end_finish(&e, &c.step, ssl, NULL, 0, NULL);
	end_free(&e, ssl);
}

static void
test_in_order(void)
{
	unsigned int n = second_hello(600), i;

	CHECK(n >= 4);
	(void)counters_changes();
	for (i = 0; i < n - 1; i++)
		CHECK_INT(give(i), KEPT);
	CHECK(strstr(counters_changes(), "gathered") == NULL);
	CHECK_INT(give(n - 1), ADMIT);
	CHECK(strstr(counters_changes(), "hellos_gathered 1") != NULL);
	CHECK(got.len > 600);
	CHECK_INT(got.out[AT_FRAG_OFF + 2], 0);
	CHECK_BYTES(got.out + AT_MSG_LEN, got.out + AT_FRAG_LEN, 3);
	check_case("the last once more");
	CHECK_INT(give(n - 1), DROP);
	frag_client_free(&c);

	check_case("and its handshake");
	n = second_hello(300);
	for (i = 0; i < n; i++)
		CHECK_INT(give(i), i == n - 1 ? ADMIT : KEPT);
	frag_forget(&c);
	adopt_it();
	frag_client_free(&c);
	check_case(NULL);
}

static void
test_another_peer(void)
{
	struct address other = one_peer4("192.0.2.1", 4434);
	struct datagram *d;

	CHECK_INT(second_hello(100), 2);
	CHECK_INT(give(0), KEPT);
	NEED((d = frag_get(&c, 1)) != NULL);
	CHECK_INT(one(&got, ctx, &other, d->byte, d->len), DROP);
	CHECK_INT(give(1), ADMIT);
	frag_client_free(&c);
}

/* Without the repair the first fragment is admitted alone, as it came. */
static void
test_not_repaired(void)
{
	struct datagram *d;

	CHECK_INT(second_hello(100), 2);
	NEED(ours.set_repairs(ctx, ALL & ~FRAGMENTS) == 1);
	CHECK_INT(give(0), ADMIT);
	NEED((d = frag_get(&c, 0)) != NULL);
	CHECK_INT(got.len, d->len);
	CHECK_BYTES(got.out, d->byte, d->len);
	CHECK_INT(give(1), DROP);
	NEED(ours.set_repairs(ctx, ALL) == 1);
	frag_client_free(&c);
}

/* A part is no hello that could be adopted: a first one is, and libssl waits
 * for the rest; it is not kept here by that. */
static void
test_adopt_parts(void)
{
	struct datagram *d;
	struct end e;
	SSL *ssl;

	CHECK_INT(second_hello(100), 2);
	ssl = end_server(&e, END_MEMORY, ctx);
	NEED((d = frag_get(&c, 1)) != NULL);
	CHECK_INT(
	    ours.adopt(ssl, d->byte, d->len, (const struct sockaddr *)&client.any, client.len), 0);
	NEED((d = frag_get(&c, 0)) != NULL);
	CHECK_INT(
	    ours.adopt(ssl, d->byte, d->len, (const struct sockaddr *)&client.any, client.len), 1);
	CHECK_QUEUED(0);
	CHECK_INT(give(1), DROP);
	end_free(&e, ssl);
	frag_client_free(&c);
}

int
main(void)
{
	int fd;

	check_begin("datagram_fragments");
	counters_init();
	client = one_peer4("192.0.2.1", 4433);
	fd = net_bound(AF_INET, &nobody);
	ctx = tls_server_ctx();
	test_in_order();
	test_another_peer();
	test_not_repaired();
	test_adopt_parts();
	SSL_CTX_free(ctx);
	net_close(fd, &nobody);
	return check_end();
}
