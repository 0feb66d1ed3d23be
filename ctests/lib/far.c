#include "far.h"
#include "check.h"

#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#define HEADER 13

static uint64_t
number(const unsigned char *at, size_t width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* The length of the record at p, header included; the test's own traffic is
 * always whole records. */
static size_t
record_len(const unsigned char *p, size_t left)
{
	size_t len;

	NEED(left >= HEADER && p[1] == 0xfe);
	len = HEADER + (size_t)number(p + 11, 2);
	NEED(len <= left);
	return len;
}

void
far_init(struct far *f, int family)
{
	memset(f, 0, sizeof(*f));
	stepper_init(&f->client);
	f->server_fd = net_nonblocking(net_bound(family, &f->server));
	f->fd = net_nonblocking(net_bound(family, &f->own));
}

void
far_free(struct far *f)
{
	stepper_free(&f->client);
	net_close(f->server_fd, &f->server);
	net_close(f->fd, &f->own);
}

SSL *
far_server(struct far *f, SSL_CTX *ctx)
{
	BIO *b = BIO_new_dgram(f->server_fd, BIO_NOCLOSE);

	NEED(b != NULL);
	return tls_server_on(ctx, b, b);
}

static void
shift_numbers(unsigned char *p, size_t left, uint64_t shift)
{
	size_t len, i;
	uint64_t seq;

	for (; left > 0; p += len, left -= len) {
		len = record_len(p, left);
		seq = number(p + 5, 6) + shift;
		if (number(p + 3, 2) != 0)
			continue;
		for (i = 0; i < 6; i++)
			p[10 - i] = (unsigned char)(seq >> (8 * i));
	}
}

static void
to_server(struct far *f, const void *behind, size_t behindlen)
{
	unsigned char bytes[2 * WIRE_MAX];
	struct datagram *d;

	while ((d = queue_get(&f->client.wire.out)) != NULL) {
		NEED(d->len + behindlen <= sizeof(bytes));
		memcpy(bytes, d->byte, d->len);
		shift_numbers(bytes, d->len, f->shift);
		if (behindlen > 0)
			memcpy(bytes + d->len, behind, behindlen);
		net_send(f->fd, bytes, d->len + behindlen, &f->server);
	}
}

void
far_to_server(struct far *f)
{
	to_server(f, NULL, 0);
}

static void
note_records(struct far *f, const unsigned char *p, size_t left)
{
	size_t len;

	for (; left > 0; p += len, left -= len) {
		len = record_len(p, left);
		if (number(p + 3, 2) != 0)
			continue;
		NEED(f->records < FAR_NUMBERS);
		f->record[f->records].seq = number(p + 5, 6);
		f->record[f->records].type = p[0];
		f->record[f->records].msg = p[0] == 22 ? p[HEADER] : 0;
		f->records++;
	}
}

int
far_collect(struct far *f, int deliver)
{
	unsigned char bytes[WIRE_MAX];
	ssize_t n;
	int count = 0;

	net_settle();
	while ((n = recv(f->fd, bytes, sizeof(bytes), 0)) > 0) {
		note_records(f, bytes, (size_t)n);
		if (deliver)
			queue_put(&f->client.wire.in, bytes, (size_t)n);
		f->datagrams++;
		count++;
	}
	return count;
}

void
far_accepted(struct far *f, SSL *ssl, uint64_t seq)
{
	far_accepted_with(f, ssl, seq, NULL, 0);
}

void
far_accepted_with(struct far *f, SSL *ssl, uint64_t seq, const void *behind, size_t len)
{
	stepper_step(&f->client);
	far_to_server(f);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	CHECK_INT(far_collect(f, 1), 1);
	CHECK_INT(f->record[0].seq, 0);
	CHECK_INT(f->record[0].msg, 3);
	f->records = 0;
	stepper_step(&f->client);
	f->shift = seq - 1; /* its second record is number 1 */
	to_server(f, behind, len);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	/* The SSL_clear() in listen forgets it once a version was agreed. */
	(void)DTLS_set_link_mtu(ssl, 1400);
}

static void
one_way(struct far *f, SSL *from, SSL *to, const char *say)
{
	char heard[64];
	int n, len = (int)strlen(say);

	CHECK_INT(SSL_write(from, say, len), len);
	far_to_server(f);
	far_collect(f, 1);
	n = SSL_read(to, heard, sizeof(heard));
	CHECK_INT(n, len);
	if (n == len)
		CHECK_BYTES(heard, say, (size_t)len);
}

void
far_finish(struct far *f, SSL *ssl)
{
	int done = 0, client_done = 0, round, ret;

	for (round = 0; round < 20 && !(done && client_done); round++) {
		if (!done) {
			ret = SSL_accept(ssl);
			done = ret == 1;
			if (!done && SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
				break;
		}
		far_collect(f, 1);
		client_done = stepper_step(&f->client);
		far_to_server(f);
	}
	CHECK(done);
	CHECK(client_done);
	if (!done || !client_done) {
		ERR_print_errors_fp(stderr);
		return;
	}
	one_way(f, f->client.ssl, ssl, "to the server");
	one_way(f, ssl, f->client.ssl, "to the client");
}
