/*
 * A listening socket with a BIO of dtlsv1_listen_bio_new() on it.
 */
#ifndef CTESTS_BATCH_H
#define CTESTS_BATCH_H

#include "net.h"

#include <openssl/ssl.h>

/* A listening socket, the BIO on it, and an SSL on the BIO. */
struct batch_port {
	SSL_CTX *ctx;
	struct address own;
	int fd;
	BIO *bio;
	SSL *ssl;
};

BIO *batch_bio(int fd); /* dtlsv1_listen_bio_new() */

/* The BIO serves one SSL after the other: the port has a reference of its own. */
SSL *batch_next_ssl(struct batch_port *);
void batch_open(struct batch_port *, int family);
void batch_close(struct batch_port *);

#endif
