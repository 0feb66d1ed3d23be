/*
 * Many DTLS clients in one thread: each shakes hands, has messages echoed, and
 * perhaps begins anew from the same port.
 *
 *	clients ADDRESS PORT CLIENTS [NAME=VALUE...]	(options.h)
 *
 * Prints a line of JSON when all are there, if they stay, and one at the end.
 * Exits with 1 if any client is dead: not served within the patience.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "options.h"
#include "path.h"

#define AT_A_TIME 32

enum state { WAITING, SHAKING, ASKING, STAYING, DONE, DEAD };

struct client {
	SSL *ssl;
	struct path path;
	enum state state;
	int restarted, stayed;
	int asked, answered; /* messages */
	double since;        /* the step began */
	double sent;         /* the message, last */
};

static struct client *clients;
static long count, staying;
static int epoll_fd;
static double left_at; /* all have stayed long enough */
static SSL_CTX *ctx;

static struct {
	long handshakes, dead, messages, repeated, slow, sent, answered;
	double slowest;
} sum;

static void
begin(struct client *client)
{
	BIO *bio = path_bio(&client->path);

	client->ssl = SSL_new(ctx);
	if (client->ssl == NULL || bio == NULL)
		path_die("SSL_new");
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_connect_state(client->ssl);
	client->state = SHAKING;
	client->since = now();
	client->asked = client->answered = 0;
}

/*
 * Not before it begins anew: what a stranger in its name is answered would be
 * taken for the answer to its own new hello, as from any server.
 */
static long
slanders(const struct client *client)
{
	int last = client->answered + 1 >= opt.messages;

	return opt.restart && !client->restarted && last ? 0 : opt.again;
}

static void
ask(struct client *client)
{
	char message[32];
	int n = snprintf(message, sizeof(message), "%d", client->asked);
	long i = slanders(client);

	for (; i > 0; i--)
		path_slander(&client->path, i % 2);
	client->sent = now();
	(void)SSL_write(client->ssl, message, n);
}

static void
dead(struct client *client, const char *what)
{
	if (sum.dead++ < 5) {
		fprintf(
		    stderr, "clients: number %ld is dead: %s\n", (long)(client - clients), what);
		ERR_print_errors_fp(stderr);
	}
	ERR_clear_error();
	client->state = DEAD;
}

static void
answered(struct client *client, const char *message)
{
	sum.answered += client->state == STAYING;
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
	} else {
		client->state = opt.stay > 0 && !client->stayed ? STAYING : DONE;
		staying += client->state == STAYING;
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
		client->path.retry = 0;
		client->since += took;
		client->state = ASKING;
		ask(client);
	}
	while (client->state == ASKING || client->state == STAYING) {
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

/* All are there, or were; those who stay do so from now on. */
static void
tick_staying(struct client *client, double t)
{
	if (left_at == 0) {
		client->since = t;
		return;
	}
	/* The last ones have a second in which they may be answered. */
	if (opt.every > 0 && t < left_at - 1 && t - client->sent > opt.every / 1e3) {
		client->asked++;
		sum.sent++;
		ask(client);
	}
	if (t > left_at) {
		client->stayed = 1;
		client->state = ASKING;
		client->since = t;
		client->asked++;
		ask(client);
	}
}

static void
tick(struct client *client, double t)
{
	int busy = client->state == SHAKING || client->state == ASKING;

	if (busy && client->path.retry != 0 && client->path.retry <= t) {
		client->path.retry = 0;
		ERR_clear_error();
		if (DTLSv1_handle_timeout(client->ssl) < 0)
			dead(client, "gave up");
	}
	if (client->state == ASKING && t - client->sent > 1) {
		sum.repeated++;
		ask(client);
	}
	if ((client->state == SHAKING || client->state == ASKING) &&
	    t - client->since > opt.patience)
		dead(client, client->state == SHAKING ? "no handshake" : "no answer");
	if (client->state == STAYING)
		tick_staying(client, t);
}

static void
run(void)
{
	struct epoll_event events[256];
	long i, next = 0, busy = 0, finished;
	double ticked = 0, t;
	int n;

	for (;;) {
		t = now();
		if (t - ticked > 0.02) {
			ticked = t;
			busy = finished = 0;
			for (i = 0; i < next; i++) {
				tick(&clients[i], t);
				busy += clients[i].state == SHAKING;
				finished += clients[i].state >= DONE;
			}
			if (finished == count)
				return;
			if (left_at == 0 && staying > 0 && staying + sum.dead == count) {
				left_at = t + opt.stay;
				printf("{\"there\": %ld}\n", staying);
				fflush(stdout);
			}
		}
		/* Some at a time: those that have begun are to be heard meanwhile. */
		for (i = 0; i < AT_A_TIME && next < count && busy < opt.parallel; i++) {
			if (path_open(&clients[next].path, next, epoll_fd, &clients[next]) == -1)
				path_die("a client's socket");
			begin(&clients[next]);
			step(&clients[next++]);
			busy++;
		}
		n = epoll_wait(epoll_fd, events, 256, next < count ? 0 : 5);
		for (i = 0; i < n; i++)
			step(events[i].data.ptr);
	}
}

int
main(int argc, char *argv[])
{
	double began;
	long i;

	read_options(argc - 4, argv + 4); /* none below 0 */
	if (argc < 4 || !paths_init(argv[1], argv[2])) {
		fprintf(stderr, "usage: clients ADDRESS PORT CLIENTS [OPTION=VALUE...]\n");
		return 2;
	}
	count = atol(argv[3]);
	opt.parallel = opt.parallel == 0 ? count : opt.parallel;
	ctx = SSL_CTX_new(DTLS_client_method());
	clients = calloc((size_t)count, sizeof(*clients));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ctx == NULL || clients == NULL || epoll_fd == -1)
		path_die("starting");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
#ifdef LIBRESSL_VERSION_NUMBER
	SSL_CTX_set_read_ahead(ctx, 1);
#endif

	began = now();
	run();
	printf("{\"clients\": %ld, \"dead\": %ld, \"handshakes\": %ld, "
	       "\"messages\": %ld, \"repeated_messages\": %ld, "
	       "\"slow_handshakes\": %ld, \"slowest_s\": %.3f, \"sent\": %ld, "
	       "\"lost\": %ld, \"seconds\": %.2f}\n",
	    count, sum.dead, sum.handshakes, sum.messages, sum.repeated, sum.slow, sum.slowest,
	    sum.sent, sum.sent - sum.answered, now() - began);
	for (i = 0; i < count; i++) {
		SSL_free(clients[i].ssl);
		close(clients[i].path.fd);
	}
	SSL_CTX_free(ctx);
	paths_end();
	free(clients);
	return sum.dead != 0;
}
