/*
 * The servers' SSL_CTXs, and the cookie callbacks of applications.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef CALLBACKS_H
#define CALLBACKS_H

#include <openssl/ssl.h>

/*
 * An SSL_CTX with the certificate and key in the file that BENCH_PEM names, if it
 * is set, and with these callbacks:
 *	trivial	a constant: what is left is the library's own cost
 *	usual	HMAC() over the peer's address and port, as s_server and most
 *		servers have it
 *	competent the same HMAC, SHA256's two states made once and copied each time
	evp_mac	the same from an EVP_MAC_CTX that is kept (OpenSSL 3)
	none	nothing: our library makes the cookies, libssl alone refuses
 * Ends the program when it cannot.
 */
SSL_CTX *context_new(const char *callbacks);

#endif
