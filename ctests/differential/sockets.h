/*
 * Real UDP for the layouts with libssl's own datagram BIO: a server's socket and a client's on the loopback, the same
 * for both sides, so that both see the same peer.
 */

#ifndef DIFFERENTIAL_SOCKETS_H
#define DIFFERENTIAL_SOCKETS_H

#include <stddef.h>

/* 0, with a message on stderr, when there is no loopback to be had. IPv6 may be missing; that is said. */
int sockets_open(void);
void sockets_close(void);

/* The server's socket, IPv6 if asked for and there. */
int sockets_server(int inet6);

/* Where the client's datagrams come from: a sockaddr, at most sizeof(struct sockaddr_storage) bytes. Returns its length. */
size_t sockets_peer(int inet6, unsigned char *address);

/* From the client to the server. */
void sockets_send(int inet6, const unsigned char *bytes, size_t len);

/* The next datagram that came to the client; -1: none. */
long sockets_receive(int inet6, unsigned char *bytes, size_t room);

/* The length of the datagram that waits at the server; 0: none, or an empty one. */
long sockets_waiting(int inet6);

/* Throws away whatever waits on either side. */
void sockets_drain(int inet6);

#endif
