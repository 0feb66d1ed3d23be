/*
 * ClientHellos as bytes, well formed unless a test breaks them, and what comes
 * back.
 */
#ifndef CTESTS_HELLO_H
#define CTESTS_HELLO_H

#include <stddef.h>
#include <stdint.h>

/* Where the fields of an unbroken hello with no session id lie. */
enum {
	AT_TYPE = 0,
	AT_VERSION = 1,
	AT_EPOCH = 3,
	AT_SEQ = 5,
	AT_LENGTH = 11,
	AT_MSG_TYPE = 13,
	AT_MSG_LEN = 14,
	AT_MSG_SEQ = 17,
	AT_FRAG_OFF = 19,
	AT_FRAG_LEN = 22,
	AT_CLIENT_VERSION = 25,
	AT_RANDOM = 27,
	AT_SESSION_ID = 59,
	AT_COOKIE = 60
};

struct hello {
	size_t len;
	unsigned char byte[1024];
};

/* cookie may be NULL; message_seq is 1 with a cookie, else 0. */
void hello_make(struct hello *, const void *cookie, size_t cookielen);

/* After a change of length: make the length fields agree again. */
void hello_fix_record(struct hello *);
void hello_fix_fragment(struct hello *); /* not the message length */
void hello_fix_message(struct hello *);  /* all of them */

void hello_put(struct hello *, size_t at, uint64_t value, size_t width);

/* One HelloVerifyRequest, taken apart; `bad` is NULL when it is well formed. */
struct hvr {
	const char *bad;
	unsigned int record_version, body_version, message_seq;
	uint64_t seq;
	size_t cookielen;
	unsigned char cookie[255];
};
void hvr_parse(struct hvr *, const void *, size_t);
size_t hvr_make(unsigned char *out, uint64_t seq, const void *cookie, size_t cookielen);

#endif
