/*
 * A client of libssl's own over a socket, whose datagrams the test sends one by
 * one in the order it likes, and a server that listens on a socket and gives
 * each client a socket of its own.
 */
#ifndef CTESTS_FRAG_H
#define CTESTS_FRAG_H

#include "app.h"
#include "net.h"
#include "tls.h"

#define FRAG_MTU 256 /* the least that libssl takes */

struct frag_server {
	SSL_CTX *ctx;
	struct app app;
	struct address own;
	int fd; /* does not block */
	SSL *ssl;
};
void frag_server_init(struct frag_server *, SSL_CTX *, int family);
void frag_server_free(struct frag_server *);
void frag_server_next(struct frag_server *); /* another SSL */

struct frag_client {
	struct stepper step; /* what waits to be sent: step.wire.out */
	struct address server, own;
	int fd;
};
/* `padding` bytes of ALPN make the hello long, 0: none; `mtu` cuts it up. */
void frag_client_init(struct frag_client *, const struct address *server, size_t padding, long mtu);
void frag_client_free(struct frag_client *);

/* One step of the handshake: how many datagrams wait. */
unsigned int frag_step(struct frag_client *);
struct datagram *frag_get(struct frag_client *, unsigned int nth);
void frag_send(struct frag_client *, unsigned int nth);
void frag_send_bytes(struct frag_client *, const void *, size_t);
void frag_forget(struct frag_client *); /* all that wait */
void frag_hear(struct frag_client *);   /* what comes */

/* The first hello and its answer: how many datagrams of the second wait. */
unsigned int frag_second_hello(struct frag_client *, struct frag_server *);

/* Listens until there is nothing to read: the last return value, and how many
 * datagrams were dropped as fragments of nothing. None may be for another
 * reason. */
int frag_listen(struct frag_server *, void *peer, int *strange);

/* 0, and nothing is wrong: what a caller sees until the hello is complete. */
void frag_nothing_yet(struct frag_server *);

/* Accepted at once, none dropped; then the next two. In the second of them the
 * cookie is checked once more. */
void frag_accepts(struct frag_server *, struct frag_client *);
void frag_connect(struct frag_server *, struct frag_client *); /* a socket */
void frag_finish(struct frag_server *, struct frag_client *);  /* handshake,
						 * data both ways */

#endif
