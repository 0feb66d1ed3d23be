/* The BIOs of a case: scripted ones, or libssl's own on a socket. */

#ifndef MACRO_BIOS_H
#define MACRO_BIOS_H

#include <sys/socket.h>

#include <openssl/bio.h>

#include "case.h"

/* What has been read and written of a case, on one side. */
struct traffic {
	const struct mcase *c;
	size_t next_read;
	int writes, blocked; /* blocked: has a write said that it would? */
	void (*wrote)(void *arg, const unsigned char *bytes, size_t len);
	void *arg;
	BIO *read_bio, *write_bio; /* the same object for one */
};

int bios_open(void);
void bios_close(void);

/* Makes the BIOs, and for a socket sends the datagrams. `traffic` stays where it is until they are freed. */
int bios_make(struct traffic *traffic);

/* Nothing more is to be read: what the two sides have not looked at is not the same. */
void bios_end(struct traffic *traffic);

/* For a socket: reports what has arrived at the client. */
void bios_collect(struct traffic *traffic);

/* The peer as a knowing BIO tells it. Returns its length; 0 for none. */
socklen_t bios_peer(const struct mcase *c, struct sockaddr_storage *peer);

#endif
