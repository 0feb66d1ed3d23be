/*
 * Strangers: datagrams to one port from many addresses and ports that wait for
 * no answer, as fast as asked for.
 *
 *	flood ADDRESS PORT KIND RATE SECONDS
 *
 *	KIND	hello	hellos without a cookie, each another
 *		forged	hellos with a cookie that nobody made
 *		garbage	bytes of chance
 *		mixed	the three in turn
 *	RATE	a second; 0: as fast as it goes
 *
 * To an IPv4 address, they come from all over 127.0.0.0/8. Prints a line of JSON
 * at the end, or when it is told to end (SIGTERM).
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH   16
#define SOCKETS 32
#define LENGTH  120

static volatile sig_atomic_t stopping;
static uint64_t chance = 0x9E3779B97F4A7C15u;

struct slot {
	unsigned char bytes[LENGTH];
	struct iovec part;
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void
stop(int signal)
{
	stopping = signal;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint32_t
next_chance(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 32);
}

static void
fill(unsigned char *to, size_t len)
{
	uint32_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		word = next_chance();
		memcpy(to + i, &word, sizeof(word));
	}
}

static void
write_datagram(unsigned char *to, const char *kind, unsigned int n)
{
	static const unsigned char hello[] = { 22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		LENGTH - 13, 1, 0, 0, LENGTH - 25, 0, 0, 0, 0, 0, 0, 0, LENGTH - 25, 0xFE, 0xFD };
	char which = strcmp(kind, "mixed") == 0 ? "hfg"[n % 3] : kind[0];

	fill(to, LENGTH);
	if (which == 'g')
		return;
	memcpy(to, hello, sizeof(hello)); /* and 32 bytes of chance */
	to[59] = 0;                       /* no session */
	to[60] = which == 'f' ? 32 : 0;
}

/* From an address of chance, where the kernel lets us choose one. */
static void
write_source(struct msghdr *message, struct slot *slot, int family)
{
	struct in_pktinfo info = { .ipi_spec_dst.s_addr =
				       htonl(0x7F000000u | (next_chance() % 0xFFFFFEu + 1)) };
	struct cmsghdr *header;

	if (family != AF_INET)
		return;
	message->msg_control = slot->control;
	message->msg_controllen = sizeof(slot->control);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = IPPROTO_IP;
	header->cmsg_type = IP_PKTINFO;
	header->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(header), &info, sizeof(info));
}

static void
open_sockets(int fd[SOCKETS], int family)
{
	int i, little = 1;

	for (i = 0; i < SOCKETS; i++) {
		fd[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd[i] == -1 ||
		    setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) == -1) {
			perror("flood: a socket");
			exit(2);
		}
	}
}

static long
send_batch(int fd, const struct addrinfo *to, const char *kind, unsigned int n)
{
	static struct slot slots[BATCH];
	static struct mmsghdr headers[BATCH];
	int i, sent;

	for (i = 0; i < BATCH; i++) {
		struct msghdr *message = &headers[i].msg_hdr;

		write_datagram(slots[i].bytes, kind, n + (unsigned int)i);
		slots[i].part.iov_base = slots[i].bytes;
		slots[i].part.iov_len = LENGTH;
		message->msg_name = to->ai_addr;
		message->msg_namelen = to->ai_addrlen;
		message->msg_iov = &slots[i].part;
		message->msg_iovlen = 1;
		write_source(message, &slots[i], to->ai_family);
	}
	sent = sendmmsg(fd, headers, BATCH, MSG_DONTWAIT);
	return sent > 0 ? sent : 0;
}

static void
wait_until(double when)
{
	double left = when - now();
	struct timespec t;

	if (left > 0) {
		t.tv_sec = (time_t)left;
		t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
		nanosleep(&t, NULL);
	}
}

int
main(int argc, char *argv[])
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV },
			*to;
	int fd[SOCKETS], turn = 0;
	double rate, end, began;
	long sent = 0;

	if (argc != 6 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) {
		fprintf(stderr,
		    "usage: flood ADDRESS PORT hello|forged|garbage|mixed "
		    "RATE SECONDS\n");
		return 2;
	}
	signal(SIGTERM, stop);
	rate = atof(argv[4]);
	open_sockets(fd, to->ai_family);
	began = now();
	end = began + atof(argv[5]);
	while (!stopping && now() < end) {
		sent += send_batch(fd[turn], to, argv[3], (unsigned int)sent);
		turn = (turn + 1) % SOCKETS;
		if (rate > 0)
			wait_until(began + (double)sent / rate);
	}
	printf("{\"sent\": %ld, \"seconds\": %.2f}\n", sent, now() - began);
	freeaddrinfo(to);
	return sent == 0;
}
