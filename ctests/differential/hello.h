/* ClientHello datagrams: made from nothing, read from the corpus, taken apart. */

#ifndef DIFFERENTIAL_HELLO_H
#define DIFFERENTIAL_HELLO_H

#include <stddef.h>

#include "prng.h"

enum {
	AT_VERSION = 1,
	AT_EPOCH = 3,
	AT_SEQUENCE = 5,
	AT_RECORD_LENGTH = 11, /* record header */
	AT_TYPE = 13,
	AT_LENGTH = 14,
	AT_MESSAGE_SEQ = 17,
	AT_OFFSET = 19,
	AT_FRAGMENT = 22, /* handshake header */
	AT_CLIENT_VERSION = 25,
	AT_RANDOM = 27,
	AT_SESSION = 59
};

/* Where the length bytes of a hello's fields are; 0 for those it does not have. */
struct hello_fields {
	size_t cookie, suites, compression, extensions, first_extension;
	size_t end; /* of the first record */
};

/* A well-formed hello in one record, with this cookie. Returns its length, at most `room`. */
size_t hello_make(struct prng *prng, const unsigned char *cookie, size_t cookie_len,
    unsigned char *bytes, size_t room);

/* 0 when the datagram is not a hello as far as its cookie. */
int hello_find(const unsigned char *bytes, size_t len, struct hello_fields *fields);

/* Puts another cookie in and mends the lengths. Returns the new length; the old one when there is nothing to replace. */
size_t hello_set_cookie(
    unsigned char *bytes, size_t len, size_t room, const unsigned char *cookie, size_t cookie_len);

/* Is it a first fragment of a longer hello than libssl puts together (SSL_MAX_CERT_LIST_DEFAULT)? */
int hello_claims_too_much(const unsigned char *bytes, size_t len);

unsigned int hello_number(const unsigned char *bytes, size_t len);
void hello_put(unsigned char *bytes, size_t len, unsigned long long value);

/* The clients' datagrams in a file of hex. 0, with a message on stderr, when it cannot be read. */
int corpus_open(const char *path);
size_t corpus_count(void);
size_t corpus_get(size_t index, unsigned char *bytes, size_t room);

#endif
