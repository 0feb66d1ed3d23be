/*
 * A read BIO that does not know the peer: built-in cookies would vouch for
 * nobody. The program's own callbacks serve, if it has any; else the call
 * fails and says what to do, which is dtlsv1_listen_set_peer().
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/un.h>

static struct wire wire;

/* BIOs that know nobody, each in its way. */
static const char *kinds[] = { "says so", "claims one and names none",
	"an AF_UNIX client without a name", "a memory BIO" };

static SSL *
server_of(SSL_CTX *ctx, int kind)
{
	BIO *b;

	wire_init(&wire);
	if (kind == 3) {
		b = BIO_new(BIO_s_mem());
		BIO_set_mem_eof_return(b, -1);
		return tls_server_on(ctx, b, wire_bio(&wire, NULL, 0));
	}
	if (kind == 2) {
		memset(&wire.peer, 0, sizeof(wire.peer));
		wire.peer.ss_family = AF_UNIX;
		wire.peerlen = sizeof(struct sockaddr_un);
	} else {
		wire.has_peer = kind == 0 ? WIRE_UNKNOWN : WIRE_CLAIMED;
	}
	return tls_server_wire(ctx, &wire);
}

/* What listen gives for this cookie, and the answer, if there is one. */
static int
ask(SSL *ssl, const void *cookie, size_t cookielen, struct hvr *v)
{
	struct datagram *d;
	struct hello h;
	int ret;

	hello_make(&h, cookie, cookielen);
	queue_clear(&wire.out);
	if (BIO_method_type(SSL_get_rbio(ssl)) == BIO_TYPE_MEM)
		NEED(BIO_write(SSL_get_rbio(ssl), h.byte, (int)h.len) > 0);
	else
		queue_put(&wire.in, h.byte, h.len);
	ret = listen_to(ssl, NULL);
	CHECK_INT(queue_len(&wire.out), ret == 0);
	if ((d = queue_get(&wire.out)) != NULL && v != NULL)
		hvr_parse(v, d->byte, d->len);
	return ret;
}

static void
says_what_to_do(void)
{
	const char *text = "";
	int flags = 0;

	CHECK(ERR_peek_error() != 0);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	(void)ERR_peek_last_error_all(NULL, NULL, NULL, &text, &flags);
#else
	(void)ERR_peek_last_error_line_data(NULL, NULL, &text, &flags);
#endif
	CHECK((flags & ERR_TXT_STRING) != 0);
	CHECK(strstr(text, "dtlsv1_listen_set_peer()") != NULL);
	ERR_clear_error();
}

static void
test_fails(void)
{
	static const int policies[] = { AUTO, BUILTIN };
	static const unsigned char cookie[32] = "any cookie whatever";
	size_t kind, i;

	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		for (i = 0; i < 2; i++) {
			SSL_CTX *ctx = tls_server_ctx();
			SSL *ssl = server_of(ctx, (int)kind);

			check_case(kinds[kind]);
			CHECK_INT(ours.set_cookie_policy(ctx, policies[i]), 1);
			CHECK_INT(ask(ssl, NULL, 0, NULL), -1);
			says_what_to_do();
			CHECK_INT(ask(ssl, cookie, sizeof(cookie), NULL), -1);
			says_what_to_do();
			SSL_free(ssl);
			SSL_CTX_free(ctx);
		}
	}
	check_case(NULL);
}

/* Also under `builtin`, counted. */
static void
test_callbacks_serve(void)
{
	struct dtlsv1_listen_stats stats;
	size_t kind;

	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		SSL_CTX *ctx = tls_server_ctx();
		SSL *ssl = server_of(ctx, (int)kind);
		struct app app;
		struct hvr v;
		uint64_t before;

		check_case(kinds[kind]);
		app_init(&app);
		app_install(&app, ctx);
		app_expect(&app, ssl);
		CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
		NEED(get_stats(&stats, sizeof(stats)) == 1);
		before = stats.peers_unknown;
		CHECK_INT(ask(ssl, NULL, 0, &v), 0);
		CHECK_QUEUED(0);
		CHECK_INT(v.cookielen != 32, 1);
		CHECK_INT(app.generated, 1);
		CHECK_INT(ask(ssl, "wrong", 5, NULL), 0);
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), 1);
		CHECK_INT(app.verified, 2);
		NEED(get_stats(&stats, sizeof(stats)) == 1);
		CHECK_INT(stats.peers_unknown - before, 4);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
	}
	check_case(NULL);
}

