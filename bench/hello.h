/*
 * The datagrams that the benchmarks send.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef HELLO_H
#define HELLO_H

#include <stddef.h>

#define HELLO_MIN 100
#define HELLO_MAX 1500

/*
 * A DTLS 1.2 ClientHello in one record, padded by a padding extension to
 * exactly `size` bytes, `cookie_len` of them the cookie. Writes to `out` and
 * returns the size, or 0 if that is too small.
 */
size_t hello_make(unsigned char *out, size_t size, const unsigned char *cookie, size_t cookie_len);

/* Gives a hello another random, and so a cookie of its own. */
void hello_number(unsigned char *hello, unsigned long number);

/* Where a HelloVerifyRequest's cookie is; 0 if it is not a HelloVerifyRequest. */
size_t hvr_cookie(const unsigned char *hvr, size_t len, const unsigned char **cookie);

#endif
