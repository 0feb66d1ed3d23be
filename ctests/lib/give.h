/*
 * A server on a wire that is given one datagram at a time.
 */
#ifndef CTESTS_GIVE_H
#define CTESTS_GIVE_H

#include "wire.h"

#include <openssl/ssl.h>

extern struct wire give_wire;

/* With that wire, anew; its peer is 192.0.2.1:5684. */
SSL *give_server(SSL_CTX *);

/* What one call of DTLSv1_listen makes of it; the error queue is emptied. */
int give(SSL *, const void *bytes, size_t len);
int give_hello(SSL *, const void *cookie, size_t len);

#endif