static struct sockaddr_in
address(const char *ip, int port)
{
	struct sockaddr_in a;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)port);
	NEED(inet_pton(AF_INET, ip, &a.sin_addr) == 1);
	return a;
}

static int
name(SSL *ssl, const struct sockaddr_in *a)
{
	return ours.set_peer(ssl, (const struct sockaddr *)a, sizeof(*a));
}

static void
test_named(void)
{
	struct sockaddr_in a = address("192.0.2.1", 4433), b = address("192.0.2.1", 4434);
	SSL_CTX *ctx = tls_server_ctx();
	size_t kind;

	CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		SSL *ssl = server_of(ctx, (int)kind);
		struct hvr v;

		check_case(kinds[kind]);
		CHECK_INT(name(ssl, &a), 1);
		CHECK_INT(ask(ssl, NULL, 0, &v), 0);
		CHECK_INT(v.cookielen, 32);
		check_case("from another address");
		CHECK_INT(name(ssl, &b), 1);
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), 0);
		check_case("forgotten by request");
		CHECK_INT(ours.set_peer(ssl, NULL, 0), 1);
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), -1);
		ERR_clear_error();
		check_case("from its own, and SSL_clear() changes nothing");
		CHECK_INT(name(ssl, &a), 1);
		CHECK_INT(SSL_clear(ssl), 1);
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), 1);
		check_case("forgotten with the acceptance");
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), -1);
		says_what_to_do();
		SSL_free(ssl);
	}
	check_case("a BIO that knows is believed");
	{
		SSL *ssl = server_of(ctx, 0);
		struct hvr v;

		CHECK_INT(name(ssl, &b), 1);
		wire_peer4(&wire, "192.0.2.1", 4433);
		wire.has_peer = WIRE_KNOWN;
		CHECK_INT(ask(ssl, NULL, 0, &v), 0);
		CHECK_INT(ours.set_peer(ssl, NULL, 0), 1);
		CHECK_INT(ask(ssl, v.cookie, v.cookielen, NULL), 1);
		SSL_free(ssl);
	}
	check_case(NULL);
	SSL_CTX_free(ctx);
}

/* The ready-made callbacks ask the same. */
static void
test_ready_made(void)
{
	struct sockaddr_in a = address("192.0.2.1", 4433), b = address("192.0.2.2", 4433);
	SSL_CTX *ctx = tls_server_ctx();
	unsigned char cookie[32];
	unsigned int len = 0;
	SSL *ssl = server_of(ctx, 0);

	CHECK_INT(ours.cookie_generate(ssl, cookie, &len), 0);
	says_what_to_do();
	CHECK_INT(ours.cookie_verify(ssl, cookie, sizeof(cookie)), 0);
	says_what_to_do();
	CHECK_INT(name(ssl, &a), 1);
	CHECK_INT(ours.cookie_generate(ssl, cookie, &len), 1);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 1);
	CHECK_INT(name(ssl, &b), 1);
	CHECK_INT(ours.cookie_verify(ssl, cookie, len), 0);
	CHECK_QUEUED(0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* SSL_set_fd() makes a BIO that does not ask its socket: we do. */
static void
test_connected_socket(void)
{
	struct address own, clients;
	SSL_CTX *ctx = tls_server_ctx();
	int fd = net_nonblocking(net_bound(AF_INET, &own));
	int client = net_bound(AF_INET, &clients);
	unsigned char byte[WIRE_MAX];
	struct hello h;
	struct hvr v;
	ssize_t n;
	SSL *ssl = tls_server(ctx);

	NEED(connect(fd, (struct sockaddr *)&clients.any, clients.len) == 0);
	NEED(connect(client, (struct sockaddr *)&own.any, own.len) == 0);
	NEED(SSL_set_fd(ssl, fd) == 1);
	hello_make(&h, NULL, 0);
	NEED(send(client, h.byte, h.len, 0) == (ssize_t)h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	n = recv(client, byte, sizeof(byte), MSG_DONTWAIT);
	NEED(n > 0);
	hvr_parse(&v, byte, (size_t)n);
	CHECK_INT(v.cookielen, 32);
	hello_make(&h, v.cookie, v.cookielen);
	NEED(send(client, h.byte, h.len, 0) == (ssize_t)h.len);
	CHECK_INT(listen_to(ssl, NULL), 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
	net_close(client, &clients);
}

int
main(void)
{
	check_begin("peer_unknown");
	counters_init();
	test_fails();
	test_callbacks_serve();
	test_named();
	test_ready_made();
	test_connected_socket();
	return check_end();
}
