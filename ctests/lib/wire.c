#include "wire.h"
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/un.h>

void
queue_put(struct queue *q, const void *bytes, size_t len)
{
	struct datagram *d = &q->slot[q->end % WIRE_SLOTS];

	NEED(len <= WIRE_MAX && queue_len(q) < WIRE_SLOTS);
	memcpy(d->byte, bytes, len);
	d->len = len;
	q->end++;
}

struct datagram *
queue_get(struct queue *q)
{
	if (q->first == q->end)
		return NULL;
	return &q->slot[q->first++ % WIRE_SLOTS];
}

unsigned int
queue_len(const struct queue *q)
{
	return q->end - q->first;
}

void
queue_clear(struct queue *q)
{
	q->first = q->end;
}

static int
wire_read(BIO *b, char *out, int room)
{
	struct wire *w = BIO_get_data(b);
	struct datagram *d;

	if (w->hook != NULL)
		w->hook(WIRE_READ);
	BIO_clear_retry_flags(b);
	w->reads++;
	if ((d = queue_get(&w->in)) != NULL) {
		size_t n = d->len < (size_t)room ? d->len : (size_t)room;

		memcpy(out, d->byte, n);
		return (int)n;
	}
	if (w->end == WIRE_BLOCK)
		BIO_set_retry_read(b);
	return w->end == WIRE_EOF ? 0 : -1;
}

static int
wire_write(BIO *b, const char *in, int len)
{
	struct wire *w = BIO_get_data(b);

	if (w->hook != NULL)
		w->hook(WIRE_WRITE);
	BIO_clear_retry_flags(b);
	w->writes++;
	switch (w->write) {
	case WIRE_WRITE_BLOCK: BIO_set_retry_write(b); return -1;
	case WIRE_WRITE_FAIL: return -1;
	case WIRE_WRITE_SHORT: return len - 1;
	case WIRE_TAKE: break;
	}
	queue_put(&w->out, in, (size_t)len);
	return len;
}

static long
wire_get_peer(struct wire *w, void *out)
{
	w->peers_read++;
	if (w->has_peer == WIRE_CLAIMED)
		return 1;
	if (w->has_peer == WIRE_UNKNOWN)
		return 0;
	memcpy(out, &w->peer, w->peerlen);
	return (long)w->peerlen;
}

static long
wire_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	struct wire *w = BIO_get_data(b);

	(void)num;
	if (w->hook != NULL)
		w->hook(cmd);
	switch (cmd) {
	case BIO_CTRL_DGRAM_GET_PEER: return wire_get_peer(w, ptr);
	case BIO_CTRL_DGRAM_SET_PEER:
		/* A BIO_ADDR is as long as its family says, no longer. */
		memcpy(&w->peer_set, ptr,
		    ((struct sockaddr *)ptr)->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
								      sizeof(struct sockaddr_in));
		w->peers_set++;
		return 1;
	case BIO_CTRL_FLUSH:
		w->flushes++;
		BIO_clear_retry_flags(b);
		if (w->flush == WIRE_FLUSH_BLOCK)
			BIO_set_retry_write(b);
		return w->flush == WIRE_FLUSH ? 1 : -1;
	case BIO_CTRL_WPENDING:
	case BIO_CTRL_PENDING: return 0;
	default: return 0;
	}
}

static int
wire_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

/* Methods live as long as the process: BIOs point to them. */
static BIO_METHOD *
wire_method(const char *name, int type)
{
	static struct {
		const char *name;
		int type;
		BIO_METHOD *meth;
	} known[8];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	BIO_METHOD *meth = NULL;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < 8 && known[i].meth != NULL; i++)
		if (strcmp(known[i].name, name) == 0 && known[i].type == type)
			meth = known[i].meth;
	if (meth == NULL) {
		NEED(i < 8);
		NEED((meth = BIO_meth_new(type, name)) != NULL);
		NEED(BIO_meth_set_read(meth, wire_read));
		NEED(BIO_meth_set_write(meth, wire_write));
		NEED(BIO_meth_set_ctrl(meth, wire_ctrl));
		NEED(BIO_meth_set_create(meth, wire_create));
		known[i].name = name;
		known[i].type = type;
		known[i].meth = meth;
	}
	pthread_mutex_unlock(&lock);
	return meth;
}

static int own_type;

static void
choose_type(void)
{
	own_type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
}

BIO *
wire_bio(struct wire *w, const char *name, int type)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *b;

	if (type == 0) {
		pthread_once(&once, choose_type);
		type = own_type;
	}
	b = BIO_new(wire_method(name != NULL ? name : "wire", type));
	NEED(b != NULL);
	BIO_set_data(b, w);
	return b;
}

void
wire_init(struct wire *w)
{
	memset(w, 0, sizeof(*w));
	wire_peer4(w, "192.0.2.1", 4433);
}

void
wire_peer4(struct wire *w, const char *ip, int port)
{
	struct sockaddr_in *a = (struct sockaddr_in *)&w->peer;

	memset(&w->peer, 0, sizeof(w->peer));
	a->sin_family = AF_INET;
	a->sin_port = htons((uint16_t)port);
	NEED(inet_pton(AF_INET, ip, &a->sin_addr) == 1);
	w->peerlen = sizeof(*a);
	w->has_peer = WIRE_KNOWN;
}

void
wire_peer6(struct wire *w, const char *ip, int port)
{
	struct sockaddr_in6 *a = (struct sockaddr_in6 *)&w->peer;

	memset(&w->peer, 0, sizeof(w->peer));
	a->sin6_family = AF_INET6;
	a->sin6_port = htons((uint16_t)port);
	NEED(inet_pton(AF_INET6, ip, &a->sin6_addr) == 1);
	w->peerlen = sizeof(*a);
	w->has_peer = WIRE_KNOWN;
}

void
wire_peer_unix(struct wire *w, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&w->peer;

	memset(&w->peer, 0, sizeof(w->peer));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	w->peerlen = sizeof(*un);
}
