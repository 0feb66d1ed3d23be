/* A datagram, as ours has to look at it. */

#ifndef MACRO_VIEW_H
#define MACRO_VIEW_H

#include "case.h"

enum view { DROPS, ASKS, ACCEPTS };

enum view view_of(const struct mcase *c, const struct one_read *read);

/* The length of the first record, as far as it is there. */
size_t view_first_record(const unsigned char *bytes, size_t len);

/* OpenSSL's checks: the cookie of a hello that passes them, else NULL. */
const unsigned char *view_cookie(const unsigned char *bytes, size_t len, size_t *cookie_len);

int view_is_fragment(const unsigned char *bytes);

/* A message that libssl may keep although it does nothing about it now? */
int view_may_be_kept(const unsigned char *bytes, size_t len);

#endif
