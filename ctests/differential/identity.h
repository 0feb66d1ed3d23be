/* Who the server is, and the randomness both sides draw: the same for both, so that their flights are the same bytes. */

#ifndef DIFFERENTIAL_IDENTITY_H
#define DIFFERENTIAL_IDENTITY_H

#include <stdint.h>

#include <openssl/ssl.h>

/* Replaces OpenSSL's random source by one that identity_reseed() winds back, and makes the certificate. 0: it failed. */
int identity_open(void);
void identity_reseed(uint64_t seed);
void identity_close(void);

/* Certificate, pre-shared key, every cipher suite. 0: it failed. */
int identity_install(SSL_CTX *ctx);

#endif
