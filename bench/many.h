/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef MANY_H
#define MANY_H

#include <netinet/in.h>

#include <openssl/ssl.h>

/* A way to have many clients. */
struct server {
	in_port_t (*open)(SSL_CTX *); /* on 127.0.0.1: its port */
	void (*turn)(void);           /* waits up to 50 ms, then does what there is */
};
extern const struct server with_listener, connected;

extern long clients_there;
int serve(SSL *);
void die(const char *what);

#endif
