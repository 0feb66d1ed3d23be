/*
 * A client's end of the path to the server: a connected socket that loses and
 * doubles datagrams by chance, and keeps what libssl says of its timer.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef LOAD_PATH_H
#define LOAD_PATH_H

#include <openssl/bio.h>

struct path {
	int fd;
	double retry; /* libssl's timer, as now(); 0: none */
};

/* For all paths; what is lost and doubled is in `opt`. 0: no such address. */
int paths_init(const char *address, const char *port);
void paths_end(void);

/* A socket for number i, and what is to be known when it is readable. -1: errno. */
int path_open(struct path *path, long i, int epoll_fd, void *data);

/* A BIO on `path`, which has to outlive it. NULL without memory. */
BIO *path_bio(struct path *path);

/* A hello in this client's name that the server must not take for its own. */
void path_slander(const struct path *path, int forged);

double now(void); /* seconds of the monotonic clock */

/* Says what failed, and ends the program. */
void path_die(const char *what);

#endif
