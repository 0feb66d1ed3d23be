/* SPDX-License-Identifier: MIT OR Apache-2.0 */
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

SSL_CTX *
context_new(const char *callbacks)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	const char *pem = getenv("BENCH_PEM");
	int known = 1;

	if (ctx == NULL || (pem != NULL &&
	    (SSL_CTX_use_certificate_file(ctx, pem, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, pem, SSL_FILETYPE_PEM) != 1))) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_CTX_set_read_ahead(ctx, 1);	/* LibreSSL would lose all of a datagram but its header */
	if (strcmp(callbacks, "trivial") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, trivial_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, trivial_verify);
	} else if (strcmp(callbacks, "usual") == 0) {
		SSL_CTX_set_cookie_generate_cb(ctx, usual_generate);
		SSL_CTX_set_cookie_verify_cb(ctx, usual_verify);
	} else {
		known = strcmp(callbacks, "none") == 0;
	}
	if (!known) {
		fprintf(stderr, "there are no callbacks '%s'\n", callbacks);
		exit(2);
	}
	return ctx;
}
