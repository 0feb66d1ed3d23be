/*
 * Clients of libssl's own in threads over sockets, and the server's part of it.
 */
#ifndef CTESTS_CLIENT_H
#define CTESTS_CLIENT_H

#include "net.h"

#include <openssl/ssl.h>
#include <pthread.h>

/* One handshake, a line there and a line back, then the end. */
struct client {
	struct address server, own;
	int fd, ok;
	int impatient; /* keeps libssl's timers */
	int accepted;  /* so many times */
	pthread_t thread;
};
void client_start(struct client *, const struct address *server);
void client_join(struct client *); /* checks that all went well */

/*
 * Several at once, which may lose something: what comes from one while the
 * socket of another is bound and not yet connected. So each repeats its hello
 * if nobody answers, and a slow server finds the same hello twice.
 */
void clients_start(struct client *, int clients, const struct address *server);
int client_is_new(struct client *, int clients, const void *peer);

/* The server's part after listen: SSL_accept, read the line, answer it. */
void serve(SSL *);

#endif
