/*
 * A DTLS server with real handshakes, to be flooded while clients come.
 *
 *	BENCH_PEM=CERTIFICATE-AND-KEY.pem legit_server CALLBACKS
 *
 * One thread listens with DTLSv1_listen; an accepted client gets a socket of its
 * own and a thread that finishes the handshake. Prints "port N"; on SIGTERM
 * prints JSON and ends, whatever handshakes are going on.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "callbacks.h"
#include "listen.h"

#define IDLE_USEC 50000 /* a read waits as long, then looks at `stop` */

static volatile sig_atomic_t stop;
static atomic_long finished, failed;

static void
die(const char *what)
{
	fprintf(stderr, "legit_server: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void
on_term(int signal)
{
	(void)signal;
	stop = 1;
}

static int
udp_socket(struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	socklen_t len = sizeof(*addr);

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)addr, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) == -1)
		die("making a socket");
	return fd;
}

static void *
handshake(void *arg)
{
	SSL *ssl = arg;

	if (SSL_accept(ssl) == 1)
		atomic_fetch_add(&finished, 1);
	else
		atomic_fetch_add(&failed, 1);
	SSL_free(ssl);
	return NULL;
}

/* A socket that hears this client only, and a thread for it. */
static void
serve(SSL *ssl, struct sockaddr_in local, struct sockaddr_in *peer)
{
	BIO *bio = SSL_get_rbio(ssl);
	unsigned char junk[1];
	pthread_t thread;
	int fd = udp_socket(&local);

	if (connect(fd, (struct sockaddr *)peer, sizeof(*peer)) == -1)
		die("connect");
	/*
	 * Between bind and connect the flood arrives here. The client says nothing
	 * before it is answered, so whatever is here is not its.
	 */
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) >= 0)
		;
	BIO_set_fd(bio, fd, BIO_CLOSE);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, peer);
	if (pthread_create(&thread, NULL, handshake, ssl) != 0)
		die("pthread_create");
	pthread_detach(thread);
}

static void
listen_on(SSL_CTX *ctx, int fd, struct sockaddr_in local)
{
	struct sockaddr_storage peer;
	SSL *ssl;
	BIO *bio;
	int ret;

	while (!stop) {
		ssl = SSL_new(ctx);
		bio = BIO_new_dgram(fd, BIO_NOCLOSE);
		if (ssl == NULL || bio == NULL)
			die("SSL_new");
		SSL_set_bio(ssl, bio, bio);
		while ((ret = LISTEN(ssl, &peer)) == 0 && !stop)
			;
		if (ret < 0)
			die("DTLSv1_listen");
		if (ret == 0) {
			SSL_free(ssl);
			continue;
		}
		serve(ssl, local, (struct sockaddr_in *)&peer);
	}
}

int
main(int argc, char *argv[])
{
	struct timeval idle = { 0, IDLE_USEC };
	struct sigaction action = { 0 };
	struct sockaddr_in local = { 0 };
	struct timespec cpu;
	SSL_CTX *ctx;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: BENCH_PEM=FILE legit_server trivial|usual|none\n");
		return 2;
	}
	ctx = context_new(argv[1]);
	action.sa_handler = on_term;
	sigaction(SIGTERM, &action, NULL);
	local.sin_family = AF_INET;
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = udp_socket(&local);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle)) == -1)
		die("SO_RCVTIMEO");
	printf("port %d\n", ntohs(local.sin_port));
	fflush(stdout);
	listen_on(ctx, fd, local);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	printf("{\"finished\":%ld,\"failed\":%ld,\"cpu\":%.6f}\n", atomic_load(&finished),
	    atomic_load(&failed), (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	fflush(stdout);
	_exit(0); /* handshakes may be going on */
}
