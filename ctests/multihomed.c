/*
 * A socket that is bound to all of the host's addresses: the answer leaves from
 * the one that the client wrote to, and so does the handshake; and the socket's
 * options are what they were.
 */
#define _GNU_SOURCE /* unshare, in6_pktinfo */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/homes.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static SSL_CTX *ctx;
static struct app app;

static SSL *
server(int family, const char *own, int client_family, const char *to)
{
	app_init(&app);
	app_install(&app, ctx);
	return homes_server(ctx, family, own, client_family, to);
}

static void
both_ways(SSL *ssl)
{
	char heard[8];

	CHECK_INT(SSL_write(homes_client.ssl, "there", 5), 5);
	homes_to_server();
	CHECK_INT(SSL_read(ssl, heard, sizeof(heard)), 5);
	CHECK_INT(SSL_write(ssl, "back", 4), 4);
	CHECK_INT(homes_to_client(), 1);
	CHECK_INT(SSL_read(homes_client.ssl, heard, sizeof(heard)), 4);
}

/* A whole contact; `lost` answers do not come. */
static void
contact(SSL *ssl, int level, int name, int wanted, int lost)
{
	int i;
	BIO *b = SSL_get_wbio(ssl);

	stepper_init(&homes_client);
	if (wanted)
		NEED(setsockopt(homes_server_fd, level, name, &wanted, sizeof(wanted)) == 0);
	if (lost)
		tls_impatient(homes_client.ssl);
	CHECK_INT(stepper_step(&homes_client), 0);
	for (i = 0; i <= lost; i++) {
		homes_to_server();
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
		CHECK_INT(homes_to_client(), 1);
		if (i == lost)
			break;
		queue_clear(&homes_client.wire.in);
		tls_patient(homes_client.ssl);
		tls_time_out(homes_client.ssl);
	}
	CHECK_INT(stepper_step(&homes_client), 0);
	homes_to_server();
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	CHECK_INT(homes_option(level, name), wanted);
	/* SSL_clear() forgets it once a version was agreed. */
	(void)DTLS_set_link_mtu(ssl, 1400);
	CHECK(SSL_get_wbio(ssl) == b);
	homes_shake_hands(ssl);
	both_ways(ssl);
	CHECK_APP(&app, 1 + lost, 2);
	ERR_clear_error();
	stepper_free(&homes_client);
}

static const struct kind {
	const char *what;
	int family;
	const char *own;
	int client_family;
	const char *to;
} kinds[] = {
	{ "IPv4", AF_INET, "0.0.0.0", AF_INET, "127.0.0.2" },
	{ "IPv4, the kernel's choice", AF_INET, "0.0.0.0", AF_INET, "127.0.0.1" },
	{ "IPv4 to an IPv6 socket", AF_INET6, "::", AF_INET, "127.0.0.3" },
	{ "one address", AF_INET, "127.0.0.2", AF_INET, "127.0.0.2" },
	{ "IPv6", AF_INET6, "::", AF_INET6, "fd00::2" },
	{ "IPv6, the kernel's choice", AF_INET6, "::", AF_INET6, "::1" },
};

#define KINDS      (sizeof(kinds) / sizeof(*kinds))
#define NEEDS_IPV6 4 /* from here on */

static void
test_kind(const struct kind *k)
{
	int level = k->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int name = k->family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO;
	int wanted, lost;
	SSL *ssl;

	check_case(k->what);
	for (wanted = 0; wanted < 2; wanted++) {
		for (lost = 0; lost < 2; lost++) {
			ssl = server(k->family, k->own, k->client_family, k->to);
			contact(ssl, level, name, wanted, lost);
			homes_done(ssl);
		}
	}
	check_case(NULL);
}

/* A client again, on the same SSL. */
static void
test_again(void)
{
	SSL *ssl = server(AF_INET, "0.0.0.0", AF_INET, "127.0.0.2");
	int i;

	for (i = 0; i < 3; i++) {
		app_init(&app);
		app_install(&app, ctx);
		contact(ssl, IPPROTO_IP, IP_PKTINFO, 0, i == 1);
	}
	homes_done(ssl);
}

/* Who has put a callback on the BIO sees what goes out. */
static int writes;

static long
watcher(BIO *b, int when, const char *p, size_t len, int i, long l, int ret, size_t *n)
{
	(void)b;
	(void)p;
	(void)len;
	(void)i;
	(void)l;
	(void)n;
	writes += when == BIO_CB_WRITE;
	return ret;
}

static void
test_watched(void)
{
	SSL *ssl = server(AF_INET, "0.0.0.0", AF_INET, "127.0.0.2");
	struct hello h;

	BIO_set_callback_ex(SSL_get_wbio(ssl), watcher);
	hello_make(&h, NULL, 0);
	NEED(send(homes_client_fd, h.byte, h.len, 0) == (ssize_t)h.len);
	net_settle();
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(writes, 1);
	CHECK_INT(homes_option(IPPROTO_IP, IP_PKTINFO), 0);
	homes_done(ssl);
}

/* What an ICMP message said of an earlier answer is told once, and counted once. */
static void
test_pending_error(void)
{
	SSL *ssl = server(AF_INET, "0.0.0.0", AF_INET, "127.0.0.2");
	union any gone = homes_address(AF_INET, "127.0.0.1", htons(1));
	struct hello h;
	int on = 1;

	NEED(setsockopt(homes_server_fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0);
	NEED(sendto(homes_server_fd, "x", 1, 0, &gone.sa, sizeof(gone.in)) == 1);
	net_settle();
	hello_make(&h, NULL, 0);
	NEED(send(homes_client_fd, h.byte, h.len, 0) == (ssize_t)h.len);
	net_settle();
	(void)counters_changes();
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(homes_to_client(), 1);
	CHECK(strstr(counters_changes(), "socket_errors 1") != NULL);
	queue_clear(&homes_client.wire.in);
	homes_done(ssl);
}

/* Nothing at all, and a datagram of no bytes. */
static void
test_nothing(void)
{
	SSL *ssl = server(AF_INET, "0.0.0.0", AF_INET, "127.0.0.2");

	CHECK_INT(listen_to(ssl, NULL), 0);
	NEED(send(homes_client_fd, "", 0, 0) == 0);
	net_settle();
	CHECK_INT(listen_to(ssl, NULL), 0);
	ERR_clear_error();
	CHECK_INT(homes_option(IPPROTO_IP, IP_PKTINFO), 0);
	homes_done(ssl);
}

int
main(void)
{
	size_t i, n = KINDS;

	check_begin("multihomed");
	if (!net_has_ipv6("an IPv6 socket") || !homes_own_network()) {
		check_left_out("IPv6 with two addresses", "not root, or no IPv6");
		n = NEEDS_IPV6;
	}
	counters_init();
	ctx = tls_server_ctx();
	for (i = 0; i < n; i++)
		test_kind(&kinds[i]);
	test_again();
	test_watched();
	test_pending_error();
	test_nothing();
	SSL_CTX_free(ctx);
	return check_end();
}
