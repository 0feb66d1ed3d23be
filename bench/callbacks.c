/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

/* The bytes of an address and a port. */
static size_t
name_of(const struct sockaddr_storage *peer, unsigned char *text)
{
	const struct sockaddr_in6 *six = (const void *)peer;
	const struct sockaddr_in *four = (const void *)peer;

	if (peer->ss_family == AF_INET6) {
		memcpy(text, &six->sin6_port, sizeof(six->sin6_port));
		memcpy(text + 2, &six->sin6_addr, sizeof(six->sin6_addr));
		return 2 + sizeof(six->sin6_addr);
	}
	memcpy(text, &four->sin_port, sizeof(four->sin_port));
	memcpy(text + 2, &four->sin_addr, sizeof(four->sin_addr));
	return 2 + sizeof(four->sin_addr);
}

static int
usual_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	static const unsigned char secret[16] = "a server secret";
	struct sockaddr_storage peer;
	unsigned char text[64];

	memset(&peer, 0, sizeof(peer));
	return BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer) > 0 &&
	    HMAC(EVP_sha1(), secret, sizeof(secret), text, name_of(&peer, text),
	    cookie, len) != NULL;
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
