/*
 * Servers that do nothing but receive and answer: what DTLSv1_listen is measured
 * by. They answer what begins like a handshake record, as cheap a look at a
 * datagram as there is, so that a flood of garbage is not answered here either.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef BARE_H
#define BARE_H

#include <pthread.h>
#include <signal.h>

#include <openssl/ssl.h>

struct worker {
	pthread_t thread;
	int fd;
	SSL_CTX *ctx;
	void (*serve)(struct worker *);
	double seconds;
	long calls;
};

/* Set when they are to return, once there is nothing left to read. */
extern volatile sig_atomic_t stop;

void serve_bare(struct worker *);  /* recvfrom, sendto */
void serve_batch(struct worker *); /* recvmmsg, sendmmsg */
void serve_bio(struct worker *);   /* BIO_read, BIO_write */
void serve_peer(struct worker *);  /* recvfrom, another stack, sendto (peer_serve.c) */

#endif
