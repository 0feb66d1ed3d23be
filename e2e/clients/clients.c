/*
 * Many DTLS clients in one thread: each shakes hands, has messages echoed, and
 * perhaps begins anew from the same port.
 *
 *	clients ADDRESS PORT CLIENTS [OPTION...]
 *
 *	loss=P		loses P % of what is sent and of what comes, by chance
 *	double=1	sends everything twice
 *	parallel=N	handshakes at the same time (all)
 *	messages=N	that each has echoed (1)
 *	restart=1	each begins anew from its port, with no word to the server
 *	again=N		hellos, without a cookie and forged, that each sends between its
 *			messages, as a stranger in its name would (0)
 *	spread=N	local addresses of the server, from 127.0.0.1 on, in turn (1)
 *	idle=SECONDS	stays connected so long, and has a message echoed at the end
 *	patience=SECONDS for each step (30)
 *	seed=N		of chance (1)
 *
 * Prints JSON. Exits with 1 if any client is dead: not served within the
 * patience.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
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
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum state { WAITING, SHAKING, ASKING, IDLE, DONE, DEAD };

struct client {
	SSL		*ssl;
	int		fd;
	enum state	state;
	int		restarted, idled;
	int		asked, answered;	/* messages */
	double		since;		/* the step began */
	double		sent;		/* the message, last */
	double		retry;		/* libssl's timer; 0: none */
};

static struct option {
	double	loss, idle, patience;
	long	twice, parallel, messages, restart, again, spread, seed;
} opt = { 0, 0, 30, 0, 0, 1, 0, 0, 1, 1 };

static struct client *clients;
static long count;
static int epoll_fd;
static SSL_CTX *ctx;
static BIO_METHOD *method;
static struct sockaddr_storage server;
static socklen_t server_len;
static uint64_t chance_state;

static struct {
	long	handshakes, restarts, dead, messages, lost_messages, slow, flights;
	double	slowest;
} sum;

