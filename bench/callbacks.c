/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Update() */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

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
	    HMAC(EVP_sha1(), secret, sizeof(secret), text, name_of(&peer, text), cookie, len) !=
	    NULL;
}

/* Verifies by generating, which is what there is to it. */
static int
verify_by(int (*generate)(SSL *, unsigned char *, unsigned int *), SSL *ssl,
    const unsigned char *cookie, unsigned int len)
{
	unsigned char right[EVP_MAX_MD_SIZE];
	unsigned int right_len;

	return generate(ssl, right, &right_len) && len == right_len &&
	    CRYPTO_memcmp(cookie, right, len) == 0;
}

static int
usual_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return verify_by(usual_generate, ssl, cookie, len);
}

/* HMAC-SHA256 from the two states that a key comes to, made once. */
static SHA256_CTX inner_pad, outer_pad;

static void
competent_begin(void)
{
	static const unsigned char secret[] = "a server secret";
	unsigned char inner[SHA256_CBLOCK], outer[SHA256_CBLOCK];
	size_t i;

	for (i = 0; i < SHA256_CBLOCK; i++) {
		unsigned char key = i < sizeof(secret) ? secret[i] : 0;

		inner[i] = key ^ 0x36;
		outer[i] = key ^ 0x5C;
	}
	SHA256_Init(&inner_pad);
	SHA256_Update(&inner_pad, inner, sizeof(inner));
	SHA256_Init(&outer_pad);
	SHA256_Update(&outer_pad, outer, sizeof(outer));
}

static int
competent_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	unsigned char text[64], hash[SHA256_DIGEST_LENGTH];
	SHA256_CTX inner = inner_pad, outer = outer_pad;
	struct sockaddr_storage peer;

	peer.ss_family = AF_UNSPEC;
	if (BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer) <= 0)
		return 0;
	SHA256_Update(&inner, text, name_of(&peer, text));
	SHA256_Final(hash, &inner);
	SHA256_Update(&outer, hash, sizeof(hash));
	SHA256_Final(cookie, &outer);
	*len = SHA256_DIGEST_LENGTH;
	return 1;
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

/* The EVP_MAC way: one context, keyed once, begun anew for each. */
static EVP_MAC_CTX *cached;

static void
evp_mac_begin(void)
{
	static const unsigned char secret[] = "a server secret";
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		{ "digest", OSSL_PARAM_UTF8_STRING, digest, sizeof(digest) - 1, 0 },
		{ NULL, 0, NULL, 0, 0 },
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	cached = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	if (cached == NULL || EVP_MAC_init(cached, secret, sizeof(secret), params) != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	EVP_MAC_free(mac);
}

static int
evp_mac_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	struct sockaddr_storage peer;
	unsigned char text[64];
	size_t n;

	peer.ss_family = AF_UNSPEC;
	if (BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer) <= 0 ||
	    EVP_MAC_init(cached, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(cached, text, name_of(&peer, text)) != 1 ||
	    EVP_MAC_final(cached, cookie, &n, SHA256_DIGEST_LENGTH) != 1)
		return 0;
	*len = (unsigned int)n;
	return 1;
}

#endif

static int
competent_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return verify_by(competent_generate, ssl, cookie, len);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

static int
evp_mac_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return verify_by(evp_mac_generate, ssl, cookie, len);
}

#endif

SSL_CTX *
context_new(const char *callbacks)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	const char *pem = getenv("BENCH_PEM");
	int known = 1;

	if (ctx == NULL ||
	    (pem != NULL &&
		(SSL_CTX_use_certificate_file(ctx, pem, SSL_FILETYPE_PEM) != 1 ||
		    SSL_CTX_use_PrivateKey_file(ctx, pem, SSL_FILETYPE_PEM) != 1))) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_CTX_set_read_ahead(ctx, 1); /* LibreSSL would lose all of a datagram but its header */
	if (strcmp(callbacks, "trivial") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, trivial_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, trivial_verify);
	} else if (strcmp(callbacks, "usual") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, usual_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, usual_verify);
	} else if (strcmp(callbacks, "competent") == 0) {
		competent_begin();
		SSL_CTX_set_cookie_generate_cb(ctx, competent_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, competent_verify);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	} else if (strcmp(callbacks, "evp_mac") == 0) {
		evp_mac_begin();
		SSL_CTX_set_cookie_generate_cb(ctx, evp_mac_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, evp_mac_verify);
#endif
	} else {
		known = strcmp(callbacks, "none") == 0;
	}
	if (!known) {
		fprintf(stderr, "there are no callbacks '%s'\n", callbacks);
		exit(2);
	}
	return ctx;
}
