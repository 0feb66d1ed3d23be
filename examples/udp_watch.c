/*
 * Stands between UDP clients and a server on this machine, passes every
 * datagram on, and prints what the DTLS handshake ones hold. For the demo:
 * needs no privileges, and is a witness that is neither client nor server.
 *
 *	udp_watch ADDRESS PORT SECONDS
 *
 * The first line printed names the port for the clients, on the same ADDRESS.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 32

static struct client {
	struct sockaddr_storage addr;
	socklen_t len;
	unsigned char cookie[255]; /* the one it was sent last */
	size_t cookie_len;
} clients[CLIENTS];
static struct pollfd fds[1 + CLIENTS]; /* [0] hears all clients; then one each */
static int n_clients;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned int
be(const unsigned char *p, int n)
{
	unsigned int v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static void
hex(const unsigned char *p, size_t n)
{
	while (n-- > 0)
		printf("%02x", *p++);
}

/* The cookie of a ClientHello body: NULL if it is not all there. */
static const unsigned char *
hello_cookie(const unsigned char *p, size_t n, size_t *cookie_len)
{
	size_t at = 2 + 32; /* version, random */

	if (at >= n || (at += 1 + p[at]) >= n || at + 1 + p[at] > n)
		return NULL;
	*cookie_len = p[at];
	return p + at + 1;
}

static void
print_hello(struct client *c, const unsigned char *p, size_t n)
{
	size_t len;
	const unsigned char *cookie = hello_cookie(p, n, &len);

	printf("ClientHello");
	if (cookie == NULL)
		printf(" (cut off)");
	else if (len == 0)
		printf(", no cookie");
	else if (len == c->cookie_len && memcmp(cookie, c->cookie, len) == 0)
		printf(", with that cookie");
	else
		printf(", with another cookie");
}

static void
print_verify_request(struct client *c, const unsigned char *p, size_t n)
{
	printf("HelloVerifyRequest");
	if (n < 3 || n < 3u + p[2])
		return;
	c->cookie_len = p[2];
	memcpy(c->cookie, p + 3, c->cookie_len);
	printf(", cookie of %zu bytes ", c->cookie_len);
	hex(c->cookie, c->cookie_len);
}

/* One record's handshake message; they are one a record in practice. */
static void
print_message(struct client *c, const unsigned char *p, size_t n)
{
	static const struct {
		unsigned char type;
		const char *name;
	} names[] = {
		{ 2, "ServerHello" },
		{ 4, "NewSessionTicket" },
		{ 11, "Certificate" },
		{ 12, "ServerKeyExchange" },
		{ 13, "CertificateRequest" },
		{ 14, "ServerHelloDone" },
		{ 15, "CertificateVerify" },
		{ 16, "ClientKeyExchange" },
		{ 22, "CertificateStatus" },
	};
	size_t i;

	if (n < 12)
		return;
	if (be(p + 6, 3) != 0) {
		printf("(the rest of it)");
		return;
	}
	if (p[0] == 1) {
		print_hello(c, p + 12, n - 12);
		return;
	}
	if (p[0] == 3) {
		print_verify_request(c, p + 12, n - 12);
		return;
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == p[0])
			printf("%s", names[i].name);
}

static void
print_datagram(struct client *c, const char *way, const unsigned char *p, size_t n)
{
	const char *comma = "";
	size_t len;

	printf("%s %4zu bytes  ", way, n);
	for (; n >= 13; p += 13 + len, n -= 13 + len) {
		len = be(p + 11, 2);
		if (len > n - 13)
			break;
		printf("%s", comma);
		comma = " + ";
		if (be(p + 3, 2) != 0)
			printf(p[0] == 23  ? "data, encrypted" :
				p[0] == 22 ? "Finished, encrypted" :
					     "alert, encrypted");
		else if (p[0] == 20)
			printf("ChangeCipherSpec");
		else if (p[0] == 21)
			printf("alert");
		else if (p[0] == 22)
			print_message(c, p + 13, len);
	}
	printf(n == 0 ? "\n" : "%s(no DTLS record)\n", comma);
}

static int
udp_socket(const char *address, const char *port, int server)
{
	struct addrinfo hints = { 0 }, *info;
	int error, fd;

	hints.ai_socktype = SOCK_DGRAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	error = getaddrinfo(address, port, &hints, &info);
	if (error != 0) {
		fprintf(stderr, "udp_watch: %s port %s: %s\n", address, port, gai_strerror(error));
		exit(1);
	}
	fd = socket(info->ai_family, SOCK_DGRAM, 0);
	if (fd == -1)
		die("socket");
	error = server ? connect(fd, info->ai_addr, info->ai_addrlen) :
			 bind(fd, info->ai_addr, info->ai_addrlen);
	if (error == -1)
		die(address);
	freeaddrinfo(info);
	return fd;
}

static int
client_number(
    const struct sockaddr_storage *addr, socklen_t len, const char *address, const char *port)
{
	int i;

	for (i = 0; i < n_clients; i++)
		if (clients[i].len == len && memcmp(&clients[i].addr, addr, len) == 0)
			return i;
	if (n_clients == CLIENTS) {
		fprintf(stderr, "udp_watch: more than %d clients\n", CLIENTS);
		exit(1);
	}
	clients[i].addr = *addr;
	clients[i].len = len;
	fds[1 + i].fd = udp_socket(address, port, 1);
	fds[1 + i].events = POLLIN;
	return n_clients++;
}

int
main(int argc, char *argv[])
{
	static unsigned char buf[65536];
	char port[NI_MAXSERV];
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	time_t end;
	ssize_t n;
	int i;

	if (argc != 4) {
		fprintf(stderr, "usage: udp_watch ADDRESS PORT SECONDS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	end = time(NULL) + atoi(argv[3]);
	fds[0].fd = udp_socket(argv[1], "0", 0);
	fds[0].events = POLLIN;
	if (getsockname(fds[0].fd, (struct sockaddr *)&addr, &len) == -1 ||
	    getnameinfo(
		(struct sockaddr *)&addr, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
		die("port");
	printf("port %s\n", port);

	while (time(NULL) < end) {
		if (poll(fds, 1 + (nfds_t)n_clients, 1000) == -1)
			die("poll");
		if (fds[0].revents != 0) {
			len = sizeof(addr);
			memset(&addr, 0, sizeof(addr));
			n = recvfrom(
			    fds[0].fd, buf, sizeof(buf), 0, (struct sockaddr *)&addr, &len);
			if (n >= 0) {
				i = client_number(&addr, len, argv[1], argv[2]);
				print_datagram(&clients[i], "client -> server", buf, (size_t)n);
				(void)send(fds[1 + i].fd, buf, (size_t)n, 0);
			}
		}
		for (i = 0; i < n_clients; i++) {
			if (fds[1 + i].revents == 0)
				continue;
			n = recv(fds[1 + i].fd, buf, sizeof(buf), 0);
			if (n < 0) /* the server is gone; so will be the client */
				continue;
			print_datagram(&clients[i], "client <- server", buf, (size_t)n);
			(void)sendto(fds[0].fd, buf, (size_t)n, 0,
			    (struct sockaddr *)&clients[i].addr, clients[i].len);
		}
	}
	return 0;
}
