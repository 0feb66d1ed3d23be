/* What has to be read into libssl's log for ours to be the same, where deliberate.c says that we differ on purpose. */

#ifndef DIFFERENTIAL_ANSWERS_H
#define DIFFERENTIAL_ANSWERS_H

#include "run.h"

int answer_peer_unknown(const struct dcase *c);

/* Only sizeof(struct sockaddr) of the caller's room was written, where libssl wrote 112 bytes. */
int answer_narrow(const struct dcase *c, struct log *log);

/* After a hello with a record sequence of 2 and more, the answer's records begin at that number. */
int answer_resequence(const struct dcase *c, struct log *log);

/* The sequence of the first ServerHello in the log; -1: none. */
long answer_first_sequence(const struct log *log);

#endif
