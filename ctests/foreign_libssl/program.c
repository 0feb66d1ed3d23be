/*
 * A program on a libssl that the library cannot serve: whatever it calls runs in
 * its own libssl, with what it gave, as if the library were not there. What goes
 * to stderr is looked at by foreign_libssl.test.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ssl_ctx_st *SSL_CTX_new(const void *);
struct ssl_st *SSL_new(struct ssl_ctx_st *);
void SSL_free(struct ssl_st *);
void SSL_CTX_free(struct ssl_ctx_st *);
void SSL_CTX_set_cookie_generate_cb(struct ssl_ctx_st *, void *);
void SSL_CTX_set_cookie_verify_cb(struct ssl_ctx_st *, void *);
long SSL_ctrl(struct ssl_st *, int, long, void *);
int DTLSv1_listen(struct ssl_st *, void *);
void stub_seen(int *, int *, int *, void **, void **);

static char generate, verify; /* only their addresses are looked at */

static int
failed(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "NOT OK:", what);
	return !ok;
}

static void
find(void *function, const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);

	if (at == NULL) {
		printf("NOT OK: there is no %s\n", symbol);
		exit(1);
	}
	memcpy(function, &at, sizeof(at));
}

int
main(void)
{
	struct ssl_ctx_st *ctx = SSL_CTX_new(NULL);
	struct ssl_st *ssl = SSL_new(ctx);
	int (*policy)(void *, int);
	int (*repairs)(void *, unsigned int);
	int (*make)(void *, unsigned char *, unsigned int *);
	int (*check)(void *, const unsigned char *, unsigned int);
	unsigned char peer[128], before[128], cookie[255];
	unsigned int len = 0;
	int set, listened, controlled, i, bad = 0;
	void *g, *v, *at;
	Dl_info info;

	at = dlsym(RTLD_DEFAULT, "DTLSv1_listen");
	bad += failed(at != NULL && dladdr(at, &info) != 0 &&
		strstr(info.dli_fname, "libdtlsv1_listen.so") != NULL,
	    "DTLSv1_listen is ours");
	at = dlsym(RTLD_DEFAULT, "SSL_CTX_new");
	bad += failed(
	    at != NULL && dladdr(at, &info) != 0 && strstr(info.dli_fname, "libssl_stub") != NULL,
	    "the program's libssl is the stub");

	SSL_CTX_set_cookie_generate_cb(ctx, &generate);
	SSL_CTX_set_cookie_verify_cb(ctx, &verify);
	memset(peer, 0xa5, sizeof(peer));
	memcpy(before, peer, sizeof(peer));
	for (i = 0; i < 3; i++) {
		ERR_clear_error();
		bad += failed(DTLSv1_listen(ssl, peer) == 1, "listen is the stub's");
		bad += failed(ERR_peek_error() == 0, "nothing is queued");
	}
	bad += failed(memcmp(peer, before, sizeof(peer)) == 0, "peer is as it was");
	bad += failed(SSL_ctrl(ssl, 1, 0, NULL) == 4711, "SSL_ctrl reaches the stub");
	ERR_clear_error();

	/* Our own functions keep their hands off a foreign object too. */
	find(&policy, "dtlsv1_listen_set_cookie_policy");
	find(&repairs, "dtlsv1_listen_set_repairs");
	find(&make, "dtlsv1_listen_cookie_generate");
	find(&check, "dtlsv1_listen_cookie_verify");
	bad += failed(policy(ctx, 0) == 0, "no policy for a foreign SSL_CTX");
	bad += failed(repairs(ctx, 7) == 0, "no repairs on a foreign SSL_CTX");
	bad += failed(make(ssl, cookie, &len) == 0, "no cookie for a foreign SSL");
	bad += failed(check(ssl, cookie, 32) == 0, "none is right for one");
	bad += failed(ERR_peek_error() == 0, "nothing is queued where nobody looks");

	stub_seen(&set, &listened, &controlled, &g, &v);
	bad += failed(set == 2 && g == &generate && v == &verify,
	    "the callbacks reach the stub, as they were given");
	bad += failed(listened == 3, "DTLSv1_listen goes there");
	bad += failed(controlled == 1, "SSL_ctrl went there once");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return bad != 0;
}
