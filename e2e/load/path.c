/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <openssl/err.h>

#include "options.h"
#include "path.h"

static BIO_METHOD *method;
static struct sockaddr_storage server;
static socklen_t server_len;
static uint64_t chance;

double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
is_lost(void)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (double)(chance >> 33) / 2147483648.0 * 100 < opt.loss;
}

static int
path_read(BIO *bio, char *to, int room)
{
	int fd = ((struct path *)BIO_get_data(bio))->fd;
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = recv(fd, to, (size_t)room, MSG_DONTWAIT);
	while ((n > 0 && is_lost()) || (n == -1 && errno == ECONNREFUSED));
	if (n <= 0)
		BIO_set_retry_read(bio);
	return n <= 0 ? -1 : (int)n;
}

static int
path_write(BIO *bio, const char *from, int len)
{
	int fd = ((struct path *)BIO_get_data(bio))->fd, i;

	BIO_clear_retry_flags(bio);
	for (i = 0; i <= opt.twice; i++)
		if (!is_lost())
			(void)!send(fd, from, (size_t)len, MSG_DONTWAIT);
	return len;
}

static long
path_ctrl(BIO *bio, int command, long larg, void *parg)
{
	struct path *path = BIO_get_data(bio);
	struct timeval t, wall;

	(void)larg;
	switch (command) {
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		memcpy(&t, parg, sizeof(t));
		path->retry = 0;
		if (t.tv_sec != 0 || t.tv_usec != 0) {
			gettimeofday(&wall, NULL);
			path->retry = now() + (double)(t.tv_sec - wall.tv_sec) +
			    (double)(t.tv_usec - wall.tv_usec) / 1e6;
		}
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return 1200;
	case BIO_CTRL_FLUSH: return 1;
	default: return 0;
	}
}

int
paths_init(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV },
			*at;
	struct rlimit files = { 1048576, 1048576 };

	if (setrlimit(RLIMIT_NOFILE, &files) == -1) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (getaddrinfo(address, port, &hints, &at) != 0)
		return 0;
	memcpy(&server, at->ai_addr, at->ai_addrlen);
	server_len = at->ai_addrlen;
	freeaddrinfo(at);
	chance = (uint64_t)opt.seed * 0x9E3779B97F4A7C15u;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "path");
	if (method != NULL) {
		BIO_meth_set_read(method, path_read);
		BIO_meth_set_write(method, path_write);
		BIO_meth_set_ctrl(method, path_ctrl);
	}
	return 1;
}

void
paths_end(void)
{
	BIO_meth_free(method);
}

int
path_open(struct path *path, long i, int epoll_fd, void *data)
{
	struct sockaddr_storage to = server;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	path->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (to.ss_family == AF_INET && opt.spread > 1)
		((struct sockaddr_in *)&to)->sin_addr.s_addr =
		    htonl(0x7F000001u + (uint32_t)(i % opt.spread));
	if (path->fd == -1 || connect(path->fd, (struct sockaddr *)&to, server_len) == -1)
		return -1;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, path->fd, &event);
}

BIO *
path_bio(struct path *path)
{
	BIO *bio = method == NULL ? NULL : BIO_new(method);

	if (bio != NULL) {
		BIO_set_data(bio, path);
		BIO_set_init(bio, 1);
	}
	return bio;
}

void
path_die(const char *what)
{
	fprintf(stderr, "clients: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(2);
}

void
path_slander(const struct path *path, int forged)
{
	unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 107, 1, 0, 0, 95, 0,
		(unsigned char)forged, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };

	memset(hello + 27, 0x77, 32);
	hello[60] = forged ? 32 : 0;
	memset(hello + 61, forged ? 0x55 : 0, 32);
	(void)!send(path->fd, hello, sizeof(hello), MSG_DONTWAIT);
}
