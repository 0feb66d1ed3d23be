/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "peer.h"

static WOLFSSL *ssl;
static struct {
	const unsigned char *hello;
	size_t len;
} waiting;

static int
send_answer(WOLFSSL *from, char *answer, int len, void *context)
{
	(void)from;
	(void)context;
	peer_sent(answer, (size_t)len);
	return len;
}

static int
receive(WOLFSSL *to, char *bytes, int room, void *context)
{
	size_t len = waiting.len;

	(void)to;
	(void)context;
	if (len == 0 || (int)len > room)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(bytes, waiting.hello, len);
	waiting.len = 0;
	return (int)len;
}

void
peer_begin(const char *pem)
{
	WOLFSSL_CTX *ctx;

	wolfSSL_Init();
	ctx = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
	if (ctx == NULL ||
	    wolfSSL_CTX_use_certificate_file(ctx, pem, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS ||
	    wolfSSL_CTX_use_PrivateKey_file(ctx, pem, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
		peer_die("certificate and key", 0);
	wolfSSL_CTX_SetIORecv(ctx, receive);
	wolfSSL_CTX_SetIOSend(ctx, send_answer);
	ssl = wolfSSL_new(ctx);
	if (ssl == NULL)
		peer_die("wolfSSL_new", 0);
	wolfSSL_dtls_set_using_nonblock(ssl, 1);
}

void
peer_answer(const unsigned char *hello, size_t len, const struct sockaddr_in *from)
{
	struct sockaddr_in peer = *from;
	int ret;

	waiting.hello = hello;
	waiting.len = len;
	ret = wolfSSL_dtls_set_peer(ssl, &peer, sizeof(peer));
	if (ret != WOLFSSL_SUCCESS)
		peer_die("wolfSSL_dtls_set_peer", ret);
	ret = wolfSSL_accept(ssl);
	if (ret == WOLFSSL_SUCCESS || wolfSSL_get_error(ssl, ret) != WOLFSSL_ERROR_WANT_READ)
		peer_die("wolfSSL_accept", wolfSSL_get_error(ssl, ret));
}
