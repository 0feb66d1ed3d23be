/*
 * Our own functions, looked up at run time, so that one program links with
 * libssl alone (and is run preloaded) and with ours in front of it.
 */
#ifndef CTESTS_OURS_H
#define CTESTS_OURS_H

#include "../../include/dtlsv1_listen.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

/* The function that the program is linked to, or preloaded with. */
#undef DTLSv1_listen

enum {
	AUTO = DTLSV1_LISTEN_COOKIES_AUTO,
	APP = DTLSV1_LISTEN_COOKIES_APP,
	BUILTIN = DTLSV1_LISTEN_COOKIES_BUILTIN
};
enum {
	SEQUENCE = DTLSV1_LISTEN_REPAIR_SEQUENCE,
	TRAILING = DTLSV1_LISTEN_REPAIR_TRAILING,
	FRAGMENTS = DTLSV1_LISTEN_REPAIR_FRAGMENTS,
	ALL = DTLSV1_LISTEN_REPAIR_ALL
};

struct ours {
	int (*peer)(SSL *, struct sockaddr *, socklen_t *);
	int (*set_peer)(SSL *, const struct sockaddr *, socklen_t);
	int (*set_cookie_policy)(SSL_CTX *, int);
	int (*set_repairs)(SSL_CTX *, unsigned int);
	int (*set_secret)(SSL_CTX *, const unsigned char *, size_t);
	int (*set_secret_file)(SSL_CTX *, const char *);
	int (*set_cookie_lifetime)(SSL_CTX *, unsigned int);
	int (*cookie_generate)(SSL *, unsigned char *, unsigned int *);
	int (*cookie_verify)(SSL *, const unsigned char *, unsigned int);
	const char *(*version)(void);
	int (*datagram)(SSL_CTX *, const unsigned char *, size_t, const struct sockaddr *,
	    socklen_t, unsigned char *, size_t *);
	int (*adopt)(SSL *, const unsigned char *, size_t, const struct sockaddr *, socklen_t);
};
extern struct ours ours;

void ours_init(void); /* check_begin() calls it */

/* One that is not above, into a pointer to it. */
void ours_find(const char *symbol, void *function);

/* libssl's own function of that name, whatever stands in front of it. */
void *libssl_own(const char *symbol);

#endif
