/*
 * The two functions under comparison. "ours" is what the linker gave this program under the names that we export;
 * "libssl" is what the loaded libssl itself holds under the same names, so that its SSL_CTX never meets our code. Every
 * name that we export and the harness uses is here; run.sh checks that.
 */

#ifndef DIFFERENTIAL_SIDE_H
#define DIFFERENTIAL_SIDE_H

#include <sys/socket.h>

#include <openssl/ssl.h>

#include "case.h"

typedef int generate_fn(SSL *ssl, unsigned char *cookie, unsigned int *len);
typedef int verify_fn(SSL *ssl, const unsigned char *cookie, unsigned int len);
typedef void message_fn(
    int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg);

struct side {
	const char *name;
	int (*listen)(SSL *ssl, BIO_ADDR *peer);
	void (*set_generate)(SSL_CTX *ctx, generate_fn *generate);
	void (*set_verify)(SSL_CTX *ctx, verify_fn *verify);
	long (*ctrl)(SSL *ssl, int command, long number, void *pointer);
	long (*ctx_ctrl)(SSL_CTX *ctx, int command, long number, void *pointer);
	void (*set_message)(SSL *ssl, message_fn *message);
	void (*ctx_set_message)(SSL_CTX *ctx, message_fn *message);
	SSL *(*new_ssl)(SSL_CTX *ctx);
	int (*set_policy)(
	    SSL_CTX *ctx, int policy); /* NULL: libssl has no policies, and repairs nothing */
	int (*set_repairs)(SSL_CTX *ctx, unsigned int repairs);
	/* Ours alone has these: datagrams.c. */
	int (*datagram)(SSL_CTX *ctx, const unsigned char *datagram, size_t len,
	    const struct sockaddr *peer, socklen_t peer_len, unsigned char *out, size_t *out_len);
	int (*adopt)(SSL *ssl, const unsigned char *hello, size_t len, const struct sockaddr *peer,
	    socklen_t peer_len);
	SSL_CTX *contexts[METHODS]; /* made when first asked for */
};

extern struct side ours, reference;

/*
 * Finds both sides and checks that they are two different objects. With `control`, libssl stands on both sides.
 * 0, with a message on stderr, when that cannot be had.
 */
int sides_open(int control);
int sides_are_control(void);

/* Does the loaded libssl have this method? 4.0 has no fixed-version ones. */
int sides_have_method(int method);

const SSL_METHOD *sides_method(int method);

/* The side's SSL_CTX for the method, with a certificate and a pre-shared key. */
SSL_CTX *side_context(struct side *side, int method);
void sides_close(void);

#endif
