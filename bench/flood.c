/*
 * A flood over loopback.
 *
 *	flood KIND 4|6 PORT SIZE SECONDS RATE SOURCES
 *
 *	KIND     hello    ClientHellos without a cookie, each with its own random
 *	         forged   the same with a cookie of 32 bytes that nobody made
 *	         garbage  bytes of no protocol
 *	SIZE     of each datagram, HELLO_MIN to HELLO_MAX bytes
 *	SECONDS  for as long
 *	RATE     datagrams a second at most; 0: as many as there can be
 *	SOURCES  source addresses, from 127.16.0.0 on in turn; 1: 127.0.0.1 or ::1
 *
 * Prints JSON: datagrams sent, and the seconds that took. The answers are not
 * read (the kernel drops them) but for one, which must be a HelloVerifyRequest.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "hello.h"

#define BATCH        32
#define MAX_SECONDS  120
#define FIRST_SOURCE 0x7F100000u /* 127.16.0.0 */

struct control {
	_Alignas(struct cmsghdr) unsigned char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void
die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
wait_until(double when)
{
	struct timespec t;

	t.tv_sec = (time_t)when;
	t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Room for one answer and no more: dropping the others is the cheapest. */
static int
udp_socket(int family, const struct sockaddr *to, socklen_t len, int connected)
{
	int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0), small = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == -1 ||
	    (connected && connect(fd, to, len) == -1))
		die("making a socket");
	return fd;
}

static void
set_source(struct msghdr *message, struct control *control, unsigned int source)
{
	struct cmsghdr *header;
	struct in_pktinfo info = { 0 };

	message->msg_control = control->bytes;
	message->msg_controllen = sizeof(control->bytes);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = IPPROTO_IP;
	header->cmsg_type = IP_PKTINFO;
	header->cmsg_len = CMSG_LEN(sizeof(info));
	info.ipi_spec_dst.s_addr = htonl(source);
	memcpy(CMSG_DATA(header), &info, sizeof(info));
}

/* The first answer, which is still there: was it one? */
static void
check_answer(int fd)
{
	unsigned char answer[2048];
	const unsigned char *cookie;
	/* A server that had no processor so far is given time. */
	struct timeval patience = { 10, 0 };
	long n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(fd, answer, sizeof(answer), 0);

	if (n < 1 || hvr_cookie(answer, (size_t)n, &cookie) == 0) {
		fprintf(stderr, "flood: nobody answered with a HelloVerifyRequest\n");
		exit(1);
	}
}

int
main(int argc, char *argv[])
{
	static unsigned char datagrams[BATCH][HELLO_MAX];
	static struct control controls[BATCH];
	static const unsigned char forged[32] = { 0xF0 };
	struct sockaddr_in6 six = { 0 };
	struct sockaddr_in four = { 0 };
	struct sockaddr *to;
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	socklen_t to_len;
	unsigned long number = 0, sources, sent = 0;
	double begin, end, rate, seconds;
	const char *kind;
	size_t size, i;
	int family, fd, n;

	if (argc != 8) {
		fprintf(stderr,
		    "usage: flood hello|forged|garbage 4|6 PORT SIZE "
		    "SECONDS RATE SOURCES\n");
		return 2;
	}
	kind = argv[1];
	family = atoi(argv[2]);
	size = (size_t)atol(argv[4]);
	seconds = atof(argv[5]);
	rate = atof(argv[6]);
	sources = (unsigned long)atol(argv[7]);
	if (size < HELLO_MIN || size > HELLO_MAX || seconds > MAX_SECONDS || sources < 1 ||
	    sources > 0x00E00000)
		die("these arguments make no sense");
	six.sin6_family = AF_INET6;
	six.sin6_addr = in6addr_loopback;
	six.sin6_port = htons((in_port_t)atoi(argv[3]));
	four.sin_family = AF_INET;
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	four.sin_port = six.sin6_port;
	to = family == 6 ? (void *)&six : (void *)&four;
	to_len = family == 6 ? sizeof(six) : sizeof(four);
	fd = udp_socket(family, to, to_len, sources == 1);

	memset(messages, 0, sizeof(messages));
	for (i = 0; i < BATCH; i++) {
		if (strcmp(kind, "garbage") == 0)
			memset(datagrams[i], 0xA5, size);
		else if (hello_make(datagrams[i], size, forged,
			     strcmp(kind, "forged") == 0 ? sizeof(forged) : 0) != size)
			die("too small for a hello");
		iov[i].iov_base = datagrams[i];
		iov[i].iov_len = size;
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		if (sources > 1) {
			messages[i].msg_hdr.msg_name = to;
			messages[i].msg_hdr.msg_namelen = to_len;
		}
	}
	begin = now();
	for (end = begin; end - begin < seconds; end = now()) {
		for (i = 0; i < BATCH; i++, number++) {
			hello_number(datagrams[i], number);
			if (sources > 1)
				set_source(&messages[i].msg_hdr, &controls[i],
				    FIRST_SOURCE + (unsigned int)(number % sources));
		}
		n = sendmmsg(fd, messages, BATCH, 0);
		if (n > 0)
			sent += (unsigned long)n;
		else if (errno != ENOBUFS && errno != EAGAIN)
			die("sending");
		if (rate > 0)
			wait_until(begin + (double)sent / rate);
	}
	printf("{\"sent\":%lu,\"seconds\":%.6f}\n", sent, end - begin);
	if (strcmp(kind, "garbage") != 0)
		check_answer(fd);
	return 0;
}
