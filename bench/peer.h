/*
 * Other stacks' first contact, each behind these two functions (peer_NAME.c), the
 * way its own example server has it.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef PEER_H
#define PEER_H

#include <netinet/in.h>
#include <stddef.h>

/* Once. `pem` is a file with certificate and key. */
void peer_begin(const char *pem);

/* Gives it one ClientHello without a cookie from that address. */
void peer_answer(const unsigned char *hello, size_t len, const struct sockaddr_in *from);

/* To be called with what it sends back. */
void peer_sent(const void *answer, size_t len);

/* Ends the program. */
void peer_die(const char *what, long error) __attribute__((noreturn));

#endif
