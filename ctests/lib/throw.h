/*
 * A C++ exception, thrown and caught for programs in C.
 */
#ifndef CTESTS_THROW_H
#define CTESTS_THROW_H

#ifdef __cplusplus
extern "C" {
#endif

void throw_it(int value);
int catch_it(void (*body)(void *), void *arg); /* what came out, or 0 */

#ifdef __cplusplus
}
#endif

#endif
