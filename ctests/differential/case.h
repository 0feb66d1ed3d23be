/*
 * One case: everything both sides are given. It is plain data, so that it can be printed, read back, and made smaller
 * one field at a time.
 */

#ifndef DIFFERENTIAL_CASE_H
#define DIFFERENTIAL_CASE_H

#include <stddef.h>
#include <stdint.h>

enum {
	MAX_READS = 10,
	MAX_RESULTS = 10,
	MAX_STEPS = 12,
	MAX_DATAGRAM = 17000,
	MAX_COOKIE = 255,
	POOL_SIZE = 40000
};

enum method {
	METHOD_DTLS,
	METHOD_DTLS_SERVER,
	METHOD_DTLS_CLIENT,
	METHOD_DTLS12,
	METHOD_DTLS12_SERVER,
	METHOD_DTLS10,
	METHOD_DTLS10_SERVER,
	METHOD_TLS,
	METHODS
};

enum role { ROLE_UNSET, ROLE_ACCEPT, ROLE_CONNECT, ROLES };

enum layout {
	BIOS_SPLIT,      /* two scripted BIOs */
	BIOS_SAME,       /* one for both directions */
	BIOS_MEMORY,     /* two memory BIOs; empty means "would block" */
	BIOS_MEMORY_END, /* the same; empty means end of file */
	BIOS_NO_READ,
	BIOS_NO_WRITE,
	BIOS_NONE,
	BIOS_DEAF,           /* the read BIO's method has no read function */
	BIOS_MUTE,           /* the write BIO's method has no write function */
	BIOS_UNREADY,        /* the read BIO was never initialised */
	BIOS_DATAGRAM,       /* libssl's own datagram BIO on a real socket */
	BIOS_DATAGRAM_SPLIT, /* two of them on the one socket */
	LAYOUTS
};

enum peer {
	PEER_INET,
	PEER_INET6,
	PEER_UNIX,
	PEER_UNKNOWN, /* a family nobody knows, sockaddr_storage-like bytes */
	PEER_NONE,    /* the BIO knows no peer: 0 */
	PEER_REFUSED, /* the same, said with -1 */
	PEER_CLAIMED, /* says yes and writes nothing, as Qt's BIO does */
	PEERS
};

enum verify {
	VERIFY_EXACT, /* right when equal to the case's cookie */
	VERIFY_ALWAYS,
	VERIFY_NEVER,
	VERIFY_ONCE, /* exact on the first call, wrong from then on */
	VERIFY_ABSENT,
	VERIFIES
};

enum generate { GENERATE_COOKIE, GENERATE_FAILS, GENERATE_ABSENT, GENERATES };

enum msg {
	MSG_NONE,
	MSG_CTX,   /* set on the SSL_CTX before SSL_new */
	MSG_SSL,   /* set on the SSL */
	MSG_BOTH,  /* on the SSL_CTX, then again with another argument on the SSL */
	MSG_LATE,  /* on the SSL_CTX, after SSL_new: must have no effect */
	MSG_UNSET, /* on the SSL_CTX, then NULL on the SSL */
	MSG_ARG,   /* on the SSL_CTX, then only the argument on the SSL */
	MSGS
};

enum { READ_DATA, READ_BLOCK, READ_BLOCK_ZERO, READ_END, READ_FAIL, READ_FAIL_STALE, READ_KINDS };
enum {
	RESULT_OK,
	RESULT_BLOCK,
	RESULT_FAIL,
	RESULT_FAIL_STALE,
	RESULT_ZERO,
	RESULT_SHORT,
	RESULT_SHORT_BLOCK,
	RESULTS
};

struct scripted_read {
	int kind;
	size_t at; /* into the pool */
	size_t len;
};

struct dcase {
	int method;
	int switched; /* 1 + the method of another SSL_CTX put in by SSL_set_SSL_CTX; 0: none */
	int role;
	int anyconnect; /* SSL_OP_CISCO_ANYCONNECT: the pre-standard version 0x0100 */
	int bios;
	int claims_dgram; /* the scripted BIO's type is a datagram socket's, as libcoap's is */
	int peer;
	int peer_result; /* what a knowing BIO returns: 0 the address's length, else this */
	int null_peer;
	int generate;
	int generate_result; /* what a generate callback that works returns */
	int generate_len; /* the length it claims (-1: UINT_MAX); up to 255 bytes are the case's cookie */
	int generate_raises; /* queues an error of its own */
	int verify;
	int verify_result; /* what a satisfied verify callback returns */
	int verify_raises;
	int msg;
	int info;
	int stale;     /* errors in the queue on entry */
	int duplicate; /* the SSL comes from SSL_dup */
	int mtu;       /* 0: libssl asks the BIO */
	int bounds; /* 0: none; else 1 + an index into case_bounds: of the versions that the SSL may speak */
	int repairs; /* for dtlsv1_listen_set_repairs, on our side; not for fragments on a socket, see run.c */
	int exchange; /* SSL_OP_COOKIE_EXCHANGE from the start, for programs that use cookies without DTLSv1_listen */
	char steps[MAX_STEPS + 1];
	unsigned char cookie[MAX_COOKIE];
	size_t nreads, nwrites, nflushes, used;
	struct scripted_read reads[MAX_READS];
	int writes[MAX_RESULTS];
	int flushes[MAX_RESULTS];
	uint64_t seed, number; /* where it came from; seed 0 and number 0: the command line */
	unsigned char pool[POOL_SIZE];
};

/*
 * Steps: L DTLSv1_listen, A SSL_accept, C SSL_clear, E a fresh empty read BIO (scripted layouts), V the verify callback is taken away,
 * W it is put back, D a new SSL from the same SSL_CTX takes over the BIOs, S SSL_set_SSL_CTX (with `switched`; without S that is done at
 * the start), T SSL_set_ssl_method (the same), M a small SSL_set_mtu, K SSL_set_connect_state, P SSL_set_accept_state, H SSL_set_shutdown,
 * R SSL_read, B SSL_write, U SSL_shutdown.
 */
#define STEP_LETTERS "LACEVWDSTMKPHRBU"

/* The lowest and highest version of those; 0 for none. DTLS 1.3 is refused by a libssl that does not know it. */
enum { BOUNDS = 9 };
extern const int case_bounds[BOUNDS][2];

void case_reset(struct dcase *c);
void case_copy(struct dcase *to, const struct dcase *from);

/* 0 when the case is full. */
int case_add_read(struct dcase *c, int kind, const unsigned char *bytes, size_t len);
void case_drop_read(struct dcase *c, size_t index);

/* The bytes of the cookie that the generate callback makes. */
size_t case_cookie_len(const struct dcase *c);

/* case_text.c: the set-up as `key=value` words, without the datagrams. */
void case_print_setup(const struct dcase *c);
int case_parse_setup(
    struct dcase *c, const char *text); /* 0 and a message on stderr when it cannot be read */
void case_print_command(const struct dcase *c);         /* the command that replays it */
int case_parse_read(struct dcase *c, const char *text); /* hex, or the name of a kind of read */

/* The fields that are a plain number, for the shrinker. */
extern const size_t case_field_count;
int *case_field(struct dcase *c, size_t index);
int case_field_default(size_t index);

#endif
