/*
 * Stands for another release of libssl: another soname, its own symbol
 * version, and objects that are not what anybody else's functions expect.
 */
#include <stdlib.h>
#include <string.h>

/* Every byte a trap: a libssl that follows a pointer in here crashes. */
struct ssl_st {
	unsigned char poison[8192];
};
struct ssl_ctx_st {
	unsigned char poison[8192];
};

static int setters, listens, ctrls;
static void *generate, *verify;

static void *
poisoned(size_t size)
{
	void *p = malloc(size);

	return p != NULL ? memset(p, 0xee, size) : NULL;
}

struct ssl_ctx_st *
SSL_CTX_new(const void *method)
{
	(void)method;
	return poisoned(sizeof(struct ssl_ctx_st));
}

struct ssl_st *
SSL_new(struct ssl_ctx_st *ctx)
{
	(void)ctx;
	return poisoned(sizeof(struct ssl_st));
}

void
SSL_free(struct ssl_st *ssl)
{
	free(ssl);
}

void
SSL_CTX_free(struct ssl_ctx_st *ctx)
{
	free(ctx);
}

void
SSL_CTX_set_cookie_generate_cb(struct ssl_ctx_st *ctx, void *cb)
{
	(void)ctx;
	setters++;
	generate = cb;
}

void
SSL_CTX_set_cookie_verify_cb(struct ssl_ctx_st *ctx, void *cb)
{
	(void)ctx;
	setters++;
	verify = cb;
}

long
SSL_ctrl(struct ssl_st *ssl, int cmd, long larg, void *parg)
{
	(void)ssl, (void)cmd, (void)larg, (void)parg;
	ctrls++;
	return 4711;
}

int
DTLSv1_listen(struct ssl_st *ssl, void *peer)
{
	(void)ssl, (void)peer;
	listens++;
	return 1;
}

/* For the test: what came through to here. */
void
stub_seen(int *set, int *listened, int *controlled, void **g, void **v)
{
	*set = setters;
	*listened = listens;
	*controlled = ctrls;
	*g = generate;
	*v = verify;
}
