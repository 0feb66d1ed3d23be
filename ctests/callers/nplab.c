/*
 * The nplab DTLS examples, and all that were copied from them: a union of
 * sockaddrs, a blocking socket with a receive timeout, `while (listen <= 0)`,
 * then a thread that binds and connects a new socket and puts it under the
 * same BIO. The callbacks assert on the peer's family.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

#define CLIENTS 3

union any {
	struct sockaddr_storage ss;
	struct sockaddr_in6 s6;
	struct sockaddr_in s4;
};

struct pass_info {
	union any client_addr;
	SSL *ssl;
	pthread_t thread;
};

static struct address own;

static int
known_family(SSL *ssl)
{
	union any peer;

	memset(&peer, 0, sizeof(peer));
	(void)BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer);
	NEED(peer.ss.ss_family == own.any.ss_family); /* OPENSSL_assert(0) */
	return 1;
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	return known_family(ssl) && app_generate(ssl, cookie, len);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return known_family(ssl) && app_verify(ssl, cookie, len);
}

static void *
connection_handle(void *arg)
{
	struct pass_info *p = arg;
	struct timeval timeout = { 5, 0 };
	int fd = net_connected(&own, (struct sockaddr *)&p->client_addr,
	    p->client_addr.ss.ss_family == AF_INET ? sizeof(p->client_addr.s4) :
						     sizeof(p->client_addr.s6));

	BIO_set_fd(SSL_get_rbio(p->ssl), fd, BIO_CLOSE);
	BIO_ctrl(SSL_get_rbio(p->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &p->client_addr.ss);
	BIO_ctrl(SSL_get_rbio(p->ssl), BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &timeout);
	serve(p->ssl);
	SSL_shutdown(p->ssl);
	SSL_free(p->ssl);
	return NULL;
}

static void
test(int family)
{
	struct timeval timeout = { 5, 0 };
	struct pass_info pass[CLIENTS];
	struct client client[CLIENTS];
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	int fd = net_bound(family, &own), i, ret, accepted = 0;

	app_init(&app);
	app_install(&app, ctx);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);
	clients_start(client, CLIENTS, &own);

	/* They all come at once, and each gets a thread. */
	for (i = 0; i < CLIENTS; accepted++) {
		BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

		BIO_ctrl(b, BIO_CTRL_DGRAM_SET_RECV_TIMEOUT, 0, &timeout);
		pass[i].ssl = tls_server(ctx);
		SSL_set_bio(pass[i].ssl, b, b);
		SSL_set_options(pass[i].ssl, SSL_OP_COOKIE_EXCHANGE);
		memset(&pass[i].client_addr, 0, sizeof(pass[i].client_addr));
		while ((ret = DTLSv1_listen(pass[i].ssl, (BIO_ADDR *)&pass[i].client_addr)) <= 0)
			CHECK_INT(ret, 0);
		CHECK_INT(pass[i].client_addr.ss.ss_family, family);
		if (!client_is_new(client, CLIENTS, &pass[i].client_addr)) {
			SSL_free(pass[i].ssl);
			continue;
		}
		NEED(pthread_create(&pass[i].thread, NULL, connection_handle, &pass[i]) == 0);
		i++;
	}
	for (i = 0; i < CLIENTS; i++) {
		client_join(&client[i]);
		pthread_join(pass[i].thread, NULL);
	}
	CHECK_INT(app.verified, accepted + CLIENTS);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
}

int
main(void)
{
	check_begin("nplab");
	test(AF_INET);
	if (net_has_ipv6("IPv6"))
		test(AF_INET6);
	return check_end();
}
