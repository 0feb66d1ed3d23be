/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "callbacks.h"

#define COOKIE_LEN 20

static int
trivial_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	memset(cookie, 0xC0, COOKIE_LEN);
	*len = COOKIE_LEN;
	return 1;
}

static int
trivial_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	return len == COOKIE_LEN && cookie[0] == 0xC0;
}

static int
usual_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	static const unsigned char secret[16] = "a server secret";
	BIO_ADDR *peer = BIO_ADDR_new();
	unsigned char *text = NULL;
	unsigned short port;
	size_t address_len = 0;
	int ok = 0;

	if (peer == NULL)
		return 0;
	if (BIO_dgram_get_peer(SSL_get_rbio(ssl), peer) > 0 &&
	    BIO_ADDR_rawaddress(peer, NULL, &address_len)) {
		port = BIO_ADDR_rawport(peer);
		text = OPENSSL_malloc(sizeof(port) + address_len);
		if (text != NULL) {
			memcpy(text, &port, sizeof(port));
			BIO_ADDR_rawaddress(peer, text + sizeof(port), NULL);
			ok = HMAC(EVP_sha1(), secret, sizeof(secret), text,
			    sizeof(port) + address_len, cookie, len) != NULL;
		}
	}
	OPENSSL_free(text);
	BIO_ADDR_free(peer);
	return ok;
}

static int
usual_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	unsigned char right[EVP_MAX_MD_SIZE];
	unsigned int right_len;

	return usual_generate(ssl, right, &right_len) && len == right_len &&
	    CRYPTO_memcmp(cookie, right, len) == 0;
}

int
callbacks_set(SSL_CTX *ctx, const char *name)
{
	if (strcmp(name, "trivial") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, trivial_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, trivial_verify);
	} else if (strcmp(name, "usual") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, usual_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, usual_verify);
	} else if (strcmp(name, "none") != 0) {
		return 0;
	}
	return 1;
}
