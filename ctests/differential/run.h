/* One side working through one case, and what its scripted BIOs and callbacks have to know of that. */

#ifndef DIFFERENTIAL_RUN_H
#define DIFFERENTIAL_RUN_H

#include <openssl/ssl.h>

#include "case.h"
#include "log.h"
#include "side.h"

/* How a case is rewritten for libssl where we mean to differ from it; see deliberate.h. */
struct rewrite {
	int refuse_seq_2;      /* message_seq 2 reads as 3 */
	int refuse_too_long;   /* a first fragment that claims too much reads as another */
	int first_record_only; /* a datagram ends where its first record does */
	int give_room;         /* a NULL peer becomes a real one */
	int empty_is_short;    /* a datagram of no bytes on a socket becomes one of one byte */
	int stay_accepted;     /* SSL_set_accept_state is left out between success and SSL_accept */
};

/* What happened to the last datagram of a step, for coverage.c. */
struct trace {
	int read_kind; /* enum of the last read; -1: none was made */
	const unsigned char *datagram;
	size_t len;
	int verify_set; /* the SSL_CTX had a verify callback */
	int generate_set;
	int verified; /* what it last said; -1: it did not run */
	int generated; /* the generate callback worked and gave at most 255 bytes; -1: it did not run */
	int write, flush; /* results for the last HelloVerifyRequest; -1: none */
};

struct run {
	struct side *side;
	const struct dcase *c;
	struct rewrite rewrite;
	struct log *log;
	SSL *ssl;
	SSL_CTX *ctx;     /* the one whose callbacks count now */
	int method;       /* what SSL_clear makes the SSL's method */
	BIO *rbio, *wbio; /* the caller's */
	size_t next_read, next_write, next_flush;
	int listening;      /* inside DTLSv1_listen */
	int accepted_state; /* the handshake's after success; -1: none yet */
	long cut;    /* bytes that the rewrite kept from what is fed; -1: one that it added */
	int held_up; /* the last read or write did not work: errno counts */
	unsigned int verify_calls;
	BIO *held[MAX_STEPS +
	    2]; /* a reference of our own to each, so that a side that drops one is caught, not followed */
	size_t nheld;
	int alive;  /* scripted BIOs */
	int budget; /* reads and writes left before the side counts as run away */
	struct trace trace;
	unsigned char read_copy[MAX_DATAGRAM];
};

/* Called after every DTLSv1_listen, with what it returned and the first reason it queued (0: none). */
typedef void after_listen_fn(const struct run *run, int returned, int reason);

/* The run of the moment: callbacks with no argument of their own find it here. */
extern struct run *running;

void run_case(struct side *side, const struct dcase *c, const struct rewrite *rewrite,
    struct log *log, after_listen_fn *after);

/* run.c: from now on the SSL belongs to the case's other SSL_CTX, or, with `decoy`, to its first. */
void run_belong(struct run *run, int decoy);
/* A new SSL takes the old one's BIOs over, as a program that keeps its socket BIO does. */
void run_take_over(struct run *run, SSL_CTX *first);

/* steps.c */
void run_step(struct run *run, char letter, SSL_CTX *first, after_listen_fn *after);

/* bios.c */
int bios_in_memory(const struct dcase *c);
int bios_on_socket(const struct dcase *c);
int bios_scripted(const struct dcase *c);
void bios_make(struct run *run);
void bios_hold(struct run *run, BIO *bio);
/* BIOs that are not scripted get one scripted datagram a step, and tell afterwards what was done with them. */
void bios_feed(struct run *run, int listening);
void bios_log(struct run *run);
void bios_let_go(struct run *run);

/* script_bio.c */
int script_open(void);
void script_close(void);
BIO *script_new(struct run *run, int empty);
BIO *script_new_deaf(struct run *run);
BIO *script_new_mute(struct run *run);

/* Cuts or changes a datagram as the run's rewrite says, in place. Returns its new length. */
size_t script_rewrite(const struct run *run, unsigned char *bytes, size_t len);

/* script_peer.c */
size_t script_peer(const struct dcase *c,
    unsigned char *address); /* at most sizeof(struct sockaddr_storage) bytes */
size_t script_peer_len(int family);
long script_get_peer(const struct dcase *c, void *room);
void script_set_peer(struct run *run, const BIO_ADDR *address);

/* app_callbacks.c */
generate_fn app_generate;
verify_fn app_verify;
message_fn app_message;
void app_info(const SSL *ssl, int where, int value);
int app_client_hello(SSL *ssl, int *alert, void *arg);

#endif
