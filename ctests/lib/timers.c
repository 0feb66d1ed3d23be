#define _DEFAULT_SOURCE /* usleep() */
#include "check.h"
#include "tls.h"

#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifdef LIBRESSL_VERSION_NUMBER

/*
 * It has no DTLS_set_timer_cb(): a timer takes a second, which a handshake takes too where a checker makes it slow. But
 * libssl asks gettimeofday() alone, and this one is found before libc's. One clock for all SSLs of the program: it stands
 * for a patient client that has no socket, and goes while the SSL that was hurried last is not patient again. Where all
 * are on sockets it goes, as the listener's own does. No lock: the tests fork.
 */

/* In microseconds: where it stands; 0 and below: how far ahead it goes. */
static _Atomic long long libssl_clock;
static SSL *_Atomic hurried;

static long long
now_really(void)
{
	struct timespec now;

	NEED(clock_gettime(CLOCK_REALTIME, &now) == 0);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static long long
now_for_libssl(void)
{
	long long at = libssl_clock;

	return at > 0 ? at : now_really() - at;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	long long now = now_for_libssl();

	(void)zone;
	tv->tv_sec = now / 1000000;
	tv->tv_usec = now % 1000000;
	return 0;
}

void
tls_patient(SSL *ssl)
{
	SSL *who = hurried;

	if ((who != NULL && who != ssl) || SSL_is_server(ssl) || SSL_get_fd(ssl) >= 0)
		return;
	hurried = NULL;
	libssl_clock = now_for_libssl();
}

void
tls_hasty(SSL *ssl, int tries)
{
	long long ahead = now_for_libssl() - now_really();

	(void)tries;
	hurried = ssl;
	/* It never goes back: it may have been put forward. */
	libssl_clock = ahead > 0 ? -ahead : 0;
}

void
tls_impatient(SSL *ssl)
{
	tls_hasty(ssl, 0);
}

/* Puts the clock forward. */
void
tls_time_out(SSL *ssl)
{
	struct timeval left;

	while (DTLSv1_get_timeout(ssl, &left) == 1 && (left.tv_sec != 0 || left.tv_usec != 0)) {
		long long by = left.tv_sec * 1000000LL + left.tv_usec;

		libssl_clock += libssl_clock > 0 ? by : -by;
	}
	CHECK_INT(DTLSv1_handle_timeout(ssl), 1);
}

#else

static unsigned int
an_hour(SSL *ssl, unsigned int microseconds)
{
	(void)ssl;
	(void)microseconds;
	return 3600000000;
}

static unsigned int
half_a_second(SSL *ssl, unsigned int microseconds)
{
	(void)ssl;
	(void)microseconds;
	return 500000;
}

static unsigned int moment; /* microseconds */

static unsigned int
a_moment(SSL *ssl, unsigned int microseconds)
{
	(void)ssl;
	(void)microseconds;
	return moment;
}

void
tls_hasty(SSL *ssl, int tries)
{
	moment = 20000U << (tries < 8 ? tries : 8);
	DTLS_set_timer_cb(ssl, a_moment);
}

void
tls_patient(SSL *ssl)
{
	DTLS_set_timer_cb(ssl, an_hour);
}

void
tls_impatient(SSL *ssl)
{
	DTLS_set_timer_cb(ssl, half_a_second);
}

void
tls_time_out(SSL *ssl)
{
	struct timeval left;

	while (DTLSv1_get_timeout(ssl, &left) == 1 && (left.tv_sec != 0 || left.tv_usec != 0)) {
		sleep((unsigned int)left.tv_sec);
		usleep((useconds_t)left.tv_usec);
	}
	CHECK_INT(DTLSv1_handle_timeout(ssl), 1);
}

#endif