static void
die(const char *what)
{
	fprintf(stderr, "clients: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
is_lost(void)
{
	chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(chance_state >> 33) / 2147483648.0 * 100 < opt.loss;
}

/* The BIO: a connected socket that loses and doubles. */
static int
bio_read(BIO *bio, char *to, int room)
{
	int fd = ((struct client *)BIO_get_data(bio))->fd;
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
bio_write(BIO *bio, const char *from, int len)
{
	int fd = ((struct client *)BIO_get_data(bio))->fd, i;

	BIO_clear_retry_flags(bio);
	sum.flights++;
	for (i = 0; i <= opt.twice; i++)
		if (!is_lost())
			(void)!send(fd, from, (size_t)len, MSG_DONTWAIT);
	return len;
}

static long
bio_ctrl(BIO *bio, int command, long larg, void *parg)
{
	struct client *client = BIO_get_data(bio);
	struct timeval t, wall;

	(void)larg;
	switch (command) {
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		memcpy(&t, parg, sizeof(t));
		client->retry = 0;
		if (t.tv_sec != 0 || t.tv_usec != 0) {
			gettimeofday(&wall, NULL);
			client->retry = now() + (double)(t.tv_sec - wall.tv_sec) +
			    (double)(t.tv_usec - wall.tv_usec) / 1e6;
		}
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return 1200;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

static void
begin(struct client *client)
{
	BIO *bio = BIO_new(method);

	client->ssl = SSL_new(ctx);
	if (client->ssl == NULL || bio == NULL)
		die("SSL_new");
	BIO_set_data(bio, client);
	BIO_set_init(bio, 1);
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_connect_state(client->ssl);
	client->state = SHAKING;
	client->since = now();
	client->asked = client->answered = 0;
}

static void
open_socket(struct client *client, long i)
{
	struct sockaddr_storage to = server;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	client->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (to.ss_family == AF_INET && opt.spread > 1)
		((struct sockaddr_in *)&to)->sin_addr.s_addr =
		    htonl(0x7F000001u + (uint32_t)(i % opt.spread));
	if (client->fd == -1 ||
	    connect(client->fd, (struct sockaddr *)&to, server_len) == -1 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) == -1)
		die("a client's socket");
}

/* A hello in this client's name that the server must not take for its own. */
static void
slander(struct client *client, int forged)
{
	unsigned char hello[120] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 9, 0, 107,
	    1, 0, 0, 95, 0, (unsigned char)forged, 0, 0, 0, 0, 0, 95, 0xFE, 0xFD };

	memset(hello + 27, 0x77, 32);
	hello[60] = forged ? 32 : 0;
	memset(hello + 61, forged ? 0x55 : 0, 32);
	(void)!send(client->fd, hello, sizeof(hello), MSG_DONTWAIT);
}

static void
ask(struct client *client)
{
	char message[32];
	int n = snprintf(message, sizeof(message), "%d", client->asked), i;

	for (i = 0; i < opt.again; i++)
		slander(client, i % 2);
	client->sent = now();
	(void)SSL_write(client->ssl, message, n);
}

static void
dead(struct client *client, const char *what)
{
	if (sum.dead++ < 5) {
		fprintf(stderr, "clients: number %ld is dead: %s\n",
		    (long)(client - clients), what);
		ERR_print_errors_fp(stderr);
	}
	ERR_clear_error();
	client->state = DEAD;
}

static void
answered(struct client *client, const char *message)
{
	/* An answer to one that was repeated comes twice. */
	if (client->state != ASKING || atoi(message) != client->asked)
		return;
	sum.messages++;
	client->asked++;
	if (++client->answered < opt.messages) {
		ask(client);
	} else if (opt.restart && !client->restarted) {
		SSL_free(client->ssl);
		client->restarted = 1;
		begin(client);
		sum.restarts++;
	} else {
		client->state = opt.idle > 0 && !client->idled ? IDLE : DONE;
		client->since = now();
	}
}

static void
step(struct client *client)
{
	char message[256];
	double took;
	int n;

	ERR_clear_error();
	if (client->state == SHAKING) {
		n = SSL_do_handshake(client->ssl);
		if (n != 1) {
			if (SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ)
				dead(client, "handshake");
			return;
		}
		took = now() - client->since;
		sum.slowest = took > sum.slowest ? took : sum.slowest;
		sum.slow += took > 0.9;
		sum.handshakes++;
		client->retry = 0;
		client->since = now();
		client->state = ASKING;
		ask(client);
	}
	while (client->state == ASKING || client->state == IDLE) {
		n = SSL_read(client->ssl, message, sizeof(message) - 1);
		if (n <= 0) {
			if (SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ)
				dead(client, "read");
			return;
		}
		message[n] = '\0';
		answered(client, message);
		if (client->state == SHAKING)
			step(client);
	}
}

static void
clock_tick(struct client *client, double t)
{
	if (client->state == SHAKING || client->state == ASKING) {
		if (client->retry != 0 && client->retry <= t) {
			client->retry = 0;
			ERR_clear_error();
			if (DTLSv1_handle_timeout(client->ssl) < 0)
				dead(client, "gave up");
		}
	}
	if (client->state == ASKING && t - client->sent > 1) {
		sum.lost_messages++;
		ask(client);
	}
	if ((client->state == SHAKING || client->state == ASKING) &&
	    t - client->since > opt.patience)
		dead(client, client->state == SHAKING ? "no handshake" : "no answer");
	if (client->state == IDLE && t - client->since > opt.idle) {
		client->idled = 1;
		client->state = ASKING;
		client->since = t;
		ask(client);
	}
}

static long
run(void)
{
	struct epoll_event events[256];
	long i, next = 0, busy, finished;
	double ticked = 0, t;
	int n;

	for (;;) {
		t = now();
		if (t - ticked > 0.02) {
			ticked = t;
			busy = finished = 0;
			for (i = 0; i < next; i++) {
				clock_tick(&clients[i], t);
				busy += clients[i].state == SHAKING;
				finished += clients[i].state >= DONE;
			}
			while (next < count && busy < opt.parallel) {
				open_socket(&clients[next], next);
				begin(&clients[next]);
				step(&clients[next++]);
				busy++;
			}
			if (finished == count)
				return next;
		}
		n = epoll_wait(epoll_fd, events, 256, 5);
		for (i = 0; i < n; i++)
			step(events[i].data.ptr);
	}
}

static void
read_options(int argc, char *argv[])
{
	static const struct { const char *name; double *real; long *whole; } names[] = {
		{ "loss", &opt.loss, NULL }, { "idle", &opt.idle, NULL },
		{ "patience", &opt.patience, NULL }, { "double", NULL, &opt.twice },
		{ "parallel", NULL, &opt.parallel }, { "messages", NULL, &opt.messages },
		{ "restart", NULL, &opt.restart }, { "again", NULL, &opt.again },
		{ "spread", NULL, &opt.spread }, { "seed", NULL, &opt.seed },
	};
	size_t k, len;
	int i;

	for (i = 4; i < argc; i++) {
		for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			len = strlen(names[k].name);
			if (strncmp(argv[i], names[k].name, len) == 0 && argv[i][len] == '=')
				break;
		}
		if (k == sizeof(names) / sizeof(names[0])) {
			fprintf(stderr, "clients: what is %s?\n", argv[i]);
			exit(2);
		}
		if (names[k].real != NULL)
			*names[k].real = atof(argv[i] + len + 1);
		else
			*names[k].whole = atol(argv[i] + len + 1);
	}
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *at;
	struct rlimit files = { 1048576, 1048576 };
	double began;
	long i;

	if (argc < 4 || getaddrinfo(argv[1], argv[2], &hints, &at) != 0) {
		fprintf(stderr, "usage: clients ADDRESS PORT CLIENTS [OPTION=VALUE...]\n");
		return 2;
	}
	memcpy(&server, at->ai_addr, at->ai_addrlen);
	server_len = at->ai_addrlen;
	freeaddrinfo(at);
	count = atol(argv[3]);
	read_options(argc, argv);
	if (opt.parallel == 0)
		opt.parallel = count;
	chance_state = (uint64_t)opt.seed * 0x9E3779B97F4A7C15u;
	if (setrlimit(RLIMIT_NOFILE, &files) == -1) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	ctx = SSL_CTX_new(DTLS_client_method());
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lossy");
	clients = calloc((size_t)count, sizeof(*clients));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ctx == NULL || method == NULL || clients == NULL || epoll_fd == -1)
		die("starting");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
#ifdef LIBRESSL_VERSION_NUMBER
	SSL_CTX_set_read_ahead(ctx, 1);
#endif
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);

	began = now();
	run();
	printf("{\"clients\": %ld, \"dead\": %ld, \"handshakes\": %ld, "
	    "\"restarts\": %ld, \"messages\": %ld, \"repeated_messages\": %ld, "
	    "\"slow_handshakes\": %ld, \"slowest_s\": %.3f, \"seconds\": %.2f}\n",
	    count, sum.dead, sum.handshakes, sum.restarts, sum.messages,
	    sum.lost_messages, sum.slow, sum.slowest, now() - began);
	for (i = 0; i < count; i++) {
		SSL_free(clients[i].ssl);
		close(clients[i].fd);
	}
	SSL_CTX_free(ctx);
	BIO_meth_free(method);
	free(clients);
	return sum.dead != 0;
}
