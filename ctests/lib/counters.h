/*
 * The library's counters, and what a piece of a test changed in them.
 */
#ifndef CTESTS_COUNTERS_H
#define CTESTS_COUNTERS_H

#include "../../include/dtlsv1_listen.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

extern int (*get_stats)(struct dtlsv1_listen_stats *, size_t);
extern int (*set_budget)(SSL_CTX *, unsigned int);

void counters_init(void);

/*
 * What changed since the last call, in the order of the structure, such as
 * "datagrams 2 bytes_in 180"; no member is left out. "" if nothing did.
 */
const char *counters_changes(void);

/* A member by its name in the structure. */
uint64_t counters_of(const struct dtlsv1_listen_stats *, const char *name);

/* Each member's name, in their order; NULL behind the last. */
const char *counters_name(size_t i);

#endif
