/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "wire_bio.h"

_Thread_local struct wire wire = { .peers = 1 };

static int
wire_read(BIO *bio, char *to, int room)
{
	BIO_clear_retry_flags(bio);
	if (wire.left == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	wire.left--;
	/* The same work for one peer as for a million. */
	if (++wire.peer >= wire.peers)
		wire.peer = 0;
	if (!wire.garbage)
		hello_number(wire.hello, wire.peer);
	if ((size_t)room < wire.size)
		return -1;
	memcpy(to, wire.hello, wire.size);
	return (int)wire.size;
}

static int
wire_write(BIO *bio, const char *from, int len)
{
	BIO_clear_retry_flags(bio);
	wire.answers++;
	if ((size_t)len <= sizeof(wire.answer)) {
		memcpy(wire.answer, from, (size_t)len);
		wire.answer_len = (size_t)len;
	}
	return len;
}

static long
wire_ctrl(BIO *bio, int command, long larg, void *parg)
{
	struct sockaddr_in *peer = parg;

	(void)bio;
	(void)larg;
	switch (command) {
	case BIO_CTRL_DGRAM_GET_PEER:
		memset(peer, 0, sizeof(*peer));
		peer->sin_family = AF_INET;
		peer->sin_port = htons(4433);
		peer->sin_addr.s_addr = htonl(0x7F000001u + (unsigned int)wire.peer);
		return sizeof(*peer);
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_PEER: return 1;
	default: return 0;
	}
}

static int
wire_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

SSL *
wire_ssl(SSL_CTX *ctx)
{
	static BIO_METHOD *method;
	SSL *ssl = SSL_new(ctx);
	BIO *bio;

	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
		if (method == NULL || !BIO_meth_set_read(method, wire_read) ||
		    !BIO_meth_set_write(method, wire_write) ||
		    !BIO_meth_set_ctrl(method, wire_ctrl) ||
		    !BIO_meth_set_create(method, wire_create))
			abort();
	}
	bio = BIO_new(method);
	if (ssl == NULL || bio == NULL)
		abort();
	SSL_set_bio(ssl, bio, bio);
	return ssl;
}
