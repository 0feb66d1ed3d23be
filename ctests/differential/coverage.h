/*
 * Which row of the table of checks each DTLSv1_listen ended in, worked out from the script alone. It shows a blind
 * generator, and it is a third opinion: libssl's answer has to be the row's.
 */

#ifndef DIFFERENTIAL_COVERAGE_H
#define DIFFERENTIAL_COVERAGE_H

#include "run.h"

/* To be called after each DTLSv1_listen of the reference. */
after_listen_fn coverage_note;

/* Counts the first flights that the log shows. */
void coverage_flights(const struct log *log);

/* Prints the table. 0: a row was hit too seldom for this many cases, or libssl did not answer as its row says. */
int coverage_report(unsigned long cases);

#endif
