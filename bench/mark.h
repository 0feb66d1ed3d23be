/*
 * Where measuring begins and ends. Under stepcount it counts the instructions
 * in between; otherwise the two do nothing.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef MARK_H
#define MARK_H

#define MARK_FD_ENV "BENCH_MARK_FD"	/* stepcount's shared page */

/* Tells the counter's own cost by marking nothing once. Call it first. */
void mark_init(void);
void mark_begin(void);
void mark_end(void);

#endif
