#include "end.h"
#include "check.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *
end_name(enum end_kind kind)
{
	static const char *const names[END_KINDS] = { "memory BIOs", "a BIO pair", "a datagram BIO",
		"a custom BIO" };

	return names[kind];
}

static void
open_datagram(struct end *e)
{
	e->fd = net_nonblocking(net_bound(AF_INET, &e->own));
	e->near_fd = net_nonblocking(net_bound(AF_INET, &e->near_own));
	net_connect(e->fd, &e->near_own);
	e->rbio = e->wbio = BIO_new_dgram(e->fd, BIO_NOCLOSE);
	NEED(e->rbio != NULL);
	NEED(BIO_ctrl(e->rbio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &e->near_own.any) == 1);
}

SSL *
end_server(struct end *e, enum end_kind kind, SSL_CTX *ctx)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	switch (kind) {
	case END_MEMORY:
		e->rbio = BIO_new(BIO_s_mem());
		e->wbio = BIO_new(BIO_s_mem());
		break;
	case END_PAIR:
		NEED(BIO_new_bio_pair(&e->rbio, 65536, &e->near, 65536) == 1);
		e->wbio = e->rbio;
		break;
	case END_DATAGRAM: open_datagram(e); break;
	default: wire_init(&e->wire); e->rbio = e->wbio = wire_bio(&e->wire, NULL, 0);
	}
	NEED(e->rbio != NULL && e->wbio != NULL);
	return tls_server_on(ctx, e->rbio, e->wbio);
}

void
end_free(struct end *e, SSL *ssl)
{
	SSL_free(ssl);
	BIO_free(e->near);
	if (e->kind == END_DATAGRAM) {
		net_close(e->fd, &e->own);
		net_close(e->near_fd, &e->near_own);
	}
}

void
end_give(struct end *e, const void *bytes, size_t len)
{
	switch (e->kind) {
	case END_MEMORY: NEED(BIO_write(e->rbio, bytes, (int)len) == (int)len); break;
	case END_PAIR: NEED(BIO_write(e->near, bytes, (int)len) == (int)len); break;
	case END_DATAGRAM: net_send(e->near_fd, bytes, len, &e->own); break;
	default: queue_put(&e->wire.in, bytes, len);
	}
}

size_t
end_take(struct end *e, void *out, size_t room)
{
	struct datagram *d;
	ssize_t n;

	switch (e->kind) {
	case END_MEMORY: n = BIO_read(e->wbio, out, (int)room); break;
	case END_PAIR: n = BIO_read(e->near, out, (int)room); break;
	case END_DATAGRAM:
		net_settle();
		n = recv(e->near_fd, out, room, 0);
		break;
	default:
		if ((d = queue_get(&e->wire.out)) == NULL)
			return 0;
		NEED(d->len <= room);
		memcpy(out, d->byte, d->len);
		n = (ssize_t)d->len;
	}
	return n > 0 ? (size_t)n : 0;
}

size_t
end_waiting(struct end *e)
{
	int n = 0;

	switch (e->kind) {
	case END_MEMORY:
	case END_PAIR: return BIO_ctrl_pending(e->rbio);
	case END_DATAGRAM: NEED(ioctl(e->fd, FIONREAD, &n) == 0); return (size_t)n;
	default:
		return queue_len(&e->wire.in) == 0 ?
		    0 :
		    e->wire.in.slot[e->wire.in.first % WIRE_SLOTS].len;
	}
}

static size_t
to_client(struct end *e, struct stepper *s, unsigned char *first, size_t room)
{
	unsigned char bytes[WIRE_MAX];
	size_t n, all = 0;

	while ((n = end_take(e, bytes, sizeof(bytes))) > 0) {
		queue_put(&s->wire.in, bytes, n);
		if (all == 0 && first != NULL)
			memcpy(first, bytes, n < room ? n : room);
		all += n;
	}
	return all < room ? all : room;
}

static void
to_server(struct end *e, struct stepper *s)
{
	struct datagram *d;

	while ((d = queue_get(&s->wire.out)) != NULL)
		end_give(e, d->byte, d->len);
}

static void
one_way(struct end *e, struct stepper *s, SSL *from, SSL *to, const char *say)
{
	char heard[64];
	int n, len = (int)strlen(say);

	CHECK_INT(SSL_write(from, say, len), len);
	to_server(e, s);
	(void)to_client(e, s, NULL, 0);
	n = SSL_read(to, heard, sizeof(heard));
	CHECK_INT(n, len);
	if (n == len)
		CHECK_BYTES(heard, say, (size_t)len);
}

void
end_finish(
    struct end *e, struct stepper *s, SSL *server, unsigned char *first, size_t room, size_t *len)
{
	int done = 0, client_done = 0, round, ret;
	size_t n;

	for (round = 0; round < 20 && !(done && client_done); round++) {
		if (!done) {
			ret = SSL_accept(server);
			done = ret == 1;
			if (!done && SSL_get_error(server, ret) != SSL_ERROR_WANT_READ)
				break;
		}
		n = to_client(e, s, first, room);
		if (n > 0 && first != NULL) {
			*len = n;
			first = NULL;
		}
		client_done = stepper_step(s);
		to_server(e, s);
	}
	CHECK(done);
	CHECK(client_done);
	if (!done || !client_done) {
		ERR_print_errors_fp(stderr);
		return;
	}
	one_way(e, s, s->ssl, server, "to the server");
	one_way(e, s, server, s->ssl, "to the client");
}
