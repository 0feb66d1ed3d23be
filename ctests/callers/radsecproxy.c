/*
 * radsecproxy: a non-blocking socket that is peeked at first, so that the
 * client is known before listen; a sockaddr_storage on the stack, cast;
 * BIO_set_fd() before every call on a kept SSL; and another thread that
 * accepts on a new, connected socket. Cookies of 40 bytes with a time; the
 * callbacks fail when the BIO knows no peer.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

#define COOKIE 40

static struct address own;

static int
cookie_of(SSL *ssl, int64_t when, unsigned char *cookie)
{
	struct app *app = app_of(ssl);
	struct sockaddr_storage peer;

	memset(&peer, 0, sizeof(peer));
	if (BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer) <= 0)
		return 0;
	app->peer_family = peer.ss_family;
	memset(cookie, 'r', COOKIE);
	memcpy(cookie, &when, sizeof(when));
	memcpy(cookie + 8, &peer, 16);
	return 1;
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	app_saw(ssl, &app_of(ssl)->generated);
	*len = COOKIE;
	return cookie_of(ssl, (int64_t)time(NULL), cookie);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	unsigned char right[COOKIE];
	int64_t when;

	app_saw(ssl, &app_of(ssl)->verified);
	if (len != COOKIE)
		return 0;
	memcpy(&when, cookie, sizeof(when));
	return cookie_of(ssl, when, right) && memcmp(right, cookie, len) == 0;
}

struct accepted {
	SSL *ssl;
	struct sockaddr_storage from;
	pthread_t thread;
};

static void *
serve_one(void *arg)
{
	struct accepted *a = arg;
	int fd = net_connected(&own, (struct sockaddr *)&a->from, sizeof(struct sockaddr_in));

	BIO_set_fd(SSL_get_rbio(a->ssl), fd, BIO_CLOSE);
	BIO_ctrl(SSL_get_rbio(a->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &a->from);
	serve(a->ssl);
	SSL_shutdown(a->ssl);
	SSL_free(a->ssl);
	return NULL;
}

/* A kept SSL until listen says more than 0. */
static void
listen_once(int fd, SSL *ssl, struct accepted *a)
{
	struct sockaddr_storage from;
	socklen_t len;
	char byte;
	int ret = 0;

	while (ret == 0) {
		net_wait(fd);
		len = sizeof(from);
		memset(&from, 0, sizeof(from));
		NEED(recvfrom(fd, &byte, 1, MSG_PEEK | MSG_TRUNC, (struct sockaddr *)&from, &len) >
		    0);
		BIO_set_fd(SSL_get_rbio(ssl), fd, BIO_NOCLOSE);
		ret = DTLSv1_listen(ssl, (BIO_ADDR *)&from);
	}
	CHECK_INT(ret, 1);
	a->ssl = ssl;
	a->from = from;
	CHECK_INT(from.ss_family, AF_INET);
}

int
main(void)
{
	struct client client[3];
	struct accepted done[3];
	SSL_CTX *ctx;
	struct app app;
	int fd, i;

	check_begin("radsecproxy");
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);
	fd = net_bound(AF_INET, &own);
	net_nonblocking(fd);

	for (i = 0; i < 3; i++) {
		SSL *ssl = tls_server(ctx);
		BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

		SSL_set_bio(ssl, b, b);
		SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
		app.generated = app.verified = 0;
		app_expect(&app, ssl);
		client_start(&client[i], &own);
		listen_once(fd, ssl, &done[i]);
		CHECK_BYTES(&done[i].from, &client[i].own.any, 16);
		CHECK_INT(app.verified, 1);
		NEED(pthread_create(&done[i].thread, NULL, serve_one, &done[i]) == 0);
		pthread_join(done[i].thread, NULL);
		client_join(&client[i]);
		CHECK_INT(app.verified, 2);
		CHECK_INT(app.wrong_ssl + app.wrong_rbio, 0);
	}
	SSL_CTX_free(ctx);
	net_close(fd, &own);
	return check_end();
}
