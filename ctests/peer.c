/*
 * The peer argument: exactly the family's own length is written, nothing on
 * failure, at most a struct sockaddr when no peer is known; and
 * dtlsv1_listen_peer() with accept(2)'s value-result length.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;
static unsigned char untouched[256];

/* An SSL whose next datagram is a hello, with the right cookie or without. */
static SSL *
server(int cookie)
{
	struct hello h;

	wire_init(&wire);
	hello_make(&h, app.cookie, cookie ? app.cookielen : 0);
	queue_put(&wire.in, h.byte, h.len);
	return tls_server_wire(ctx, &wire);
}

static void
set_peer(int family)
{
	switch (family) {
	case AF_INET: wire_peer4(&wire, "192.0.2.99", 40000); break;
	case AF_INET6: wire_peer6(&wire, "2001:db8::99", 40000); break;
	case AF_UNIX: wire_peer_unix(&wire, "/nowhere/peer"); break;
	}
}

static const struct {
	int family;
	socklen_t len;
	const char *name;
} kinds[] = {
	{ AF_INET, 16, "IPv4" },
	{ AF_INET6, 28, "IPv6" },
	{ AF_UNIX, 110, "AF_UNIX" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
test_exact_length(void)
{
	unsigned char room[256];
	size_t i;

	for (i = 0; i < KINDS; i++) {
		SSL *ssl = server(1);

		check_case(kinds[i].name);
		set_peer(kinds[i].family);
		memset(room, 0xa5, sizeof(room));
		CHECK_INT(listen_to(ssl, room + 64), 1);
		CHECK_BYTES(room, untouched, 64);
		CHECK_BYTES(room + 64, &wire.peer, kinds[i].len);
		CHECK_BYTES(room + 64 + kinds[i].len, untouched, 256 - 64 - kinds[i].len);
		SSL_free(ssl);
	}
	check_case(NULL);
}

/* As above in memory of exactly that size: a checker sees one byte too many. */
static void
test_exact_memory(void)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		void *exact = malloc(kinds[i].len);
		SSL *ssl = server(1);

		check_case(kinds[i].name);
		NEED(exact != NULL);
		set_peer(kinds[i].family);
		CHECK_INT(listen_to(ssl, exact), 1);
		CHECK_BYTES(exact, &wire.peer, kinds[i].len);
		free(exact);
		SSL_free(ssl);
	}
	check_case(NULL);
}

/* What small programs do, and OpenSSL overruns. */
static void
test_sockaddr_in_on_the_stack(void)
{
	struct {
		unsigned char before[64];
		struct sockaddr_in peer;
		unsigned char after[128];
	} frame;
	SSL *ssl = server(1);

	memset(&frame, 0xa5, sizeof(frame));
	CHECK_INT(sizeof(frame.peer), 16);
	CHECK_INT(listen_to(ssl, &frame.peer), 1);
	CHECK_INT(frame.peer.sin_family, AF_INET);
	CHECK_INT(ntohs(frame.peer.sin_port), 4433);
	CHECK_BYTES(frame.before, untouched, sizeof(frame.before));
	CHECK_BYTES(frame.after, untouched, sizeof(frame.after));
	SSL_free(ssl);

	check_case("and no peer is known");
	memset(&frame, 0xa5, sizeof(frame));
	ssl = server(1);
	wire.has_peer = WIRE_UNKNOWN;
	CHECK_INT(listen_to(ssl, &frame.peer), 1);
	CHECK_INT(frame.peer.sin_family, AF_UNSPEC);
	CHECK_BYTES(frame.before, untouched, sizeof(frame.before));
	CHECK_BYTES(frame.after, untouched, sizeof(frame.after));
	SSL_free(ssl);
	check_case(NULL);
}

/* The BIO says there is a peer and writes nothing: Qt's does. */
static void
test_claimed(void)
{
	unsigned char room[128];
	BIO_ADDR *peer = BIO_ADDR_new();
	SSL *ssl = server(1);

	wire.has_peer = WIRE_CLAIMED;
	CHECK_INT(listen_to(ssl, peer), 1);
	CHECK_INT(BIO_ADDR_family(peer), AF_UNSPEC);
	BIO_ADDR_free(peer);
	SSL_free(ssl);

	memset(room, 0xa5, sizeof(room));
	ssl = server(1);
	wire.has_peer = WIRE_CLAIMED;
	CHECK_INT(listen_to(ssl, room), 1);
	CHECK_BYTES(
	    room + sizeof(struct sockaddr), untouched, sizeof(room) - sizeof(struct sockaddr));
	SSL_free(ssl);
}

