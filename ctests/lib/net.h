/*
 * Sockets on loopback, and a client of libssl's own in a thread over one.
 */
#ifndef CTESTS_NET_H
#define CTESTS_NET_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

struct address {
	socklen_t	len;
	struct sockaddr_storage any;
};

/* Bound to a free port of loopback; a path of its own for AF_UNIX. */
int	net_bound(int family, struct address *);
int	net_has_ipv6(const char *case_without);	/* 0: not here, and it is said */
void	net_close(int fd, const struct address *);
int	net_nonblocking(int fd);
void	net_receive_timeout(int fd, int milliseconds);
int	net_readable(int fd, int milliseconds);
void	net_wait(int fd);		/* until there is something to read */
void	net_wait_either(int fd, int other);

/* What this thread has sent on loopback has arrived, and lost nothing to a
 * kernel that was busy. net_send() does it by itself. */
void	net_settle(void);
void	net_send(int fd, const void *, size_t, const struct address *to);
void	net_connect(int fd, const struct address *);
struct address net_address(const void *sockaddr, socklen_t);

/* A new socket on the port of `server`, connected to `peer`. */
int	net_connected(const struct address *server, const struct sockaddr *peer,
	    socklen_t peerlen);

/* One handshake, a line there and a line back, then the end. */
struct client {
	struct address	server, own;
	int		fd, ok;
	int		impatient;	/* keeps libssl's timers */
	int		accepted;	/* so many times */
	pthread_t	thread;
};
void	client_start(struct client *, const struct address *server);
void	client_join(struct client *);	/* checks that all went well */

/*
 * Several at once, which may lose something: what comes from one while the
 * socket of another is bound and not yet connected. So each repeats its hello
 * if nobody answers, and a slow server finds the same hello twice.
 */
void	clients_start(struct client *, int clients, const struct address *server);
int	client_is_new(struct client *, int clients, const void *peer);

/* The server's part after listen: SSL_accept, read the line, answer it. */
void	serve(SSL *);

#endif
