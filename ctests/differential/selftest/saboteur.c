/*
 * Preloaded before our library, it passes DTLSv1_listen on and spoils one thing, named by SABOTAGE, so that the
 * harness can be seen to notice. Built as libdtlsv1_listen-saboteur.so.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

typedef int verify_fn(SSL *ssl, const unsigned char *cookie, unsigned int len);

enum sabotage {
	NOTHING,
	REASON,
	VALUE,
	STALE_ERROR,
	LOST_ERROR,
	HELLO_VERIFY_BYTE,
	WRITE_TWICE,
	NO_FLUSH,
	NO_SET_PEER,
	SWALLOW,
	EXTRA_VERIFY,
	PEER_OVERRUN,
	PEER_ON_FAILURE,
	PEER_SHORT,
	OPTION,
	FLIGHT,
	LEAK,
	FREE,
	WRONG_BIO,
	ERRNO,
	RETRY_FLAGS,
	SABOTAGES
};

static const char *const names[SABOTAGES] = {
	"nothing",
	"reason",
	"value",
	"stale-error",
	"lost-error",
	"hello-verify-byte",
	"write-twice",
	"no-flush",
	"no-set-peer",
	"swallow",
	"extra-verify",
	"peer-overrun",
	"peer-on-failure",
	"peer-short",
	"option",
	"flight",
	"leak",
	"free",
	"wrong-bio",
	"errno",
	"retry-flags",
};

static enum sabotage chosen;
static int inside; /* our DTLSv1_listen is running */
static verify_fn *app_verify;

static void *
next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL) {
		fprintf(stderr, "saboteur: no %s behind me\n", name);
		abort();
	}
	return found;
}
#define NEXT(function, name) \
	do { \
		void *found_ = next(name); \
		memcpy(&(function), &found_, sizeof(function)); \
	} while (0)

__attribute__((constructor)) static void
choose(void)
{
	const char *name = getenv("SABOTAGE");

	for (int i = 0; name != NULL && i < SABOTAGES; i++) {
		if (strcmp(names[i], name) == 0) {
			chosen = (enum sabotage)i;
			return;
		}
	}
	fprintf(stderr, "saboteur: SABOTAGE is one of:");
	for (int i = 0; i < SABOTAGES; i++)
		fprintf(stderr, " %s", names[i]);
	fprintf(stderr, "\n");
	exit(2);
}

static void
spoil_queue(void)
{
	unsigned long error = ERR_peek_error();

	if (chosen == STALE_ERROR)
		ERR_put_error(ERR_LIB_USER, 0, 99, __FILE__, __LINE__);
	if (error == 0)
		return;
	if (chosen == REASON) {
		ERR_clear_error();
		ERR_put_error(ERR_GET_LIB(error), 0, ERR_GET_REASON(error) == 244 ? 159 : 244,
		    __FILE__, __LINE__);
	}
	if (chosen == LOST_ERROR)
		ERR_clear_error();
}

static void
spoil_peer(int accepted, unsigned char *peer)
{
	static const size_t inet_len = 16, inet6_len = 28;

	if (peer == NULL)
		return;
	if (chosen == PEER_ON_FAILURE && !accepted)
		peer[5] ^= 1;
	if (chosen == PEER_OVERRUN && accepted)
		peer[peer[0] == 10 ? inet6_len : inet_len] ^= 1;
	if (chosen == PEER_SHORT && accepted)
		peer[(peer[0] == 10 ? inet6_len : inet_len) - 1] ^= 1;
}

static void
spoil_ssl(SSL *ssl, int accepted)
{
	BIO *bio = SSL_get_rbio(ssl);

	if (chosen == OPTION && accepted)
		SSL_clear_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	if (chosen == FLIGHT && accepted)
		SSL_set_options(ssl, SSL_OP_NO_TICKET);
	if (chosen == LEAK && accepted && bio != NULL)
		BIO_up_ref(bio);
	if (chosen == FREE && accepted && bio != NULL)
		BIO_free(bio);
	if (chosen == WRONG_BIO && accepted)
		SSL_set0_rbio(ssl, BIO_new(BIO_s_null()));
	if (chosen == RETRY_FLAGS && bio != NULL)
		BIO_clear_retry_flags(bio);
}

int
DTLSv1_listen(SSL *ssl, BIO_ADDR *peer)
{
	int (*listen)(SSL *, BIO_ADDR *);
	int returned;

	NEXT(listen, "DTLSv1_listen");
	inside = 1;
	returned = listen(ssl, peer);
	inside = 0;
	spoil_queue();
	spoil_peer(returned > 0, (unsigned char *)peer);
	spoil_ssl(ssl, returned > 0);
	if (chosen == ERRNO)
		errno = EINTR;
	return chosen == VALUE && returned == 0 ? -1 : returned;
}

int
BIO_write(BIO *bio, const void *bytes, int len)
{
	static unsigned char copy[17000];
	int (*write)(BIO *, const void *, int);

	NEXT(write, "BIO_write");
	if (inside && chosen == WRITE_TWICE)
		write(bio, bytes, len);
	if (!inside || chosen != HELLO_VERIFY_BYTE || len <= 0 || (size_t)len > sizeof(copy))
		return write(bio, bytes, len);
	memcpy(copy, bytes, (size_t)len);
	copy[len - 1] ^= 1;
	return write(bio, copy, len);
}

int
BIO_read(BIO *bio, void *bytes, int room)
{
	int (*read)(BIO *, void *, int);

	NEXT(read, "BIO_read");
	if (inside && chosen == SWALLOW)
		read(bio, bytes, room);
	return read(bio, bytes, room);
}

long
BIO_ctrl(BIO *bio, int command, long number, void *pointer)
{
	long (*ctrl)(BIO *, int, long, void *);

	NEXT(ctrl, "BIO_ctrl");
	if (inside &&
	    ((chosen == NO_FLUSH && command == BIO_CTRL_FLUSH) ||
		(chosen == NO_SET_PEER && command == BIO_CTRL_DGRAM_SET_PEER)))
		return 1;
	return ctrl(bio, command, number, pointer);
}

static int
verify_twice(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	if (inside)
		app_verify(ssl, cookie, len);
	return app_verify(ssl, cookie, len);
}

void
SSL_CTX_set_cookie_verify_cb(SSL_CTX *ctx, verify_fn *verify)
{
	void (*set)(SSL_CTX *, verify_fn *);

	NEXT(set, "SSL_CTX_set_cookie_verify_cb");
	if (verify != NULL)
		app_verify = verify;
	set(ctx, verify != NULL && chosen == EXTRA_VERIFY ? verify_twice : verify);
}
