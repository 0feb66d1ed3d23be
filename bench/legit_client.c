/*
 * Clients as libssl has them: SSL_connect, again and again.
 *
 *	legit_client PORT SECONDS CLIENTS
 *
 * Each of as many threads makes one handshake after the other to 127.0.0.1, none
 * begun after SECONDS, each given up after PATIENCE. Prints JSON: how long each
 * took in milliseconds, and how many were given up.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
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

#define PATIENCE    4.0 /* seconds; the client has asked three times by then, after 1 and 3 */
#define MAX_CLIENTS 64
#define MAX_TIMES   100000

struct client {
	pthread_t thread;
	SSL_CTX *ctx;
	struct sockaddr_in server;
	double end;
	double *times;
	long done, given_up;
};

static void
die(const char *what)
{
	fprintf(stderr, "legit_client: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 1 when the handshake is done, 0 when it is given up. */
static int
shake_hands(SSL *ssl, int fd, double deadline)
{
	struct pollfd readable = { fd, POLLIN, 0 };
	struct timeval left;
	double wait;
	int ret;

	while ((ret = SSL_connect(ssl)) != 1) {
		if (SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ || now() > deadline)
			return 0;
		wait = deadline - now();
		if (DTLSv1_get_timeout(ssl, &left) == 1 &&
		    (double)left.tv_sec + (double)left.tv_usec / 1e6 < wait)
			wait = (double)left.tv_sec + (double)left.tv_usec / 1e6;
		if (poll(&readable, 1, (int)(wait * 1000) + 1) == 0 &&
		    DTLSv1_handle_timeout(ssl) == -1)
			return 0;
	}
	return 1;
}

static void *
work(void *arg)
{
	struct client *self = arg;
	double begin;
	SSL *ssl;
	BIO *bio;
	int fd;

	while ((begin = now()) < self->end && self->done < MAX_TIMES) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd == -1 || fcntl(fd, F_SETFL, O_NONBLOCK) == -1 ||
		    connect(fd, (struct sockaddr *)&self->server, sizeof(self->server)) == -1)
			die("making a socket");
		ssl = SSL_new(self->ctx);
		bio = BIO_new_dgram(fd, BIO_CLOSE);
		if (ssl == NULL || bio == NULL)
			die("SSL_new");
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, &self->server);
		SSL_set_bio(ssl, bio, bio);
		if (shake_hands(ssl, fd, begin + PATIENCE))
			self->times[self->done++] = (now() - begin) * 1000;
		else
			self->given_up++;
		ERR_clear_error();
		SSL_free(ssl);
	}
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct client clients[MAX_CLIENTS] = { 0 }, like = { 0 };
	const char *separator = "";
	long i, j, count, given_up = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: legit_client PORT SECONDS CLIENTS\n");
		return 2;
	}
	count = atol(argv[3]);
	like.ctx = SSL_CTX_new(DTLS_client_method());
	if (like.ctx == NULL || count < 1 || count > MAX_CLIENTS)
		die("these arguments make no sense");
	like.server.sin_family = AF_INET;
	like.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	like.server.sin_port = htons((in_port_t)atoi(argv[1]));
	like.end = now() + atof(argv[2]);
	for (i = 0; i < count; i++) {
		clients[i] = like;
		clients[i].times = calloc(MAX_TIMES, sizeof(double));
		if (clients[i].times == NULL ||
		    pthread_create(&clients[i].thread, NULL, work, &clients[i]) != 0)
			die("pthread_create");
	}
	printf("{\"ms\":[");
	for (i = 0; i < count; i++) {
		pthread_join(clients[i].thread, NULL);
		given_up += clients[i].given_up;
		for (j = 0; j < clients[i].done; j++) {
			printf("%s%.3f", separator, clients[i].times[j]);
			separator = ",";
		}
	}
	printf("],\"given_up\":%ld}\n", given_up);
	return 0;
}
