/*
 * Where measuring begins and ends: the instructions in between are counted when
 * BENCH_STEPS is set in the environment. Otherwise these do nothing.
 *
 * They are counted on the real processor, one trap for each, so that whatever it
 * has (SHA extensions) is used; callgrind emulates one that may lack it, and no
 * performance counters are needed. A repeated string instruction (rep movsb)
 * counts once, as the processor's own counter has it.
 *
 * For each pair of marks a line of JSON goes to stdout, less what an empty pair
 * costs: {"instructions":N,"objects":{"libssl.so.3":N,...}}. BENCH_STEPS=FILE
 * also writes "count object offset" for every address to FILE (profile.py).
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef MARK_H
#define MARK_H

/* Call it first, and outside of what is marked. */
void mark_init(void);
void mark_begin(void);
void mark_end(void);

#endif
