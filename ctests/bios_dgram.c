/*
 * Datagram sockets: IPv4, IPv6 and AF_UNIX; blocking, non-blocking and with a
 * receive timeout; one BIO or two. Each a whole handshake with a client of
 * libssl's own, and data both ways, on the listening socket connected to the
 * client (clause 6).
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"
#include "lib/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum style { BLOCKING, NONBLOCKING, TIMEOUT };

static const char *const names[] = { "blocking", "non-blocking", "timeout" };

static void
wait_for_client(SSL *ssl, int fd, enum style style, void *peer)
{
	int ret;

	for (;;) {
		if (style == NONBLOCKING)
			net_wait(fd);
		ret = listen_to(ssl, peer);
		CHECK(ret == 0 || ret == 1);
		if (ret != 0)
			return;
		CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_SYSCALL);
		CHECK_QUEUED(0);
	}
}

static void
one(int family, enum style style, int two_bios, int connect_it)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct sockaddr_storage peer;
	struct address own;
	struct client client;
	struct app app;
	int fd = net_bound(family, &own);
	BIO *rbio = BIO_new_dgram(fd, BIO_NOCLOSE);
	BIO *wbio = two_bios ? BIO_new_dgram(fd, BIO_NOCLOSE) : rbio;
	SSL *ssl = tls_server(ctx);

	SSL_set_bio(ssl, rbio, wbio);
	if (family == AF_UNIX) { /* has no MTU to ask for */
		SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
		(void)DTLS_set_link_mtu(ssl, 1400);
	}
	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	app_expect(&app, ssl);
	if (style == NONBLOCKING)
		net_nonblocking(fd);
	if (style == TIMEOUT)
		net_receive_timeout(fd, 20);
	if (style != BLOCKING) {
		/* Nobody there yet. */
		memset(&peer, 0xa5, sizeof(peer));
		CHECK_INT(listen_to(ssl, &peer), 0);
		CHECK_QUEUED(0);
		CHECK_INT(peer.ss_family, 0xa5a5);
	}

	client_start(&client, &own);
	memset(&peer, 0, sizeof(peer));
	wait_for_client(ssl, fd, style, &peer);
	CHECK_BYTES(&peer, &client.own.any, client.own.len);
	CHECK_INT(app.verified, 1);
	CHECK(SSL_get_rbio(ssl) == rbio && SSL_get_wbio(ssl) == wbio);

	if (connect_it) {
		net_connect(fd, &client.own);
		BIO_ctrl_set_connected(rbio, &peer);
		BIO_ctrl_set_connected(wbio, &peer);
	}
	if (style == TIMEOUT)
		net_receive_timeout(fd, 0);
	serve(ssl);
	client_join(&client);
	CHECK_INT(app.verified, 2); /* listen, and SSL_accept */
	CHECK_INT(app.wrong_ssl + app.wrong_rbio, 0);
	CHECK_INT(app.peer_family, family);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

static void
test_family(int family, const char *name)
{
	char what[64];
	int style, two;

	for (style = BLOCKING; style <= TIMEOUT; style++)
		for (two = 0; two < 2; two++) {
			snprintf(what, sizeof(what), "%s, %s, %s", name, names[style],
			    two ? "two BIOs" : "one BIO");
			check_case(what);
			one(family, style, two, 1);
		}
	snprintf(what, sizeof(what), "%s, not connected", name);
	check_case(what);
	one(family, BLOCKING, 0, 0);
	check_case(NULL);
}

/* libssl's plain socket BIO, over a connected socket: it knows no peer. */
static void
test_socket_bio(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct sockaddr_storage peer;
	struct address own;
	struct client client;
	int fd = net_bound(AF_INET, &own);
	BIO *b = BIO_new_socket(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server_on(ctx, b, b);

	client_start(&client, &own);
	net_connect(fd, &client.own);
	memset(&peer, 0xa5, sizeof(peer));
	CHECK_INT(listen_to(ssl, &peer), 1);
	CHECK_QUEUED(0);
	CHECK_INT(peer.ss_family, AF_UNSPEC);
	serve(ssl);
	client_join(&client);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

/* A datagram of no bytes is a stranger's doing, no failure of the socket. */
static void
test_empty_datagram(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct address own, other;
	int fd = net_nonblocking(net_bound(AF_INET, &own));
	int stranger = net_bound(AF_INET, &other);
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server(ctx);

	SSL_set_bio(ssl, b, b);
	net_send(stranger, "", 0, &own);
	net_wait(fd);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(SSL_get_error(ssl, 0), ERROR_OF_A_DROP);
	CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(stranger, &other);
	net_close(fd, &own);
}

/* A hello that says it is from port 0, to which nobody can write: the answer is
 * lost, and the next client is served. libssl's own function fails. */
static void
test_port_0(void)
{
	int (*own)(SSL *, void *);
	void *at = libssl_own("DTLSv1_listen");
	struct wire wire;
	struct address self, other;
	struct hello h;
	unsigned char hvr[256];
	int fd = net_bound(AF_INET, &self), client = net_bound(AF_INET, &other);
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	BIO *rbio;
	SSL *ssl;

	NEED(at != NULL);
	memcpy(&own, &at, sizeof own);
	app_init(&app);
	app_install(&app, ctx);
	wire_init(&wire);
	rbio = wire_bio(&wire, NULL, 0);
	ssl = tls_server_on(ctx, rbio, BIO_new_dgram(fd, BIO_NOCLOSE));
	app_expect(&app, ssl);
	hello_make(&h, NULL, 0);

	wire_peer4(&wire, "127.0.0.1", 0);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(own(ssl, NULL), -1);
	CHECK_INT(errno, EINVAL);

	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.in), 0);
	wire_peer4(&wire, "127.0.0.1", ntohs(((struct sockaddr_in *)&other.any)->sin_port));
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	net_wait(client);
	CHECK(recv(client, hvr, sizeof hvr, MSG_DONTWAIT) > 0);

	check_case("a failure that is the socket's");
	shutdown(fd, SHUT_RDWR);
	close(fd);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_INT(errno, EBADF);
	check_case(NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	net_close(client, &other);
}

int
main(void)
{
	check_begin("bios_dgram");
	test_family(AF_INET, "IPv4");
	if (net_has_ipv6("IPv6"))
		test_family(AF_INET6, "IPv6");
	test_family(AF_UNIX, "AF_UNIX");
	test_socket_bio();
	test_empty_datagram();
	test_port_0();
	return check_end();
}
