/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bare.h"
#include "peer.h"

/* One thread at a time is served. */
static int answer_fd;
static struct sockaddr_in from;

void
peer_die(const char *what, long error)
{
	fprintf(stderr, "peer: %s: %ld\n", what, error);
	exit(1);
}

void
peer_sent(const void *answer, size_t len)
{
	sendto(answer_fd, answer, len, 0, (struct sockaddr *)&from, sizeof(from));
}

void
serve_peer(struct worker *self)
{
	unsigned char datagram[2048];
	socklen_t len;
	ssize_t n;

	answer_fd = self->fd;
	peer_begin(getenv("BENCH_PEM"));
	for (;;) {
		len = sizeof(from);
		n = recvfrom(
		    self->fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &len);
		self->calls++;
		if (n > 0)
			peer_answer(datagram, (size_t)n, &from);
		else if (stop && errno == EAGAIN)
			return;
	}
}
