#include "app.h"
#include "check.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/socket.h>

void
app_init(struct app *app)
{
	memset(app, 0, sizeof(*app));
	app->cookielen = 20;
	memset(app->cookie, 'c', sizeof(app->cookie));
	app->generate_result = app->verify_result = 1;
}

void
app_install(struct app *app, SSL_CTX *ctx)
{
	SSL_CTX_set_app_data(ctx, app);
	SSL_CTX_set_cookie_generate_cb(ctx, app_generate);
	SSL_CTX_set_cookie_verify_cb(ctx, app_verify);
}

void
app_expect(struct app *app, const SSL *ssl)
{
	app->ssl = ssl;
	app->rbio = SSL_get_rbio(ssl);
}

struct app *
app_of(SSL *ssl)
{
	struct app *app = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	NEED(app != NULL);
	return app;
}

void
app_saw(SSL *ssl, atomic_int *count)
{
	struct app *app = app_of(ssl);

	(*count)++;
	if (app->ssl == NULL)
		return;
	app->wrong_ssl += ssl != app->ssl;
	app->wrong_rbio += SSL_get_rbio(ssl) != app->rbio;
}

/* The cookie that belongs to this SSL now; 0: none can be made. */
static int
make_cookie(SSL *ssl, unsigned char *cookie)
{
	struct app *app = app_of(ssl);
	unsigned char address[sizeof(struct sockaddr_storage)], digest[32];
	BIO_ADDR *peer;
	size_t len = 0;
	int known;

	/* A length beyond the buffer is a lie that must not be believed. */
	memcpy(cookie, app->cookie, app->cookielen < 255 ? app->cookielen : 255);
	if (!app->needs_peer)
		return 1;
	peer = BIO_ADDR_new();
	NEED(peer != NULL);
	known = (int)BIO_dgram_get_peer(SSL_get_rbio(ssl), peer) > 0;
	app->peer_family = known ? BIO_ADDR_family(peer) : AF_UNSPEC;
	if (known && app->peer_family != AF_UNIX) {
		unsigned short port = BIO_ADDR_rawport(peer);

		NEED(BIO_ADDR_rawaddress(peer, address, &len));
		memcpy(address + len, &port, sizeof(port));
		len += sizeof(port);
	}
	BIO_ADDR_free(peer);
	NEED(EVP_Digest(address, len, digest, NULL, EVP_sha256(), NULL));
	memcpy(cookie, digest, 20);
	return known;
}

int
app_generate(SSL *ssl, unsigned char *cookie, unsigned int *cookielen)
{
	struct app *app = app_of(ssl);

	app_saw(ssl, &app->generated);
	*cookielen = app->cookielen;
	return make_cookie(ssl, cookie) && app->generate_result;
}

int
app_verify(SSL *ssl, const unsigned char *cookie, unsigned int cookielen)
{
	struct app *app = app_of(ssl);
	unsigned char right[256];

	app_saw(ssl, &app->verified);
	return make_cookie(ssl, right) && app->verify_result && cookielen == app->cookielen &&
	    memcmp(cookie, right, cookielen) == 0;
}
