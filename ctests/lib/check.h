/*
 * The checks that every test program is made of.
 *
 * check_begin() proves that DTLSv1_listen is ours before anything else runs:
 * without that, every test would pass on OpenSSL's own function.
 */
#ifndef CTESTS_CHECK_H
#define CTESTS_CHECK_H

#include <stddef.h>

#define CHECK(cond) check_true((cond) != 0, #cond, __FILE__, __LINE__, __func__)
#define CHECK_INT(got, want) \
	check_int((long)(got), (long)(want), #got, __FILE__, __LINE__, __func__)
#define CHECK_STR(got, want) check_str((got), (want), #got, __FILE__, __LINE__, __func__)
#define CHECK_BYTES(got, want, len) \
	check_bytes((got), (want), (len), #got, __FILE__, __LINE__, __func__)

/* Exactly one entry in the error queue, SSL's, with this reason; 0: none. */
#define CHECK_QUEUED(reason) check_queued((reason), #reason, __FILE__, __LINE__, __func__)

void check_begin(const char *program);
int check_end(void);
int check_failures(void); /* so far */
/* Part of this program cannot run here: run.sh names it in the sum. */
void check_left_out(const char *what, const char *why);
void check_case(const char *what); /* named in failures, one a thread */

/* The file that holds the function that a call to NAME reaches. */
const char *check_owner(const char *symbol);

/*
 * What SSL_get_error() says after a datagram was dropped. It looks at the error
 * queue, until 4.0, which looks at the SSL.
 */
#define ERROR_OF_A_DROP (OPENSSL_VERSION_NUMBER >= 0x40000000L ? SSL_ERROR_SYSCALL : SSL_ERROR_SSL)

/* For what the test itself needs and cannot do without. */
#define NEED(cond) \
	do { \
		if (!(cond)) \
			check_die(#cond, __FILE__, __LINE__); \
	} while (0)
_Noreturn void check_die(const char *, const char *, int);

void check_true(int, const char *, const char *, int, const char *);
void check_int(long, long, const char *, const char *, int, const char *);
void check_str(const char *, const char *, const char *, const char *, int, const char *);
void check_bytes(const void *, const void *, size_t, const char *, const char *, int, const char *);
void check_queued(int, const char *, const char *, int, const char *);

#endif
