/*
 * Everything the header declares, used as people use it; C89 and C++11 both.
 * ORDER: 1 after <openssl/ssl.h>, 2 before it, 3 without it.
 */
#if ORDER == 1
#include <openssl/ssl.h>
#include <dtlsv1_listen.h>
#elif ORDER == 2
#include <dtlsv1_listen.h>
#include <openssl/ssl.h>
#else
#include <dtlsv1_listen.h>
#endif
#include <dtlsv1_listen.h> /* twice does no harm */
#include <netinet/in.h>
#include <stddef.h>

/*
 * The numbers are the ABI's: programs that were built with them run with every
 * later library. A negative size is an error in any language.
 */
#define IS(name, value) typedef char name##_is_##value[(name) == (value) ? 1 : -1]
IS(DTLSV1_LISTEN_COOKIES_AUTO, 0);
IS(DTLSV1_LISTEN_COOKIES_APP, 1);
IS(DTLSV1_LISTEN_COOKIES_BUILTIN, 2);
IS(DTLSV1_LISTEN_REPAIR_NONE, 0);
IS(DTLSV1_LISTEN_REPAIR_SEQUENCE, 1);
IS(DTLSV1_LISTEN_REPAIR_TRAILING, 2);
IS(DTLSV1_LISTEN_REPAIR_FRAGMENTS, 4);
IS(DTLSV1_LISTEN_REPAIR_ALL, 7);
IS(DTLSV1_LISTEN_DROP, 0);
IS(DTLSV1_LISTEN_ANSWER, 1);
IS(DTLSV1_LISTEN_ADMIT, 2);
IS(DTLSV1_LISTEN_KEPT, 3);
IS(DTLSV1_LISTEN_OUT_MAX, 16397);
IS(DTLSV1_NEWS_ACCEPTED, 1);
IS(DTLSV1_NEWS_READABLE, 2);
IS(DTLSV1_NEWS_REPLACED, 4);
IS(DTLSV1_NEWS_OVERDUE, 8);
IS(DTLSV1_LISTENER_ONE_SOCKET, 1);

#ifdef __cplusplus
extern "C"
#endif
    int uses(SSL *, SSL_CTX *, struct sockaddr *, BIO_ADDR *);

static int
peers(SSL *ssl, struct sockaddr *any, BIO_ADDR *addr)
{
	struct sockaddr_storage storage;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	void *untyped = &storage;
	int sum = 0;

	sum += DTLSv1_listen(ssl, any);
	sum += DTLSv1_listen(ssl, &storage);
	sum += DTLSv1_listen(ssl, &v4);
	sum += DTLSv1_listen(ssl, &v6);
	sum += DTLSv1_listen(ssl, (struct sockaddr *)&v4);
	sum += DTLSv1_listen(ssl, addr);
	sum += DTLSv1_listen(ssl, (BIO_ADDR *)&storage);
	sum += DTLSv1_listen(ssl, untyped);
	sum += DTLSv1_listen(ssl, NULL);
	sum += DTLSv1_listen(ssl, 0);
	if (DTLSv1_listen(ssl, sum != 0 ? any : NULL) <= 0)
		sum++;
	return sum;
}

int
uses(SSL *ssl, SSL_CTX *ctx, struct sockaddr *any, BIO_ADDR *addr)
{
	int (*plain)(SSL *, BIO_ADDR *) = DTLSv1_listen;
	int (*address)(SSL *, BIO_ADDR *) = &DTLSv1_listen;
	unsigned char cookie[255];
	unsigned int cookie_len = 0;
	socklen_t len = sizeof(struct sockaddr_in);
	int sum = peers(ssl, any, addr);

	sum += plain == address;
	sum += plain(ssl, addr) + (DTLSv1_listen)(ssl, addr);
	sum += dtlsv1_listen_peer(ssl, any, &len);
	sum += dtlsv1_listen_peer(ssl, NULL, NULL);
	sum += dtlsv1_listen_set_cookie_policy(ctx, DTLSV1_LISTEN_COOKIES_AUTO);
	sum += dtlsv1_listen_set_cookie_policy(ctx, DTLSV1_LISTEN_COOKIES_APP);
	sum += dtlsv1_listen_set_cookie_policy(ctx, DTLSV1_LISTEN_COOKIES_BUILTIN);
	sum += dtlsv1_listen_cookie_generate(ssl, cookie, &cookie_len);
	sum += dtlsv1_listen_cookie_verify(ssl, cookie, cookie_len);
	SSL_CTX_set_cookie_generate_cb(ctx, dtlsv1_listen_cookie_generate);
	SSL_CTX_set_cookie_verify_cb(ctx, dtlsv1_listen_cookie_verify);
	sum += dtlsv1_listen_version()[0] == '0';

#ifdef WRONG_SSL /* an SSL_CTX is not an SSL */
	sum += DTLSv1_listen(ctx, addr);
#endif
#ifdef WRONG_PEER /* a sockaddr is not a pointer to one */
	sum += DTLSv1_listen(ssl, *any);
#endif
#ifdef WRONG_LENGTH /* the length goes in and comes out */
	sum += dtlsv1_listen_peer(ssl, any, len);
#endif
	return sum;
}

/* Linked and run: that C++ finds the same names. */
int
main(void)
{
	return dtlsv1_listen_version()[0] == '0' && DTLSv1_listen(NULL, NULL) == -1 ? 0 : 1;
}
