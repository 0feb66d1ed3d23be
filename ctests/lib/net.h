/*
 * Sockets on loopback.
 */
#ifndef CTESTS_NET_H
#define CTESTS_NET_H

#include <sys/socket.h>

struct address {
	socklen_t len;
	struct sockaddr_storage any;
};

/* Bound to a free port of loopback; a path of its own for AF_UNIX. */
int net_bound(int family, struct address *);
int net_has_ipv6(const char *case_without); /* 0: not here, and it is said */
void net_close(int fd, const struct address *);
int net_nonblocking(int fd);
void net_receive_timeout(int fd, int milliseconds);
int net_readable(int fd, int milliseconds);
void net_wait(int fd); /* until there is something to read */
void net_wait_either(int fd, int other);

/* What this thread has sent on loopback has arrived, and lost nothing to a
 * kernel that was busy. net_send() does it by itself. */
void net_settle(void);
void net_send(int fd, const void *, size_t, const struct address *to);
void net_connect(int fd, const struct address *);
struct address net_address(const void *sockaddr, socklen_t);

/* A new socket on the port of `server`, connected to `peer`. */
int net_connected(const struct address *server, const struct sockaddr *peer, socklen_t peerlen);

#endif
