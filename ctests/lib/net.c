#define _GNU_SOURCE
#include "net.h"
#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

struct address
net_address(const void *sockaddr, socklen_t len)
{
	struct address a;

	memset(&a, 0, sizeof(a));
	NEED(len <= sizeof(a.any));
	memcpy(&a.any, sockaddr, len);
	a.len = len;
	return a;
}

static struct address
loopback(int family)
{
	static int count;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *dir = getenv("CTESTS_TMP");

	switch (family) {
	case AF_INET:
		v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return net_address(&v4, sizeof(v4));
	case AF_INET6: v6.sin6_addr = in6addr_loopback; return net_address(&v6, sizeof(v6));
	default:
		snprintf(un.sun_path, sizeof(un.sun_path), "%s/%ld.%d", dir != NULL ? dir : "/tmp",
		    (long)getpid(), count++);
		return net_address(&un, sizeof(un));
	}
}

int
net_bound(int family, struct address *own)
{
	int fd = socket(family, SOCK_DGRAM, 0), on = 1;

	NEED(fd >= 0);
	*own = loopback(family);
	NEED(bind(fd, (struct sockaddr *)&own->any, own->len) == 0);
	/* net_connected() may share the port later. Before bind(2) the kernel would take any port whose
	 * socket has the option, another test's too, for a free one. */
	NEED(family == AF_UNIX || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	if (family != AF_UNIX)
		NEED(getsockname(fd, (struct sockaddr *)&own->any, &own->len) == 0);
	return fd;
}

/* Is there a ::1? Containers and kernels without IPv6 have none. */
int
net_has_ipv6(const char *what)
{
	static int has = -1;
	struct address own = loopback(AF_INET6);

	if (has == -1) {
		int fd = socket(AF_INET6, SOCK_DGRAM, 0);

		has = fd >= 0 && bind(fd, (struct sockaddr *)&own.any, own.len) == 0;
		if (fd >= 0)
			close(fd);
	}
	if (!has)
		check_left_out(what, "no ::1");
	return has;
}

void
net_close(int fd, const struct address *own)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&own->any;

	close(fd);
	if (own->any.ss_family == AF_UNIX)
		unlink(un->sun_path);
}

int
net_nonblocking(int fd)
{
	NEED(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
	return fd;
}

void
net_receive_timeout(int fd, int milliseconds)
{
	struct timeval tv = { milliseconds / 1000, milliseconds % 1000 * 1000 };

	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
}

int
net_readable(int fd, int milliseconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, milliseconds) == 1;
}

void
net_wait(int fd)
{
	net_wait_either(fd, fd);
}

void
net_wait_either(int fd, int other)
{
	struct pollfd p[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};

	NEED(poll(p, 2, -1) >= 1);
}

/* They arrive in the order in which they were sent: so does a last one. */
void
net_settle(void)
{
	static _Thread_local int to_self = -1;
	struct address own;
	char byte;

	if (to_self == -1) {
		to_self = net_bound(AF_INET, &own);
		net_connect(to_self, &own);
	}
	NEED(send(to_self, "x", 1, 0) == 1);
	NEED(recv(to_self, &byte, 1, 0) == 1);
}

void
net_send(int fd, const void *bytes, size_t len, const struct address *to)
{
	NEED(sendto(fd, bytes, len, 0, (const struct sockaddr *)&to->any, to->len) == (ssize_t)len);
	net_settle();
}

void
net_connect(int fd, const struct address *to)
{
	NEED(connect(fd, (const struct sockaddr *)&to->any, to->len) == 0);
}

int
net_connected(const struct address *server, const struct sockaddr *peer, socklen_t peerlen)
{
	int fd = socket(server->any.ss_family, SOCK_DGRAM, 0), on = 1;

	NEED(fd >= 0);
	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	NEED(bind(fd, (const struct sockaddr *)&server->any, server->len) == 0);
	NEED(connect(fd, peer, peerlen) == 0);
	return fd;
}
