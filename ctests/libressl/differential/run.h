/* One side works through a case. */

#ifndef MACRO_RUN_H
#define MACRO_RUN_H

#include "case.h"
#include "log.h"
#include "world.h"

enum { WRITTEN = 600 };

/* How the first call of DTLSv1_listen ended. */
struct ended {
	long ret;
	int error;            /* SSL_get_error() */
	unsigned long queued; /* the first error */
	unsigned int
	    alert_number; /* not 0: an alert was written with another number or version than the first */
	size_t writes;
	unsigned char written[WRITTEN]; /* of the last write */
};

/* Lines of a log that are the same for ends which differ on purpose. */
#define RUN_NO_COOKIE "  no cookie to send\n"
#define RUN_FAILED    "  the BIO failed or ended\n"
#define RUN_BLOCKED   "  the answer would have blocked\n"

/* Sockets and kinds of BIO: once. 0, with a message, without. */
int run_open(void);
void run_close(void);

/*
 * Runs the case, to its first accepted client and SSL_accept() for it. `answer_version`: the record version that is
 * logged for a HelloVerifyRequest, no number and version for an alert while we listen, and the lines above are used; 0: all as it is.
 */
void run_case(struct world *world, const struct mcase *c, unsigned int answer_version,
    struct log *log, struct ended *first);

#endif
