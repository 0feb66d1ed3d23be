#include "door.h"
#include "check.h"
#include "ours.h"
#include "tls.h"

#include <openssl/err.h>
#include <string.h>

void
door_open(struct door *door, int secret)
{
	door->ctx = tls_server_ctx();
	NEED(ours.set_cookie_policy(door->ctx, BUILTIN) == 1);
	wire_init(&door->wire);
	if (secret != 0)
		door_secret(door, secret);
}

void
door_close(struct door *door)
{
	SSL_CTX_free(door->ctx);
}

void
door_secret(struct door *door, int secret)
{
	unsigned char bytes[32];

	memset(bytes, secret, sizeof(bytes));
	CHECK_INT(ours.set_secret(door->ctx, bytes, sizeof(bytes)), 1);
	CHECK_QUEUED(0);
}

void
door_ask(struct door *door, const struct hello *h, struct answer *a)
{
	BIO *b = wire_bio(&door->wire, NULL, 0);
	SSL *ssl = tls_server_on(door->ctx, b, b);
	struct datagram *d;

	memset(a, 0, sizeof(*a));
	queue_clear(&door->wire.in);
	queue_clear(&door->wire.out);
	queue_put(&door->wire.in, h->byte, h->len);
	a->ret = listen_to(ssl, NULL);
	a->queued = ERR_peek_error() != 0;
	a->count = queue_len(&door->wire.out);
	if ((d = queue_get(&door->wire.out)) != NULL) {
		a->len = d->len;
		memcpy(a->byte, d->byte, d->len);
	}
	SSL_free(ssl);
}

void
door_cookie(struct door *door, const struct hello *h, unsigned char cookie[COOKIE_LEN])
{
	struct answer a;
	struct hvr v;

	door_ask(door, h, &a);
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.queued, 0);
	CHECK_INT(a.count, 1);
	hvr_parse(&v, a.byte, a.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	CHECK_INT(v.cookielen, COOKIE_LEN);
	memcpy(cookie, v.cookie, COOKIE_LEN);
}

int
door_shown(struct door *door, const void *cookie, size_t cookielen)
{
	struct answer a;
	struct hello h;

	hello_make(&h, cookie, cookielen);
	door_ask(door, &h, &a);
	ERR_clear_error();
	return a.ret;
}

void
door_fresh(struct door *door, unsigned char cookie[COOKIE_LEN])
{
	struct hello h;

	hello_make(&h, NULL, 0);
	door_cookie(door, &h, cookie);
}

int
door_accepts(struct door *maker, struct door *checker)
{
	unsigned char cookie[COOKIE_LEN];

	door_fresh(maker, cookie);
	return door_shown(checker, cookie, COOKIE_LEN);
}
