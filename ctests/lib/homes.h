/*
 * A server's socket and a client's on addresses of the host's, the client step by
 * step.
 */
#ifndef CTESTS_HOMES_H
#define CTESTS_HOMES_H

#include "tls.h"

#include <netinet/in.h>

union any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

extern int homes_server_fd, homes_client_fd;
extern struct stepper homes_client;

union any homes_address(int family, const char *text, in_port_t port);
socklen_t homes_length(int family);

/* A server's socket on `own`, and a client's that writes to `to` of it. */
SSL *homes_server(SSL_CTX *, int family, const char *own, int client_family, const char *to);
void homes_done(SSL *);

void homes_to_server(void);
int homes_to_client(void); /* how many datagrams */

/* The handshake behind an accepted hello; the server's socket does not block. */
void homes_shake_hands(SSL *);

int homes_option(int level, int name); /* of the server's socket */

/* A network of its own, with two addresses on its loopback; 0: not allowed here. */
int homes_own_network(void);

#endif
