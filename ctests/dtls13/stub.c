/*
 * Stands for a libssl that speaks DTLS 1.3, in front of the one that there is: it takes 1.3 as a bound of versions, and its
 * DTLSv1_listen() does on entry what OpenSSL 4.1's does. All else is the real one's, which is loaded beside it and has all
 * of its functions called through here (dtls13.test makes the table).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef ERR_raise
#define RAISE(reason) ERR_raise(ERR_LIB_SSL, reason)
#else
#define RAISE(reason) ERR_put_error(ERR_LIB_SSL, 0, reason, __FILE__, __LINE__)
#endif
#define DTLS1_3 0xfefc
#define MANY    4096

/* dtls13.test: the real functions' names, places for their addresses, and a jump through each place. */
extern __attribute__((visibility("hidden"))) const char *const stub_names[];
extern __attribute__((visibility("hidden"))) void *stub_places[];

static int (*real_listen)(SSL *, BIO_ADDR *);
static long (*real_ctrl)(SSL *, int, long, void *);
static long (*real_ctx_ctrl)(SSL_CTX *, int, long, void *);
static SSL *(*real_new)(SSL_CTX *);
static SSL *(*real_dup)(SSL *);
static SSL_CTX *(*real_ctx_new)(const SSL_METHOD *);

/* What an SSL_CTX or SSL has as a bound that the real one does not know. */
static struct bound {
	const void *of;
	int min, max;
} bounds[MANY];
static size_t count;

static void
find(void *real, const char *name, void *place)
{
	void **at = place;

	if ((*at = dlsym(real, name)) == NULL) {
		fprintf(stderr, "stub: there is no %s\n", name);
		abort();
	}
}

__attribute__((constructor)) static void
begin(void)
{
	void *real = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	if (real == NULL) {
		fprintf(stderr, "stub: %s\n", dlerror());
		abort();
	}
	for (i = 0; stub_names[i] != NULL; i++)
		find(real, stub_names[i], &stub_places[i]);
	find(real, "DTLSv1_listen", &real_listen);
	find(real, "SSL_ctrl", &real_ctrl);
	find(real, "SSL_CTX_ctrl", &real_ctx_ctrl);
	find(real, "SSL_new", &real_new);
	find(real, "SSL_dup", &real_dup);
	find(real, "SSL_CTX_new", &real_ctx_new);
}

/* That of the object at this address: a new one there begins anew. */
static struct bound *
bound_of(const void *of)
{
	size_t i;

	for (i = count; i > 0; i--)
		if (bounds[i - 1].of == of)
			return &bounds[i - 1];
	if (count == MANY)
		abort();
	bounds[count].of = of;
	return &bounds[count++];
}

/* 1 for a command that is answered here. */
static int
bounds_ctrl(struct bound *bound, int command, long *larg, long *ret)
{
	int is_1_3 = *larg == DTLS1_3;

	*ret = DTLS1_3;
	switch (command) {
	case SSL_CTRL_SET_MIN_PROTO_VERSION:
		bound->min = is_1_3;
		*larg = is_1_3 ? DTLS1_2_VERSION : *larg;
		return 0;
	case SSL_CTRL_SET_MAX_PROTO_VERSION:
		bound->max = is_1_3;
		*larg = is_1_3 ? 0 : *larg;
		return 0;
	case SSL_CTRL_GET_MIN_PROTO_VERSION: return bound->min;
	case SSL_CTRL_GET_MAX_PROTO_VERSION: return bound->max;
	default: return 0;
	}
}

long
SSL_ctrl(SSL *ssl, int command, long larg, void *parg)
{
	long ret;

	return bounds_ctrl(bound_of(ssl), command, &larg, &ret) ?
	    ret :
	    real_ctrl(ssl, command, larg, parg);
}

long
SSL_CTX_ctrl(SSL_CTX *ctx, int command, long larg, void *parg)
{
	long ret;

	return bounds_ctrl(bound_of(ctx), command, &larg, &ret) ?
	    ret :
	    real_ctx_ctrl(ctx, command, larg, parg);
}

static void
begin_with(const void *of, const void *from)
{
	const struct bound none = { NULL, 0, 0 };
	const struct bound *other = from != NULL ? bound_of(from) : &none;
	int min = other->min, max = other->max;
	struct bound *own = bound_of(of);

	own->min = min;
	own->max = max;
}

SSL_CTX *
SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = real_ctx_new(method);

	if (ctx != NULL)
		begin_with(ctx, NULL);
	return ctx;
}

SSL *
SSL_new(SSL_CTX *ctx)
{
	SSL *ssl = real_new(ctx);

	if (ssl != NULL)
		begin_with(ssl, ctx);
	return ssl;
}

SSL *
SSL_dup(SSL *from)
{
	SSL *ssl = real_dup(from);

	if (ssl != NULL)
		begin_with(ssl, from);
	return ssl;
}

/* 4.1's own listener makes SSLs of its own: this one is to be taken for such a one. */
static SSL *with_listener;

void stub_give_listener(SSL *);
SSL *SSL_get0_listener(SSL *);

void
stub_give_listener(SSL *ssl)
{
	with_listener = ssl;
}

SSL *
SSL_get0_listener(SSL *ssl)
{
	return ssl == with_listener ? ssl : NULL;
}

/* What libssl's function does with the SSL before it looks at versions: it has nothing to read. */
static void
enter(SSL *ssl, BIO_ADDR *peer)
{
	BIO *rbio = SSL_get_rbio(ssl);
	int before = errno;

	BIO_up_ref(rbio);
	SSL_set0_rbio(ssl, BIO_new(BIO_s_mem()));
	(void)real_listen(ssl, peer);
	SSL_set0_rbio(ssl, rbio);
	ERR_clear_error();
	errno = before;
}

int
DTLSv1_listen(SSL *ssl, BIO_ADDR *peer)
{
	const struct bound *bound = bound_of(ssl);
	long max;

	if (SSL_get_rbio(ssl) == NULL || SSL_get_wbio(ssl) == NULL)
		return real_listen(ssl, peer);
	enter(ssl, peer);
	if (SSL_version(ssl) >> 8 != 0xfe)
		return real_listen(ssl, peer);
	max = SSL_ctrl(ssl, SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL);
	if (bound->min && (max == 0 || max == DTLS1_3)) {
		RAISE(SSL_R_UNSUPPORTED_SSL_VERSION);
		return -1;
	}
	if (max == 0 || max == DTLS1_3)
		SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, DTLS1_2_VERSION, NULL);
	return real_listen(ssl, peer);
}
