/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>

#include "bare.h"

#define BATCH      32
#define ROOM       2048
#define ANSWER_LEN 60

/* Like a HelloVerifyRequest with a cookie of 32 bytes. */
static unsigned char answer[ANSWER_LEN] = { [0] = 22, [13] = 3, [27] = ANSWER_LEN - 28 };

static int
wants_answer(const unsigned char *datagram, long len)
{
	return len >= 25 && datagram[0] == 22;
}

void
serve_bare(struct worker *self)
{
	unsigned char datagram[ROOM];
	struct sockaddr_storage peer;
	socklen_t peer_len;
	long n;

	for (;;) {
		peer_len = sizeof(peer);
		n = recvfrom(
		    self->fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&peer, &peer_len);
		self->calls++;
		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			if (stop)
				return;
			continue;
		}
		if (wants_answer(datagram, n))
			sendto(self->fd, answer, sizeof(answer), 0, (struct sockaddr *)&peer,
			    peer_len);
	}
}

void
serve_batch(struct worker *self)
{
	static _Thread_local unsigned char datagrams[BATCH][ROOM];
	struct sockaddr_storage peers[BATCH];
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov = { answer, sizeof(answer) };
	int i, n, sent, wanted;

	for (;;) {
		for (i = 0; i < BATCH; i++) {
			in_iov[i].iov_base = datagrams[i];
			in_iov[i].iov_len = ROOM;
			memset(&in[i], 0, sizeof(in[i]));
			in[i].msg_hdr.msg_name = &peers[i];
			in[i].msg_hdr.msg_namelen = sizeof(peers[i]);
			in[i].msg_hdr.msg_iov = &in_iov[i];
			in[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(self->fd, in, BATCH, MSG_WAITFORONE, NULL);
		self->calls++;
		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			if (stop)
				return;
			continue;
		}
		for (wanted = 0, i = 0; i < n; i++) {
			if (!wants_answer(datagrams[i], in[i].msg_len))
				continue;
			out[wanted] = in[i];
			out[wanted].msg_hdr.msg_iov = &out_iov;
			wanted++;
		}
		for (sent = 0; sent < wanted; sent += n) {
			n = sendmmsg(self->fd, out + sent, (unsigned int)(wanted - sent), 0);
			if (n < 1)
				n = 1; /* what cannot be sent is lost, as datagrams are */
		}
	}
}

void
serve_bio(struct worker *self)
{
	unsigned char datagram[ROOM];
	BIO *bio = BIO_new_dgram(self->fd, BIO_NOCLOSE);
	int n;

	if (bio == NULL)
		abort();
	for (;;) {
		n = BIO_read(bio, datagram, sizeof(datagram));
		self->calls++;
		if (n <= 0 && BIO_should_retry(bio)) {
			if (stop)
				break;
			continue;
		}
		if (wants_answer(datagram, n))
			BIO_write(bio, answer, sizeof(answer));
	}
	BIO_free(bio);
}
