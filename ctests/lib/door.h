/*
 * A server with built-in cookies, asked with one hello at a time.
 */
#ifndef CTESTS_DOOR_H
#define CTESTS_DOOR_H

#include "hello.h"
#include "wire.h"

#include <openssl/ssl.h>

#define COOKIE_LEN 32 /* a built-in one */
#define ANSWER_LEN (28 + COOKIE_LEN)

struct door {
	SSL_CTX *ctx;
	struct wire wire; /* the client's address is wire.peer */
};

struct answer {
	int ret;            /* of DTLSv1_listen */
	int queued;         /* was there anything in the error queue? */
	unsigned int count; /* datagrams sent */
	size_t len;         /* of the first */
	unsigned char byte[WIRE_MAX];
};

/* A secret of 32 bytes of this value; 0: the context's own. */
void door_open(struct door *, int secret);
void door_close(struct door *);
void door_secret(struct door *, int secret);

/* On an SSL of its own, so that what was accepted changes nothing. */
void door_ask(struct door *, const struct hello *, struct answer *);

/* The cookie for a hello; checks that the answer holds one. */
void door_cookie(struct door *, const struct hello *, unsigned char cookie[COOKIE_LEN]);

/* The same for the hello that door_shown() shows it with. */
void door_fresh(struct door *, unsigned char cookie[COOKIE_LEN]);

/* The return of listen for a client that shows this cookie. */
int door_shown(struct door *, const void *cookie, size_t cookielen);

/* Does one make cookies that the other accepts? */
int door_accepts(struct door *maker, struct door *checker);

#endif
