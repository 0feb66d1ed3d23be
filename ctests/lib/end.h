/*
 * A server's end of a handshake over BIOs of each kind: two memory BIOs, a BIO
 * pair, libssl's datagram BIO, a custom one. The test's own pointers to them
 * are used all the time, whatever libssl or we put in front.
 */
#ifndef CTESTS_END_H
#define CTESTS_END_H

#include "net.h"
#include "tls.h"

enum end_kind { END_MEMORY, END_PAIR, END_DATAGRAM, END_CUSTOM, END_KINDS };

struct end {
	enum end_kind kind;
	BIO *rbio, *wbio; /* the SSL's */
	BIO *near;        /* END_PAIR: the test's */
	struct wire wire; /* END_CUSTOM */
	int fd, near_fd;  /* END_DATAGRAM */
	struct address own, near_own;
};

const char *end_name(enum end_kind);

/* An SSL with such BIOs, which belong to it. */
SSL *end_server(struct end *, enum end_kind, SSL_CTX *);
void end_free(struct end *, SSL *);

void end_give(struct end *, const void *, size_t);
size_t end_take(struct end *, void *, size_t room); /* 0: nothing */
size_t end_waiting(struct end *);                   /* bytes that it has not read */

/* As port_finish(). What the server sends first goes to `first`, if that is not
 * NULL: at most `room` bytes, `*len` of them. */
void end_finish(
    struct end *, struct stepper *, SSL *, unsigned char *first, size_t room, size_t *len);

#endif
