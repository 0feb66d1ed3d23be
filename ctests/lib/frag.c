#include "frag.h"
#include "check.h"

#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

void
frag_server_init(struct frag_server *s, SSL_CTX *ctx, int family)
{
	memset(s, 0, sizeof(*s));
	s->ctx = ctx;
	s->fd = net_nonblocking(net_bound(family, &s->own));
	app_init(&s->app);
	s->app.needs_peer = 1;
	app_install(&s->app, ctx);
	frag_server_next(s);
}

void
frag_server_next(struct frag_server *s)
{
	BIO *b = BIO_new_dgram(s->fd, BIO_NOCLOSE);

	SSL_free(s->ssl);
	s->ssl = tls_server_on(s->ctx, b, b);
	app_expect(&s->app, s->ssl);
}

void
frag_server_free(struct frag_server *s)
{
	SSL_free(s->ssl);
	net_close(s->fd, &s->own);
}

/* ALPN names that take up so many bytes in all. */
static void
pad(SSL *ssl, size_t padding)
{
	static unsigned char names[17000];
	size_t at, n;

	NEED(padding <= sizeof(names));
	memset(names, 'p', sizeof(names));
	for (at = 0; at < padding; at += n) {
		n = padding - at;
		if (n > 200)
			n = n == 201 ? 199 : 200;
		names[at] = (unsigned char)(n - 1);
	}
	NEED(SSL_set_alpn_protos(ssl, names, (unsigned int)padding) == 0);
}

void
frag_client_init(struct frag_client *c, const struct address *server, size_t padding, long mtu)
{
	memset(c, 0, sizeof(*c));
	stepper_init(&c->step);
	if (padding > 0)
		pad(c->step.ssl, padding);
	NEED(DTLS_set_link_mtu(c->step.ssl, mtu));
	c->server = *server;
	c->fd = net_nonblocking(net_bound(server->any.ss_family, &c->own));
}

void
frag_client_free(struct frag_client *c)
{
	stepper_free(&c->step);
	net_close(c->fd, &c->own);
}

unsigned int
frag_step(struct frag_client *c)
{
	stepper_step(&c->step);
	return queue_len(&c->step.wire.out);
}

struct datagram *
frag_get(struct frag_client *c, unsigned int nth)
{
	struct queue *q = &c->step.wire.out;

	NEED(nth < queue_len(q));
	return &q->slot[(q->first + nth) % WIRE_SLOTS];
}

void
frag_send(struct frag_client *c, unsigned int nth)
{
	struct datagram *d = frag_get(c, nth);

	frag_send_bytes(c, d->byte, d->len);
}

void
frag_send_bytes(struct frag_client *c, const void *bytes, size_t len)
{
	net_send(c->fd, bytes, len, &c->server);
}

void
frag_forget(struct frag_client *c)
{
	queue_clear(&c->step.wire.out);
}

static void
send_all(struct frag_client *c)
{
	unsigned int i, n = queue_len(&c->step.wire.out);

	for (i = 0; i < n; i++)
		frag_send(c, i);
	frag_forget(c);
}

void
frag_hear(struct frag_client *c)
{
	unsigned char byte[WIRE_MAX];
	ssize_t n;

	net_wait(c->fd);
	net_settle();
	while ((n = recv(c->fd, byte, sizeof(byte), 0)) >= 0)
		queue_put(&c->step.wire.in, byte, (size_t)n);
}

unsigned int
frag_second_hello(struct frag_client *c, struct frag_server *s)
{
	unsigned int n = frag_step(c);
	int strange;

	send_all(c);
	CHECK_INT(frag_listen(s, NULL, &strange), 0);
	CHECK_INT(strange, n - 1); /* all but the first, which is answered */
	frag_hear(c);
	return frag_step(c);
}

int
frag_listen(struct frag_server *s, void *peer, int *strange)
{
	int ret, calls;

	*strange = 0;
	for (calls = 0; calls < 500; calls++) {
		ret = listen_to(s->ssl, peer);
		if (ret != 0 || ERR_peek_error() == 0)
			return ret;
		CHECK_QUEUED(SSL_R_FRAGMENTED_CLIENT_HELLO);
		++*strange;
	}
	CHECK(calls < 500);
	return -1;
}

void
frag_nothing_yet(struct frag_server *s)
{
	struct sockaddr_storage peer;
	int ret;

	memset(&peer, 0xa5, sizeof(peer));
	ret = listen_to(s->ssl, &peer);
	CHECK_INT(ret, 0);
	CHECK_QUEUED(0);
	CHECK_INT(SSL_get_error(s->ssl, ret), SSL_ERROR_SYSCALL);
	CHECK_STR(SSL_state_string_long(s->ssl), "before SSL initialization");
	CHECK_INT(peer.ss_family, 0xa5a5);
}

void
frag_accepts(struct frag_server *s, struct frag_client *c)
{
	struct sockaddr_storage peer;
	int strange, before;

	memset(&peer, 0, sizeof(peer));
	CHECK_INT(frag_listen(s, &peer, &strange), 1);
	CHECK_INT(strange, 0);
	CHECK_QUEUED(0);
	CHECK(!net_readable(s->fd, 0)); /* it was the last one's turn */
	CHECK_BYTES(&peer, &c->own.any, c->own.len);
	before = s->app.verified;
	frag_connect(s, c);
	frag_finish(s, c);
	CHECK_INT(s->app.verified - before, 1);
	CHECK_INT(s->app.wrong_ssl + s->app.wrong_rbio, 0);
}

/* A path cannot be bound twice: there, the listening socket is connected. */
void
frag_connect(struct frag_server *s, struct frag_client *c)
{
	BIO *b = SSL_get_rbio(s->ssl);

	if (c->own.any.ss_family == AF_UNIX)
		net_connect(s->fd, &c->own);
	else
		BIO_set_fd(b,
		    net_nonblocking(
			net_connected(&s->own, (struct sockaddr *)&c->own.any, c->own.len)),
		    BIO_CLOSE);
	BIO_ctrl_set_connected(b, &c->own.any);
}

static int
shake_hands(SSL *server, struct frag_client *c)
{
	int done = 0, client_done = 0, ret;

	for (;;) {
		if (!done) {
			ret = SSL_accept(server);
			done = ret == 1;
			if (!done && SSL_get_error(server, ret) != SSL_ERROR_WANT_READ)
				break;
		}
		if (done && client_done)
			break;
		net_wait_either(c->fd, SSL_get_fd(server));
		if (!net_readable(c->fd, 0))
			continue;
		frag_hear(c);
		client_done = stepper_step(&c->step);
		send_all(c);
	}
	CHECK(done);
	CHECK(client_done);
	if (!done || !client_done)
		ERR_print_errors_fp(stderr);
	return done && client_done;
}

void
frag_finish(struct frag_server *s, struct frag_client *c)
{
	char heard[16];

	frag_forget(c);
	if (!shake_hands(s->ssl, c))
		return;
	CHECK_INT(SSL_write(c->step.ssl, "there", 5), 5);
	send_all(c);
	net_wait(SSL_get_fd(s->ssl));
	CHECK_INT(SSL_read(s->ssl, heard, sizeof(heard)), 5);
	CHECK_BYTES(heard, "there", 5);
	CHECK_INT(SSL_write(s->ssl, "and back", 8), 8);
	frag_hear(c);
	CHECK_INT(SSL_read(c->step.ssl, heard, sizeof(heard)), 8);
	CHECK_BYTES(heard, "and back", 8);
}
