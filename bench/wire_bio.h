/*
 * A BIO that stands for the network: it yields a hello as often as it is told to
 * and swallows the answers.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef WIRE_BIO_H
#define WIRE_BIO_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "hello.h"

/* Each thread's own. */
extern _Thread_local struct wire {
	unsigned char hello[HELLO_MAX], answer[512];
	size_t size, answer_len;
	long left, answers;        /* hellos to come, answers so far */
	unsigned long peer, peers; /* who sends them, in turn */
	int garbage;               /* no hello, so that there is no random in it */
} wire;

/* An SSL with such a BIO; the program ends without memory for it. */
SSL *wire_ssl(SSL_CTX *ctx);

#endif
