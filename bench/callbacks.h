/*
 * The cookie callbacks of applications.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef CALLBACKS_H
#define CALLBACKS_H

#include <openssl/ssl.h>

/*
 * Sets what `name` says:
 *	trivial	a constant: what is left is the library's own cost
 *	usual	HMAC() over the peer's address and port, as s_server and most
 *		servers have it
 *	none	nothing: our library makes the cookies, libssl alone refuses
 * Returns 0 for any other name.
 */
int callbacks_set(SSL_CTX *ctx, const char *name);

#endif
