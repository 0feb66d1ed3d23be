/*
 * The short list of where we mean to differ from libssl. None is skipped: each says what libssl would have to be
 * given, or what has to be read into its answer, for ours to be the same to the byte; and the difference itself has to
 * be seen.
 */

#ifndef DIFFERENTIAL_DELIBERATE_H
#define DIFFERENTIAL_DELIBERATE_H

#include "run.h"

/* Tries out which of them the loaded libssl has: fixes reach old releases, so that its number does not tell. */
void deliberate_open(void);
int deliberate_libssl_takes_seq_2(void);

/* Runs libssl so that its log is what ours has to be. 0: libssl did not behave as the list says. */
int deliberate_expectation(const struct dcase *c, struct log *expected, after_listen_fn *after);

/* Prints how often each was looked at and seen. 0: one that this libssl has was seen too seldom. */
int deliberate_report(unsigned long cases);

#endif
