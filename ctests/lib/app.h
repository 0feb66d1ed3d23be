/*
 * An application's cookie callbacks, which remember what they saw.
 *
 * Every caller may count on two things while its callbacks run: the SSL is the
 * pointer it passed, and SSL_get_rbio() is the BIO it set. app_saw() holds them
 * against what the test says they are.
 */
#ifndef CTESTS_APP_H
#define CTESTS_APP_H

#include <openssl/ssl.h>
#include <stdatomic.h>

struct app {
	const SSL *ssl; /* NULL: any, several threads share it */
	const BIO *rbio;
	int needs_peer; /* the cookie is a digest of the peer's
					 * address: no peer, no cookie */
	unsigned char cookie[256];
	unsigned int cookielen;
	int generate_result, verify_result;

	atomic_int generated, verified;
	atomic_int wrong_ssl, wrong_rbio;
	atomic_int peer_family; /* of the last callback, needs_peer */
};

/* Cookies of 20 bytes, both callbacks succeed. */
void app_init(struct app *);
void app_install(struct app *, SSL_CTX *);  /* app_init()ed before */
void app_expect(struct app *, const SSL *); /* takes its rbio as it is */
struct app *app_of(SSL *);
void app_saw(SSL *, atomic_int *count);

int app_generate(SSL *, unsigned char *, unsigned int *);
int app_verify(SSL *, const unsigned char *, unsigned int);

/* How often each ran, and that they saw what they must. */
#define CHECK_APP(app, generates, verifies) \
	do { \
		CHECK_INT((app)->generated, (generates)); \
		CHECK_INT((app)->verified, (verifies)); \
		CHECK_INT((app)->wrong_ssl, 0); \
		CHECK_INT((app)->wrong_rbio, 0); \
	} while (0)

#endif
