#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

static struct pair {
	int server, client;
} pairs[2] = { { -1, -1 }, { -1, -1 } }; /* IPv4, IPv6 */

static struct pair *
pair_of(int inet6)
{
	return &pairs[inet6 && pairs[1].server >= 0];
}

/* A non-blocking UDP socket on a free port of the loopback. */
static int
bound_socket(int inet6, struct sockaddr_storage *address, socklen_t *len)
{
	struct sockaddr_in inet = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(inet6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);

	inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*len = inet6 ? sizeof(six) : sizeof(inet);
	memset(address, 0, sizeof(*address));
	memcpy(address, inet6 ? (void *)&six : (void *)&inet, *len);
	if (fd >= 0 && bind(fd, (struct sockaddr *)address, *len) == 0 &&
	    getsockname(fd, (struct sockaddr *)address, len) == 0 &&
	    fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
open_pair(int inet6)
{
	struct sockaddr_storage server, client;
	socklen_t server_len, client_len;
	struct pair *pair = &pairs[inet6];

	pair->server = bound_socket(inet6, &server, &server_len);
	pair->client = bound_socket(inet6, &client, &client_len);
	/* The client is connected, the server's socket is not, as a listening one. */
	if (pair->server >= 0 && pair->client >= 0 &&
	    connect(pair->client, (struct sockaddr *)&server, server_len) == 0)
		return 1;
	if (pair->server >= 0)
		close(pair->server);
	if (pair->client >= 0)
		close(pair->client);
	*pair = (struct pair){ -1, -1 };
	return 0;
}

int
sockets_open(void)
{
	if (!open_pair(0)) {
		fprintf(stderr, "differential: no UDP on 127.0.0.1: %s\n", strerror(errno));
		return 0;
	}
	if (!open_pair(1))
		printf("no UDP on ::1: the cases with datagram BIOs use "
		       "127.0.0.1 alone\n");
	return 1;
}

void
sockets_close(void)
{
	for (int i = 0; i < 2; i++) {
		if (pairs[i].server < 0)
			continue;
		close(pairs[i].server);
		close(pairs[i].client);
	}
}

int
sockets_server(int inet6)
{
	return pair_of(inet6)->server;
}

size_t
sockets_peer(int inet6, unsigned char *address)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	if (getsockname(pair_of(inet6)->client, (struct sockaddr *)&own, &len) != 0)
		return 0;
	memcpy(address, &own, len);
	return len;
}

void
sockets_send(int inet6, const unsigned char *bytes, size_t len)
{
	if (send(pair_of(inet6)->client, bytes, len, 0) != (ssize_t)len)
		fprintf(stderr, "differential: cannot send %zu bytes on the loopback: %s\n", len,
		    strerror(errno));
}

long
sockets_receive(int inet6, unsigned char *bytes, size_t room)
{
	return recv(pair_of(inet6)->client, bytes, room, 0);
}

long
sockets_waiting(int inet6)
{
	int waiting = 0;

	return ioctl(pair_of(inet6)->server, FIONREAD, &waiting) == 0 ? waiting : -1;
}

void
sockets_drain(int inet6)
{
	unsigned char byte;
	const struct pair *pair = pair_of(inet6);

	while (recv(pair->server, &byte, 1, 0) >= 0 || recv(pair->client, &byte, 1, 0) >= 0)
		continue;
}
