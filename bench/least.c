/*
 * The least that a DTLSv1_listen can cost which leaves the accepted hello to
 * libssl's own: preloaded, it reads a datagram and has libssl read it from
 * another BIO. It looks at no hello, asks no callback and makes no cookie; what
 * it does is what nobody can do without:
 *
 *	the error queue is looked at on entry, to be emptied, and again before
 *	libssl's function empties it, for what callbacks have left there;
 *	the datagram is read from the program's BIO;
 *	the SSL gets a read BIO that yields it, kept from call to call, and its
 *	own back.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

static struct {
	BIO *real;
	unsigned char datagram[2048];
	int len;
} once;

static int
once_read(BIO *bio, char *to, int room)
{
	int len = once.len < room ? once.len : room;

	BIO_clear_retry_flags(bio);
	if (len <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, once.datagram, (size_t)len);
	once.len = 0;
	return len;
}

static long
once_ctrl(BIO *bio, int command, long larg, void *parg)
{
	(void)bio;
	return BIO_ctrl(once.real, command, larg, parg);
}

static BIO *
once_bio(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "least");
	BIO *bio;

	if (method == NULL)
		abort();
	BIO_meth_set_read(method, once_read);
	BIO_meth_set_ctrl(method, once_ctrl);
	if ((bio = BIO_new(method)) == NULL)
		abort();
	BIO_set_init(bio, 1);
	return bio;
}

int
DTLSv1_listen(SSL *ssl, BIO_ADDR *peer)
{
	static int (*own)(SSL *, BIO_ADDR *);
	static BIO *bio;
	int ret;

	if (own == NULL) {
		void *at = dlsym(RTLD_NEXT, "DTLSv1_listen");

		if (at == NULL)
			abort();
		memcpy(&own, &at, sizeof(own));
		bio = once_bio();
	}
	if (ERR_peek_error() != 0)
		ERR_clear_error();
	once.real = SSL_get_rbio(ssl);
	once.len = BIO_read(once.real, once.datagram, sizeof(once.datagram));
	if (ERR_peek_error() != 0)
		abort();
	/* The SSL's reference to its own BIO goes with the exchange. */
	BIO_up_ref(once.real);
	BIO_up_ref(bio);
	SSL_set0_rbio(ssl, bio);
	ret = own(ssl, peer);
	SSL_set0_rbio(ssl, once.real);
	return ret;
}
