/*
 * What one side did, in order: a list of events that two runs are compared by. Nothing here depends on an address or
 * on the clock.
 */

#ifndef DIFFERENTIAL_LOG_H
#define DIFFERENTIAL_LOG_H

#include <stddef.h>

enum event_kind {
	EVENT_STEP,        /* the step's letter */
	EVENT_READ,        /* which of the scripted reads; what it returned */
	EVENT_WRITE,       /* what it returned; the bytes */
	EVENT_FLUSH,       /* what it returned */
	EVENT_SET_PEER,    /* family; the address */
	EVENT_GENERATE,    /* returned, length, SSL and BIO are the caller's; the peer it saw */
	EVENT_VERIFY,      /* returned, SSL and BIO are the caller's; the cookie */
	EVENT_VERIFY_PEER, /* what the BIO says of the peer; the address */
	EVENT_MSG,         /* write_p, version, content type, argument and BIO; the bytes */
	EVENT_INFO,        /* where, ret */
	EVENT_HELLO,       /* client hello callback: SSL and BIO are the caller's */
	EVENT_RETURN,  /* returned, SSL_get_error, errno after a read or write that did not work */
	EVENT_ERROR,   /* library, reason */
	EVENT_STATE,   /* the state string */
	EVENT_BOUNDS,  /* the lowest and the highest version that the SSL may speak */
	EVENT_SSL,     /* SSL_OP_COOKIE_EXCHANGE, version, want, has pending, shutdown */
	EVENT_BIOS,    /* which BIOs are back in place, and their retry flags */
	EVENT_MEMORY,  /* bytes left to read; the bytes written */
	EVENT_PEER,    /* the caller's room with its canaries */
	EVENT_ALIVE,   /* scripted BIOs that outlived the SSL, then all else; -1: freed too often */
	EVENT_RUNAWAY, /* the side never stopped reading or writing */
	EVENT_KINDS
};

enum { EVENT_VALUES = 5 };

struct event {
	enum event_kind kind;
	long values[EVENT_VALUES];
	size_t at, len; /* into the log's bytes */
};

struct log {
	struct event *events;
	size_t count, room;
	unsigned char *bytes;
	size_t used, size;
};

void log_reset(struct log *log);

/* Adds an event and gives it back, so that the caller can fill more values in. */
struct event *log_add(struct log *log, enum event_kind kind, const void *bytes, size_t len);
#define LOG(log, kind, bytes, len, ...) \
	log_values(log_add(log, kind, bytes, len), (long[EVENT_VALUES]){ __VA_ARGS__ })
void log_values(struct event *event, const long *values);

unsigned char *log_bytes(const struct log *log, const struct event *event);

/* The number of the first event that differs; -1 when the logs are the same. */
long log_compare(const struct log *a, const struct log *b);

/* As text; the event numbered `mark` is pointed at. */
void log_print(const struct log *log, long mark);

#endif
