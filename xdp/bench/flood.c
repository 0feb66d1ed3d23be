/*
 * Floods a server with frames from 65,000 addresses, and the loop that an answer costs at the least.
 *
 *	flood DEVICE KIND RATE SECONDS MAC SERVER_MAC SERVER PORT
 *	flood answer SERVER PORT SECONDS
 *
 *	KIND   hello, forged (a cookie that nobody made), garbage, epoch1 (a session's record)
 *	RATE   frames a second; 0: as fast as it goes
 *
 * 200 bytes of UDP payload. Prints JSON: frames, seconds, CPU seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 200, FRAME = 42 + PAYLOAD, BATCH = 32 };

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void
report(unsigned long frames, double begin)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	printf("{\"frames\": %lu, \"seconds\": %.3f, \"cpu\": %.6f}\n", frames, now() - begin,
	    used.ru_utime.tv_sec + used.ru_stime.tv_sec +
		(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static uint32_t
sum(const unsigned char *at, int len, uint32_t so_far)
{
	for (int i = 0; i < len; i++)
		so_far += i & 1 ? at[i] : at[i] << 8;
	return so_far;
}

static void
put16(unsigned char *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static uint32_t
folded(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return value;
}

static int
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
payload(unsigned char *p, const char *kind)
{
	int cookie = strcmp(kind, "forged") == 0 ? 32 : 0;

	memset(p, 0x5a, PAYLOAD);
	if (strcmp(kind, "garbage") == 0)
		return;
	memcpy(p, "\x16\xfe\xff\0\0\0\0\0\0\0\1", 11);
	put16(p + 11, PAYLOAD - 13);
	if (strcmp(kind, "epoch1") == 0) {
		p[0] = 23;
		p[4] = 1;
		return;
	}
	memcpy(p + 13, "\1\0\0\0\0\1\0\0\0\0\0\0\xfe\xfd", 14);
	p[16] = p[24] = PAYLOAD - 25;
	p[59] = 0;
	p[60] = cookie;
	p[61] = (time(NULL) / 60) & 255; /* names the slot of now */
}

static int
answer(char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET }, from;
	unsigned char room[2048];
	unsigned long frames = 0;
	double begin = now(), end = begin + atof(argv[4]);
	struct timeval patience = { .tv_usec = 100000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	own.sin_addr.s_addr = inet_addr(argv[2]);
	own.sin_port = htons(atoi(argv[3]));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1)
		die("bind");
	while (now() < end)
		for (int i = 0; i < 64; i++) {
			socklen_t len = sizeof(from);

			if (recvfrom(fd, room, sizeof(room), 0, (struct sockaddr *)&from, &len) <=
			    0)
				break;
			sendto(fd, room, 60, 0, (struct sockaddr *)&from, len);
			frames++;
		}
	report(frames, begin);
	return 0;
}

int
main(int argc, char **argv)
{
	static unsigned char frame[BATCH][FRAME];
	struct iovec io[BATCH];
	struct mmsghdr message[BATCH];
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6
	};
	unsigned char *f = frame[0];
	unsigned long frames = 0;
	unsigned int k = 0, port0 = 60001, id0 = 12345;
	double rate, begin, end, next = 0;
	int fd, one = 1;

	if (argc == 5 && strcmp(argv[1], "answer") == 0)
		return answer(argv);
	if (argc != 9)
		return 2;
	rate = atof(argv[3]);
	for (int i = 0; i < 6; i++) {
		f[i] = strtol(argv[6] + 3 * i, NULL, 16);
		to.sll_addr[i] = f[i] = strtol(argv[6] + 3 * i, NULL, 16);
		f[6 + i] = strtol(argv[5] + 3 * i, NULL, 16);
	}
	memcpy(f + 12, "\x08\0\x45\0\0\0\0\0\0\0\x40\x11\0\0\x0a\x09\0\0", 18);
	put16(f + 16, 28 + PAYLOAD);
	*(in_addr_t *)(f + 30) = inet_addr(argv[7]);
	put16(f + 36, atoi(argv[8]));
	put16(f + 38, 8 + PAYLOAD);
	payload(f + 42, argv[2]);
	put16(f + 18, id0);
	put16(f + 24, ~folded(sum(f + 14, 20, 0)));
	put16(f + 34, port0);
	put16(f + 40, ~folded(sum(f + 34, 8 + PAYLOAD, sum(f + 26, 8, 17 + 8 + PAYLOAD))));
	for (int i = 0; i < BATCH; i++) {
		memcpy(frame[i], f, FRAME);
		io[i] = (struct iovec){ frame[i], FRAME };
		memset(&message[i], 0, sizeof(message[i]));
		message[i].msg_hdr = (struct msghdr){ .msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &io[i],
			.msg_iovlen = 1 };
	}
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = if_nametoindex(argv[1]);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	begin = now();
	end = begin + atof(argv[4]);
	while (now() < end) {
		for (int i = 0; i < BATCH; i++) {
			/* What is added to the address is taken from port and number. */
			k = k % 59000 + 1;
			put16(frame[i] + 28, k);
			put16(frame[i] + 34, port0 - k);
			put16(frame[i] + 18, k <= id0 ? id0 - k : id0 - k - 1);
		}
		int sent = sendmmsg(fd, message, BATCH, 0);

		if (sent > 0)
			frames += sent;
		/* Who was held up does not catch up: that would be a burst. */
		next = (next < now() ? now() : next) + (rate > 0 ? BATCH / rate : 0);
		while (rate > 0 && now() < next)
			usleep(50);
	}
	report(frames, begin);
	return 0;
}
