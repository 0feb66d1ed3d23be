/*
 * A socket for each client: bind() beside the listening one, then connect().
 * What comes in between for others is libssl's to drop, as in most servers.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "listen.h"
#include "many.h"

#define EVENTS    64
#define TIMERS_MS 100

/* Of those whose handshake goes on, in no order. */
static SSL **shaking;
static size_t shaking_count, shaking_room;
static SSL_CTX *ctx;
static SSL *listening;
static int listening_fd, epoll_fd;
static struct sockaddr_in own;

static int
udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	socklen_t len = sizeof(own);

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) == -1)
		die("making a socket");
	return fd;
}

static void
watch(int fd, void *data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		die("epoll_ctl");
}

static void
listen_anew(void)
{
	BIO *bio = BIO_new_dgram(listening_fd, BIO_NOCLOSE);

	listening = SSL_new(ctx);
	if (listening == NULL || bio == NULL)
		die("SSL_new");
	SSL_set_bio(listening, bio, bio);
}

static in_port_t
open_connected(SSL_CTX *given)
{
	ctx = given;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	own.sin_family = AF_INET;
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listening_fd = udp_socket();
	watch(listening_fd, NULL);
	listen_anew();
	return ntohs(own.sin_port);
}

/* The list and the SSL tell of each other by its place, plus one. */
static void
forget_shaking(SSL *ssl)
{
	size_t at = (size_t)SSL_get_app_data(ssl);

	if (at == 0)
		return;
	shaking[at - 1] = shaking[--shaking_count];
	(void)SSL_set_app_data(shaking[at - 1], (void *)at);
	(void)SSL_set_app_data(ssl, NULL);
}

static void
add_shaking(SSL *ssl)
{
	if (shaking_count == shaking_room) {
		shaking_room = shaking_room == 0 ? 64 : 2 * shaking_room;
		shaking = realloc(shaking, shaking_room * sizeof(*shaking));
		if (shaking == NULL)
			die("realloc");
	}
	shaking[shaking_count++] = ssl;
	(void)SSL_set_app_data(ssl, (void *)shaking_count);
}

static void
go_on(SSL *ssl)
{
	int there = serve(ssl);

	if (!there || SSL_is_init_finished(ssl))
		forget_shaking(ssl);
	if (!there) {
		SSL_free(ssl); /* and its socket */
		clients_there--;
	}
}

static void
accept_all(void)
{
	struct sockaddr_storage peer;
	SSL *ssl;
	BIO *bio;
	int fd;

	while (LISTEN(listening, &peer) > 0) {
		ssl = listening;
		fd = udp_socket();
		if (connect(fd, (struct sockaddr *)&peer, sizeof(struct sockaddr_in)) == -1)
			die("connect");
		bio = SSL_get_rbio(ssl);
		BIO_set_fd(bio, fd, BIO_CLOSE);
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, &peer);
		watch(fd, ssl);
		add_shaking(ssl);
		clients_there++;
		listen_anew();
		go_on(ssl);
	}
}

static void
run_timers(void)
{
	static double last;
	struct timespec t;
	double now;
	size_t i;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
	if (now - last < TIMERS_MS)
		return;
	last = now;
	for (i = 0; i < shaking_count; i++) {
		ERR_clear_error();
		(void)DTLSv1_handle_timeout(shaking[i]);
	}
}

static void
turn_connected(void)
{
	struct epoll_event events[EVENTS];
	int i, n = epoll_wait(epoll_fd, events, EVENTS, 50);

	for (i = 0; i < n; i++) {
		if (events[i].data.ptr == NULL)
			accept_all();
		else
			go_on(events[i].data.ptr);
	}
	run_timers();
}

const struct server connected = { open_connected, turn_connected };
