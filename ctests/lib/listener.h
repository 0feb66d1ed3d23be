/*
 * A listener in this program and clients of libssl's own, step by step over
 * UDP. Nothing waits longer than it has to, and no thread is needed.
 */
#ifndef CTESTS_LISTENER_H
#define CTESTS_LISTENER_H

#include "net.h"

#include "../../include/dtlsv1_listen.h"

#include <openssl/ssl.h>

/* Looked up at run time, like ours.h's. */
struct listener_functions {
	dtlsv1_listener *(*bind)(
	    SSL_CTX *, const struct sockaddr *, socklen_t, const struct dtlsv1_listener_options *);
	int (*bind_group)(SSL_CTX *, const struct sockaddr *, socklen_t,
	    const struct dtlsv1_listener_options *, dtlsv1_listener **, unsigned int);
	dtlsv1_listener *(*new)(SSL_CTX *, int, const struct dtlsv1_listener_options *);
	int (*fd)(const dtlsv1_listener *);
	int (*address)(const dtlsv1_listener *, struct sockaddr *, socklen_t *);
	int (*run)(dtlsv1_listener *, int);
	SSL *(*next)(dtlsv1_listener *, int *);
	SSL *(*accept)(dtlsv1_listener *, int);
	int (*detach)(SSL *);
	int (*peer)(SSL *, struct sockaddr *, socklen_t *);
	int (*local)(SSL *, struct sockaddr *, socklen_t *);
	void (*free)(dtlsv1_listener *);
};
extern struct listener_functions lf;

void listener_init(void); /* looks them up */

/* The usual, for the options that a test leaves alone. */
#define OPTIONS(...) \
	(&(struct dtlsv1_listener_options){ \
	    .size = sizeof(struct dtlsv1_listener_options), __VA_ARGS__ })

/* On a free port of this address; `at` is where it is. */
dtlsv1_listener *listener_at(
    SSL_CTX *, const char *ip, const struct dtlsv1_listener_options *, struct address *at);
struct address address_of(const char *ip, int port);
int address_port(const struct address *);

/* A client: a socket connected to the listener, and an SSL on it. */
struct caller {
	SSL *ssl;
	int fd;
};
void caller_init(struct caller *, const struct address *listener);
void caller_anew(struct caller *);  /* another SSL, the same port */
void caller_drain(struct caller *); /* what has come is lost */
void caller_free(struct caller *);
int caller_step(struct caller *); /* 1: its handshake is done */

/*
 * One turn of each: the callers' handshakes go on, the listener runs, and its
 * clients' too. Who is ACCEPTED is put in `ssls`, at the first free place.
 * Gives all news that came, or-ed.
 */
int listener_turn(dtlsv1_listener *, SSL *ssls[], int n);

/* Until the caller's handshake is done on both sides; the listener's SSL. */
SSL *listener_serve(dtlsv1_listener *, struct caller *);

/* Both hellos, and the listener has read them. */
void listener_hello(dtlsv1_listener *, struct caller *);

/* SSLs of listeners' that have not been freed. */
uint64_t listener_open_ssls(void);

/* Up to a second for what the kernel is about to bring. */
int listener_wait(dtlsv1_listener *);

/* All that a program does with an SSL, whatever becomes of it. */
void exercise(SSL *);

/* A line from the client to the server, and back; checked. */
void exchange(dtlsv1_listener *, SSL *, struct caller *, const char *line);

#endif
