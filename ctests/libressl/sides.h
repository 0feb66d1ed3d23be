/* A client and a server for listen.c, each with a socket. */
#ifndef LIBRESSL_SIDES_H
#define LIBRESSL_SIDES_H

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

extern int checks, failures, ours;

#define CHECK(cond) \
	do { \
		checks++; \
		if (!(cond)) { \
			failures++; \
			fprintf( \
			    stderr, "%s:%d: %s: not %s\n", __FILE__, __LINE__, __func__, #cond); \
		} \
	} while (0)
#define NEED(cond) \
	do { \
		if (!(cond)) { \
			fprintf( \
			    stderr, "%s:%d: cannot go on: not %s\n", __FILE__, __LINE__, #cond); \
			ERR_print_errors_fp(stderr); \
			exit(2); \
		} \
	} while (0)

#define PATIENCE 60000 /* milliseconds, on a machine that is slow */

extern const char *certificate, *key;
extern int generated, verified, refuse; /* by the callbacks; refuse: every cookie */
extern BIO *(*batch_bio)(int);          /* ours, in place of libssl's own */

struct side {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *bio;
	int fd;
	struct sockaddr_in address;
};
extern struct side server, client;

/* Both sides, with cookie callbacks or without; and what frees them. */
void begin(int callbacks);
void end(void);

void connected(struct side *side, const struct sockaddr_in *peer);

/* Waits for something to read; -1 is not looked at. On loopback nothing is lost: what does not come is an error. */
void either(int one, int other);
int comes(struct side *side, char *line, int len);

/* The type of the datagram that waits for the client, -1 if there is none. A send over loopback is a receipt. */
int answer(void);

#endif
