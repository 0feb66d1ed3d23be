/* Where ours differs from the macro on purpose, and what plain libssl has to do instead. */

#ifndef MACRO_DELIBERATE_H
#define MACRO_DELIBERATE_H

#include "case.h"
#include "log.h"

/* Finds out which hellos are good ones here: once, first. 0, with a message, if none is. */
int deliberate_open(void);

/*
 * What ours has to do with the case: what plain libssl does with it, after each datagram that they take otherwise is
 * exchanged for one that they take alike. 0, with the reason in the log, where plain libssl does something with one of
 * them that no difference of the list explains.
 */
int deliberate_expectation(const struct mcase *c, struct log *expected);

/* Each difference, and how often it was seen. 0 if one was seen too seldom for so many cases. */
int deliberate_report(unsigned long cases);

#endif
