/*
 * The same hello again, its cookie right: dropped while the SSL lives that was
 * accepted with it, for a client has one end. Whoever gives the client up hears
 * it again.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct address own;
static int server_fd;

static SSL *
server(SSL_CTX *ctx)
{
	BIO *b = BIO_new_dgram(server_fd, BIO_NOCLOSE);

	return tls_server_on(ctx, b, b);
}

struct peer {
	int fd;
	struct address own;
	struct hello hello; /* with its cookie */
};

static void
peer_open(struct peer *p, SSL_CTX *ctx, int random)
{
	unsigned char byte[WIRE_MAX];
	struct hvr v;
	SSL *ssl = server(ctx);
	ssize_t n;

	p->fd = net_bound(AF_INET, &p->own);
	hello_make(&p->hello, NULL, 0);
	p->hello.byte[AT_RANDOM] = (unsigned char)random;
	net_send(p->fd, p->hello.byte, p->hello.len, &own);
	CHECK_INT(listen_to(ssl, NULL), 0);
	net_wait(p->fd);
	n = recv(p->fd, byte, sizeof(byte), 0);
	NEED(n > 0);
	hvr_parse(&v, byte, (size_t)n);
	hello_make(&p->hello, v.cookie, v.cookielen);
	p->hello.byte[AT_RANDOM] = (unsigned char)random;
	SSL_free(ssl);
}

static void
peer_close(struct peer *p)
{
	net_close(p->fd, &p->own);
}

/* What listen says to the peer's hello, on this SSL. */
static int
shown(SSL *ssl, struct peer *p)
{
	int ret;

	net_send(p->fd, p->hello.byte, p->hello.len, &own);
	ret = listen_to(ssl, NULL);
	CHECK_INT(net_readable(p->fd, 0), 0); /* no answer either way */
	return ret;
}

static void
dropped(SSL *ssl, struct peer *p)
{
	counters_changes();
	CHECK_INT(shown(ssl, p), 0);
	CHECK_QUEUED(SSL_R_UNEXPECTED_MESSAGE);
	CHECK(strstr(counters_changes(), "discards_repeated 1") != NULL);
}

static void
test(SSL_CTX *ctx)
{
	SSL *first = server(ctx), *second = server(ctx);
	struct peer a, b;

	peer_open(&a, ctx, 1);
	CHECK_INT(shown(first, &a), 1);
	dropped(second, &a);
	check_case("as often as it comes");
	dropped(second, &a);
	check_case("the client begins anew, from the same port");
	a.hello.byte[AT_RANDOM] = 2;
	net_send(a.fd, a.hello.byte, a.hello.len, &own);
	(void)listen_to(second, NULL); /* built-in: another cookie */
	ERR_clear_error();
	if (net_readable(a.fd, 0)) {
		unsigned char byte[WIRE_MAX];

		(void)!recv(a.fd, byte, sizeof(byte), 0);
	}
	SSL_free(second);
	second = server(ctx);
	a.hello.byte[AT_RANDOM] = 1;
	check_case("another client with the same bytes");
	peer_open(&b, ctx, 1);
	CHECK_INT(shown(second, &b), 1);
	check_case("given up: the SSL is freed");
	SSL_free(first);
	first = server(ctx);
	CHECK_INT(shown(first, &a), 1);
	check_case("given up: the SSL listens again");
	CHECK_INT(shown(first, &a), 1);
	dropped(second, &a);
	check_case(NULL);
	SSL_free(first);
	SSL_free(second);
	peer_close(&a);
	peer_close(&b);
}

/* Two SSL_CTXs, as after a reload. */
static void
test_two_contexts(void)
{
	SSL_CTX *one = tls_server_ctx(), *other = tls_server_ctx();
	SSL *first = server(one), *second = server(other);
	struct peer a;

	check_case("another SSL_CTX");
	peer_open(&a, one, 1);
	CHECK_INT(shown(first, &a), 1);
	dropped(second, &a);
	SSL_CTX_free(one);
	dropped(second, &a);
	SSL_free(first);
	CHECK_INT(shown(second, &a), 1);
	SSL_free(second);
	SSL_CTX_free(other);
	peer_close(&a);
	check_case(NULL);
}

/* A program that does the reading itself knows its clients. */
static void
test_other_bios(SSL_CTX *ctx)
{
	static struct wire wires[2];
	struct hello h;
	struct hvr v;
	SSL *ssl[2];
	int i;

	check_case("no socket");
	for (i = 0; i < 2; i++) {
		wire_init(&wires[i]);
		ssl[i] = tls_server_wire(ctx, &wires[i]);
	}
	hello_make(&h, NULL, 0);
	queue_put(&wires[0].in, h.byte, h.len);
	CHECK_INT(listen_to(ssl[0], NULL), 0);
	NEED(queue_len(&wires[0].out) == 1);
	hvr_parse(&v, wires[0].out.slot[0].byte, wires[0].out.slot[0].len);
	hello_make(&h, v.cookie, v.cookielen);
	for (i = 0; i < 2; i++) {
		queue_put(&wires[i].in, h.byte, h.len);
		CHECK_INT(listen_to(ssl[i], NULL), 1);
	}
	for (i = 0; i < 2; i++)
		SSL_free(ssl[i]);
	check_case(NULL);
}

/* The two of them: the first finishes, whatever the second has heard. */
static void
test_handshake(SSL_CTX *ctx)
{
	SSL *ssl = server(ctx), *again;
	struct sockaddr_storage peer;
	struct client c;
	int connected, i;

	check_case("a whole handshake beside it");
	client_start(&c, &own);
	memset(&peer, 0, sizeof(peer));
	for (i = 0; i < 10 && listen_to(ssl, &peer) != 1; i++)
		net_wait(server_fd);
	connected = net_connected(&own, (struct sockaddr *)&peer, sizeof(struct sockaddr_in));
	BIO_set_fd(SSL_get_rbio(ssl), connected, BIO_NOCLOSE);
	(void)BIO_ctrl(SSL_get_rbio(ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
	again = server(ctx);
	CHECK_INT(listen_to(again, NULL), 0);
	serve(ssl);
	client_join(&c);
	SSL_free(ssl);
	SSL_free(again);
	close(connected);
	check_case(NULL);
}

int
main(void)
{
	SSL_CTX *ctx;
	struct app app;

	check_begin("repeated");
	counters_init();
	server_fd = net_nonblocking(net_bound(AF_INET, &own));
	ctx = tls_server_ctx();
	test(ctx);
	test_other_bios(ctx);
	test_handshake(ctx);
	SSL_CTX_free(ctx);
	test_two_contexts();
	check_case("the application's cookies");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	test(ctx);
	SSL_CTX_free(ctx);
	net_close(server_fd, &own);
	return check_end();
}
