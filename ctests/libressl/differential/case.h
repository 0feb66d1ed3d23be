/* One case: what both sides are given. */

#ifndef MACRO_CASE_H
#define MACRO_CASE_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_READS = 5, MAX_DATAGRAM = 17000, MAX_COOKIE = 255 };

enum layout { ONE_BIO, TWO_BIOS, SOCKET, LAYOUTS };
enum peer { PEER_INET, PEER_INET6, PEER_NONE, PEERS };
enum callbacks {
	BOTH,
	NONE_RIGHT,
	FAILS,
	ABSENT,
	VERIFY_ALONE,
	CALLBACKS
}; /* NONE_RIGHT: every cookie is refused; FAILS: none can be made */
enum read { A_DATAGRAM, WOULD_BLOCK, FAILED, AN_END };

struct one_read {
	int read;
	int kind; /* of datagram: kinds.h */
	size_t len;
	unsigned char bytes[MAX_DATAGRAM];
};

struct mcase {
	int layout, peer, callbacks;
	int calls;       /* of DTLSv1_listen, unless one succeeds before */
	int write_fails; /* the answer of that number, from 1, cannot be written */
	int write_blocks;
	unsigned char cookie[MAX_COOKIE];
	size_t cookie_len;
	size_t nreads;
	struct one_read reads[MAX_READS];
};

void case_make(struct mcase *c, uint64_t seed, uint64_t number);
void case_print(const struct mcase *c);

/* Does the verify callback, if there is one, take the case's cookie? */
int case_has_right_cookies(const struct mcase *c);

/* The reads but one, or another datagram in the place of one. */
void case_drop(struct mcase *c, size_t index);
void case_replace(struct mcase *c, size_t index, const unsigned char *bytes, size_t len);

#endif