static void
test_null(void)
{
	SSL *ssl = server(0);

	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	SSL_free(ssl);
	ssl = server(1);
	CHECK_INT(listen_to(ssl, NULL), 1);
	SSL_free(ssl);
	ssl = server(1);
	wire.has_peer = WIRE_UNKNOWN;
	CHECK_INT(listen_to(ssl, NULL), 1);
	SSL_free(ssl);
}

static void
test_failure_leaves_it_alone(void)
{
	unsigned char room[128];
	SSL *ssl = server(0);

	memset(room, 0xa5, sizeof(room));
	check_case("challenged");
	CHECK_INT(listen_to(ssl, room), 0);
	CHECK_BYTES(room, untouched, sizeof(room));
	check_case("would block");
	CHECK_INT(listen_to(ssl, room), 0);
	CHECK_BYTES(room, untouched, sizeof(room));
	check_case("refused");
	queue_put(&wire.in, "x", 1);
	CHECK_INT(listen_to(ssl, room), 0);
	CHECK_BYTES(room, untouched, sizeof(room));
	check_case("read fails");
	wire.end = WIRE_ERROR;
	CHECK_INT(listen_to(ssl, room), -1);
	CHECK_BYTES(room, untouched, sizeof(room));
	check_case(NULL);
	SSL_free(ssl);
}

/* dtlsv1_listen_peer(): never past the room, always the full length. */
static void
test_value_result(void)
{
	static const socklen_t rooms[] = { 0, 1, 2, 15, 16, 27, 28, 29, 109, 110, 128 };
	struct sockaddr_storage room;
	size_t i, j;

	for (i = 0; i < KINDS; i++)
		for (j = 0; j < sizeof(rooms) / sizeof(rooms[0]); j++) {
			socklen_t len = rooms[j];
			socklen_t kept = len < kinds[i].len ? len : kinds[i].len;
			SSL *ssl = server(1);

			check_case(kinds[i].name);
			set_peer(kinds[i].family);
			memset(&room, 0xa5, sizeof(room));
			CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), 1);
			CHECK_INT(len, kinds[i].len);
			CHECK_BYTES(&room, &wire.peer, kept);
			CHECK_BYTES((unsigned char *)&room + kept, untouched, sizeof(room) - kept);
			SSL_free(ssl);
		}
	check_case(NULL);
}

static void
test_value_result_edges(void)
{
	struct sockaddr_storage room;
	socklen_t len = 77;
	SSL *ssl;

	check_case("NULL address: the length is ignored");
	ssl = server(1);
	CHECK_INT(ours.peer(ssl, NULL, &len), 1);
	CHECK_INT(len, 77);
	SSL_free(ssl);
	ssl = server(1);
	CHECK_INT(ours.peer(ssl, NULL, NULL), 1);
	SSL_free(ssl);

	check_case("no peer: length 0");
	memset(&room, 0xa5, sizeof(room));
	len = sizeof(room);
	ssl = server(1);
	wire.has_peer = WIRE_UNKNOWN;
	CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), 1);
	CHECK_INT(len, 0);
	CHECK_BYTES((unsigned char *)&room + sizeof(struct sockaddr), untouched,
	    sizeof(room) - sizeof(struct sockaddr));
	SSL_free(ssl);

	check_case("no peer and no room");
	memset(&room, 0xa5, sizeof(room));
	len = 0;
	ssl = server(1);
	wire.has_peer = WIRE_UNKNOWN;
	CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), 1);
	CHECK_INT(len, 0);
	CHECK_BYTES(&room, untouched, sizeof(room));
	SSL_free(ssl);

	check_case("failure leaves both alone");
	len = sizeof(room);
	ssl = server(0);
	CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	CHECK_QUEUED(0);
	queue_put(&wire.in, "x", 1);
	CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), 0);
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	wire.end = WIRE_EOF;
	CHECK_INT(ours.peer(ssl, (struct sockaddr *)&room, &len), -1);
	CHECK_INT(len, sizeof(room));
	CHECK_BYTES(&room, untouched, sizeof(room));
	SSL_free(ssl);
	check_case(NULL);
}

int
main(void)
{
	check_begin("peer");
	memset(untouched, 0xa5, sizeof(untouched));
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	test_exact_length();
	test_exact_memory();
	test_sockaddr_in_on_the_stack();
	test_claimed();
	test_null();
	test_failure_leaves_it_alone();
	test_value_result();
	test_value_result_edges();
	SSL_CTX_free(ctx);
	return check_end();
}
