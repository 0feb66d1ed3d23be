/*
 * Kinds of datagrams, each by a name, so that each is known to have been tried: hellos, and the table of all, in kinds.c;
 * what is wrong with a record, in kinds_record.c, and with a message, in kinds_message.c.
 */

#ifndef MACRO_KINDS_H
#define MACRO_KINDS_H

#include "case.h"
#include "prng.h"

/* The version of hellos that are good ones: the best that the loaded libssl speaks. */
extern unsigned int kinds_version;

size_t kinds_count(void);
const char *kinds_name(size_t kind);

/* Makes one of that kind for the case. Returns its length. */
size_t kinds_make(size_t kind, struct prng *prng, const struct mcase *c, unsigned char *bytes);

/* A hello of this record sequence number, without a cookie or with the case's, that nobody has anything against. */
size_t kinds_plain_hello(
    const struct mcase *c, const unsigned char *sequence, int with_cookie, unsigned char *bytes);

/* As a stock client sends it: with the case's cookie or without; with it more often than not. */
size_t kinds_stock(struct prng *prng, const struct mcase *c, int with_cookie, unsigned char *bytes);
size_t kinds_stock_either(struct prng *prng, const struct mcase *c, unsigned char *bytes);

/* Changes a number by a little. Returns `len`. */
size_t kinds_off_by(struct prng *prng, unsigned char *bytes, size_t len, size_t at, size_t size);

#define KIND(name) size_t name(struct prng *prng, const struct mcase *c, unsigned char *bytes)

#endif
