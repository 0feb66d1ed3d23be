/*
 * A server on BIOs of any kind, and a client that has lost some of its answers: by
 * the number of its hello the first record of the server's has its own.
 */
#ifndef CTESTS_LATE_H
#define CTESTS_LATE_H

#include "app.h"
#include "end.h"
#include "tls.h"

#include <stdint.h>

struct late {
	struct app app;
	struct stepper client;
	struct end end;
	int freed; /* BIOs that were watched and are gone */
};
extern struct late late;

SSL *late_server(SSL_CTX *, enum end_kind);
BIO *late_watched(BIO *);
uint64_t late_number_of(const unsigned char *record);

/* The client's next datagram to the server, numbered as if `earlier` had been lost. */
uint64_t late_to_server(int earlier);

/* Accepts a client that has lost so many answers; gives its hello's number. */
uint64_t late_accepted(SSL *, int lost);
uint64_t late_accepted_at(SSL *, int lost, int earlier);

/* The rest of the handshake, and what the first record has. */
void late_finished(SSL *, uint64_t number);

#endif
