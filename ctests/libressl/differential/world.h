/*
 * The two functions that are compared: SSL_ctrl(ssl, 75, 0, peer), which is LibreSSL's DTLSv1_listen(), as this program
 * is linked to it (ours), and as the loaded libssl itself has it (plain). Every name that we export and that is called
 * here is in the table, so that neither side meets the other's.
 */

#ifndef MACRO_WORLD_H
#define MACRO_WORLD_H

#include <openssl/ssl.h>

typedef int generate_fn(SSL *ssl, unsigned char *cookie, unsigned int *len);
typedef int verify_fn(SSL *ssl, const unsigned char *cookie, unsigned int len);

typedef void message_fn(
    int write_p, int version, int content_type, const void *bytes, size_t len, SSL *ssl, void *arg);

struct world {
	const char *name;
	SSL_CTX *(*new_ctx)(const SSL_METHOD *method);
	SSL *(*new_ssl)(SSL_CTX *ctx);
	long (*ctrl)(SSL *ssl, int command, long number, void *pointer);
	void (*set_generate)(SSL_CTX *ctx, generate_fn *generate);
	void (*set_verify)(SSL_CTX *ctx, verify_fn *verify);
	void (*set_message)(SSL *ssl, message_fn *message);
	SSL_CTX *ctx; /* of DTLS_server_method(), with a certificate */
};

extern struct world ours, plain;

/*
 * Finds both and makes their SSL_CTXs; ours leaves the cookies to the callbacks. With `control`, plain stands on both sides.
 * Ends the program, with a message on stderr, when that cannot be had.
 */
void worlds_open(const char *certificate, const char *key, int control);

/* For the fragments' repair of ours, which has no counterpart: off. */
void worlds_close(void);

#endif
