/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * The most memory that was resident so far, in KiB. Not getrusage()'s ru_maxrss,
 * which counts what the process was before exec.
 */
long peak_kb(void);

#endif
