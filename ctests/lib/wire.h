/*
 * A custom BIO over two queues of datagrams in plain memory: what a test puts
 * in `in` is read, what is written lands in `out`. It allocates nothing, and
 * everything a BIO can do to DTLSv1_listen can be set before the call.
 */
#ifndef CTESTS_WIRE_H
#define CTESTS_WIRE_H

#include <openssl/bio.h>
#include <stddef.h>
#include <sys/socket.h>

#define WIRE_SLOTS 64
#define WIRE_MAX   2048

enum { WIRE_READ = -1, WIRE_WRITE = -2 };
enum wire_end { WIRE_BLOCK, WIRE_EOF, WIRE_ERROR };
enum wire_peer { WIRE_KNOWN, WIRE_UNKNOWN, WIRE_CLAIMED };
enum wire_write { WIRE_TAKE, WIRE_WRITE_BLOCK, WIRE_WRITE_FAIL, WIRE_WRITE_SHORT };
enum wire_flush { WIRE_FLUSH, WIRE_FLUSH_BLOCK, WIRE_FLUSH_FAIL };

struct datagram {
	size_t len;
	unsigned char byte[WIRE_MAX];
};

struct queue {
	unsigned int first, end; /* count up for ever */
	struct datagram slot[WIRE_SLOTS];
};

struct wire {
	struct queue in, out;

	/* What happens when `in` is empty, on a write, on a flush, and what
	 * BIO_CTRL_DGRAM_GET_PEER answers. */
	enum wire_end end;
	enum wire_write write;
	enum wire_flush flush;
	enum wire_peer has_peer;
	struct sockaddr_storage peer;
	socklen_t peerlen;

	/* Called first in each operation, if set: WIRE_READ, WIRE_WRITE, or the
	 * command of a control. */
	void (*hook)(int op);

	/* What was asked of it. */
	int reads, writes, flushes, peers_read;
	struct sockaddr_storage peer_set; /* by ..._SET_PEER */
	int peers_set;
};

/* A name and type other than a custom BIO's own: NULL and 0 for those. */
BIO *wire_bio(struct wire *, const char *name, int type);

void wire_init(struct wire *);
void wire_peer4(struct wire *, const char *ip, int port);
void wire_peer6(struct wire *, const char *ip, int port);
void wire_peer_unix(struct wire *, const char *path);

void queue_put(struct queue *, const void *, size_t);
struct datagram *queue_get(struct queue *); /* NULL when empty */
unsigned int queue_len(const struct queue *);
void queue_clear(struct queue *);

#endif
