/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "../include/dtlsv1_listen.h"
#include "many.h"

/* Looked up: the program is the same with the library and without. */
static struct {
	dtlsv1_listener *(*bind)(
	    SSL_CTX *, const struct sockaddr *, socklen_t, const struct dtlsv1_listener_options *);
	int (*address)(const dtlsv1_listener *, struct sockaddr *, socklen_t *);
	int (*run)(dtlsv1_listener *, int);
	SSL *(*next)(dtlsv1_listener *, int *);
} ours;
static dtlsv1_listener *listener;

static void
look_up(void *function, const char *name)
{
	void *at = dlsym(RTLD_DEFAULT, name);

	if (at == NULL)
		die(name);
	memcpy(function, &at, sizeof(at));
}

static in_port_t
open_listener(SSL_CTX *ctx)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	look_up(&ours.bind, "dtlsv1_listener_bind");
	look_up(&ours.address, "dtlsv1_listener_address");
	look_up(&ours.run, "dtlsv1_listener_run");
	look_up(&ours.next, "dtlsv1_listener_next");
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = ours.bind(ctx, (struct sockaddr *)&at, sizeof(at), NULL);
	if (listener == NULL || ours.address(listener, (struct sockaddr *)&at, &len) != 1)
		die("dtlsv1_listener_bind");
	return ntohs(at.sin_port);
}

static void
turn_listener(void)
{
	SSL *ssl;
	int news;

	if (ours.run(listener, 50) == -1)
		die("dtlsv1_listener_run");
	while ((ssl = ours.next(listener, &news)) != NULL) {
		clients_there += (news & DTLSV1_NEWS_ACCEPTED) != 0;
		if (news & (DTLSV1_NEWS_REPLACED | DTLSV1_NEWS_OVERDUE) || !serve(ssl)) {
			SSL_free(ssl);
			clients_there--;
		}
	}
}

const struct server with_listener = { open_listener, turn_listener };
