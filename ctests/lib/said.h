/*
 * What is said on stderr. The library takes for stderr what a program was
 * started with, and nothing that was put in its place: so a test that reads
 * it starts itself again, with its stderr in a file.
 */
#ifndef CTESTS_SAID_H
#define CTESTS_SAID_H

/* First of all in main(). What the test says is shown if it fails. */
void said_begin(char **argv);

/* All since the last time, of this process and its children. */
const char *said(void);

#endif
