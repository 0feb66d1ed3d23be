/*
 * The servers that are flooded.
 *
 *	flood_server HOW CALLBACKS 4|6 THREADS
 *
 *	HOW        bare    recvfrom and sendto of a constant answer: what the kernel
 *	                   alone costs
 *	           batch   the same with recvmmsg and sendmmsg, 32 at a time
 *	           bio     the same through libcrypto's datagram BIO, the way that
 *	                   DTLSv1_listen has to go
 *	           listen  DTLSv1_listen
 *	           batched the same on the BIO of dtlsv1_listen_bio_new()
 *	           peer    recvfrom, sendto and another stack (peer.h), where it was
 *	                   built with one
 *	CALLBACKS  for listen: trivial, usual, competent, evp_mac or none (callbacks.h)
 *
 * Each thread has a socket of its own on one port (SO_REUSEPORT) and an SSL on
 * one SSL_CTX. One thread is the program's first: with another beside it the
 * kernel counts who uses a socket, and every system call costs more. Prints "port N"; on SIGTERM it handles what has arrived and
 * prints JSON: datagrams that did not fit into the sockets, CPU seconds of the
 * threads, calls of DTLSv1_listen (or reads), peak resident memory.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bare.h"
#include "callbacks.h"
#include "clock.h"
#include "listen.h"
#include "memory.h"

#define MAX_THREADS 16
#define IDLE_USEC   50000 /* a read waits as long, then looks at `stop` */

volatile sig_atomic_t stop;

static void
die(const char *what)
{
	fprintf(stderr, "flood_server: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void
on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static void
serve_on(struct worker *self, BIO *bio)
{
	SSL *ssl = SSL_new(self->ctx);
	struct sockaddr_storage peer;
	int ret;

	if (ssl == NULL || bio == NULL)
		die("SSL_new");
	SSL_set_bio(ssl, bio, bio);
	for (;;) {
		ret = LISTEN(ssl, &peer);
		self->calls++;
		if (ret > 0)
			die("DTLSv1_listen accepted a forged cookie");
		/* An interrupted or timed-out read counts as "again". */
		if (ret < 0 && SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
			die("DTLSv1_listen");
		if (stop && ERR_peek_error() == 0)
			break;
	}
	SSL_free(ssl);
}

static void
serve_listen(struct worker *self)
{
	serve_on(self, BIO_new_dgram(self->fd, BIO_NOCLOSE));
}

static void
serve_batched(struct worker *self)
{
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_bio_new");
	BIO *(*bio_new)(int);

	if (at == NULL)
		die("our library is not preloaded");
	memcpy(&bio_new, &at, sizeof(at));
	serve_on(self, bio_new(self->fd));
}

static void *
work(void *arg)
{
	struct worker *self = arg;
	double begin = cpu_seconds();

	self->serve(self);
	self->seconds = cpu_seconds() - begin;
	return NULL;
}

static int
udp_socket(int family, in_port_t *port)
{
	struct timeval idle = { 0, IDLE_USEC };
	struct sockaddr_in6 six = { 0 };
	struct sockaddr_in four = { 0 };
	struct sockaddr *addr = family == 6 ? (void *)&six : (void *)&four;
	socklen_t len = family == 6 ? sizeof(six) : sizeof(four);
	int fd, on = 1;

	six.sin6_family = AF_INET6;
	six.sin6_addr = in6addr_loopback;
	six.sin6_port = *port;
	four.sin_family = AF_INET;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	four.sin_port = *port;
	fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle)) == -1 ||
	    bind(fd, addr, len) == -1 || getsockname(fd, addr, &len) == -1)
		die("making a socket");
	*port = family == 6 ? six.sin6_port : four.sin_port;
	return fd;
}

/* Datagrams that arrived and found no room. */
static unsigned long
dropped(int fd)
{
	unsigned int info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == -1)
		die("SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

int
main(int argc, char *argv[])
{
	struct worker workers[MAX_THREADS] = { 0 }, like = { 0 };
	struct sigaction action = { 0 };
	in_port_t port = 0;
	unsigned long drops = 0;
	double seconds = 0;
	long i, threads, calls = 0;
	int family;

	if (argc != 5) {
		fprintf(stderr,
		    "usage: flood_server bare|batch|bio|listen|batched "
		    "trivial|usual|competent|evp_mac|none 4|6 THREADS\n");
		return 2;
	}
	family = atoi(argv[3]);
	threads = atol(argv[4]);
	if (strcmp(argv[1], "listen") == 0)
		like.serve = serve_listen;
	else if (strcmp(argv[1], "batched") == 0)
		like.serve = serve_batched;
#ifdef PEER
	else if (strcmp(argv[1], "peer") == 0)
		like.serve = serve_peer;
#endif
	else if (strcmp(argv[1], "batch") == 0)
		like.serve = serve_batch;
	else if (strcmp(argv[1], "bio") == 0)
		like.serve = serve_bio;
	else
		like.serve = serve_bare;
	like.ctx = context_new(argv[2]);
	if (threads < 1 || threads > MAX_THREADS)
		die("these arguments make no sense");
	action.sa_handler = on_term;
	sigaction(SIGTERM, &action, NULL);

	for (i = 0; i < threads; i++) {
		workers[i] = like;
		workers[i].fd = udp_socket(family, &port);
	}
	for (i = 1; i < threads; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			die("pthread_create");
	printf("port %d\n", ntohs(port));
	fflush(stdout);
	work(&workers[0]);
	for (i = 0; i < threads; i++) {
		if (i > 0)
			pthread_join(workers[i].thread, NULL);
		drops += dropped(workers[i].fd);
		seconds += workers[i].seconds;
		calls += workers[i].calls;
	}
	printf("{\"dropped\":%lu,\"cpu\":%.6f,\"calls\":%ld,\"peak_kb\":%ld}\n", drops, seconds,
	    calls, peak_kb());
	SSL_CTX_free(like.ctx);
	return 0;
}
