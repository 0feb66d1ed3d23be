/* What a plugin has, and a program that serves itself. */
#ifndef CTESTS_LIBSSLS_SERVE_H
#define CTESTS_LIBSSLS_SERVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>

const char *serve_version(void);
/* NULL: a client was accepted and spoken to; else what went wrong. */
const char *serve(const char *certificate, const char *key, int with_callbacks);
const char *serve_tls(void);

#endif
