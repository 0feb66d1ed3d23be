/*
 * A client of libssl's own, step by step, whose datagrams go over UDP to a
 * server's datagram BIO, and whose record sequence numbers can be what they
 * would be had earlier datagrams been lost. No clock: nothing is sent that the
 * test did not ask for.
 */
#ifndef CTESTS_FAR_H
#define CTESTS_FAR_H

#include "net.h"
#include "tls.h"

#define FAR_NUMBERS 256

struct far {
	struct stepper client;
	struct address server, own;
	int server_fd, fd;
	uint64_t shift; /* added to the client's numbers */

	/* Of what came from the server, in order: epoch 0 only. */
	struct {
		uint64_t seq;
		unsigned int type; /* of the record */
		unsigned int msg;  /* of the handshake message */
	} record[FAR_NUMBERS];
	int records;
	int datagrams; /* that came, whatever was in them */
};

void far_init(struct far *, int family);
void far_free(struct far *);

/* An SSL that serves on the server's socket, non-blocking, one BIO. */
SSL *far_server(struct far *, SSL_CTX *);

void far_to_server(struct far *);           /* all that the client has to send */
int far_collect(struct far *, int deliver); /* what the server sent */

/* Both hellos, up to the 1 of listen; the second one's number is `seq`. */
void far_accepted(struct far *, SSL *, uint64_t seq);
void far_accepted_with(struct far *, SSL *, uint64_t seq, const void *behind,
    size_t len); /* in the hello's datagram */
/* From there to the end, and a line each way. */
void far_finish(struct far *, SSL *);

#endif
