/*
 * One datagram at a time, without a socket: what dtlsv1_listen_datagram() makes
 * of it.
 */
#ifndef CTESTS_ONE_H
#define CTESTS_ONE_H

#include "hello.h"
#include "net.h"
#include "ours.h"

#include <openssl/ssl.h>

enum {
	DROP = DTLSV1_LISTEN_DROP,
	ANSWER = DTLSV1_LISTEN_ANSWER,
	ADMIT = DTLSV1_LISTEN_ADMIT,
	KEPT = DTLSV1_LISTEN_KEPT
};

#define OUT_MAX DTLSV1_LISTEN_OUT_MAX

struct one {
	int verdict;
	size_t len;
	unsigned char out[OUT_MAX];
};

struct address one_peer4(const char *ip, int port);

/* As the functions of the library take it. */
const struct sockaddr *one_at(const struct address *);

/* With all the room there is; checks that the queue stays as it is, and that
 * nothing is written behind what is said. */
int one(struct one *, SSL_CTX *, const struct address *, const void *, size_t);

/* A hello for that peer whose cookie is right. */
void one_right(struct hello *, SSL_CTX *, const struct address *);

#endif
