/*
 * Built-in cookies of 17 bytes, for a client whose first fragment has no room for
 * 32: whom they are for, and that SSL_accept() takes them.
 */
#include "lib/check.h"
#include "lib/door.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <string.h>

static struct door door;

/* 1 accepted, 0 challenged. */
static int
says(const struct hello *h, struct hvr *v)
{
	struct answer a;

	door_ask(&door, h, &a);
	CHECK_INT(a.queued, 0);
	CHECK_INT(a.count, a.ret == 0);
	if (a.ret == 0) {
		CHECK(a.len <= h->len); /* never an amplifier */
		if (v != NULL)
			hvr_parse(v, a.byte, a.len);
	}
	return a.ret;
}

/* The first fragment of a hello: as much of it as a datagram of `size` holds. */
static void
cut(struct hello *h, const void *cookie, size_t cookielen, size_t size)
{
	memset(h->byte, 0, sizeof(h->byte));
	hello_make(h, cookie, cookielen);
	h->len = size;
	hello_fix_fragment(h);
	hello_put(h, AT_MSG_LEN, 300, 3);
}

/*
 * In front of the cookie there are 61 bytes of a datagram, and a client that
 * cannot send 32 more could never show a whole one.
 */
static void
test_short(void)
{
	struct hello h;
	struct hvr v;
	size_t size;

	for (size = 78; size < 93; size++) {
		check_case("no room for 32 bytes");
		cut(&h, NULL, 0, size);
		CHECK_INT(says(&h, &v), 0);
		CHECK_STR(v.bad != NULL ? v.bad : "", "");
		CHECK_INT(v.cookielen, 17);
		cut(&h, v.cookie, v.cookielen, size);
		CHECK_INT(says(&h, NULL), 1);
		check_case("its client's next datagrams may be larger");
		hello_make(&h, v.cookie, v.cookielen);
		CHECK_INT(says(&h, NULL), 1);
		check_case("a bit flipped");
		h.byte[AT_COOKIE + 1 + size % 17] ^= 1;
		CHECK_INT(says(&h, NULL), 0);
	}
	check_case("a session id takes its room");
	for (size = 94; size < 96; size++) {
		cut(&h, NULL, 0, size);
		h.byte[AT_SESSION_ID] = 2; /* zeros, and no cookie */
		CHECK_INT(says(&h, &v), 0);
		CHECK_INT(v.cookielen, size < 95 ? 17 : 32);
	}
	check_case("room enough");
	cut(&h, NULL, 0, 93);
	CHECK_INT(says(&h, &v), 0);
	CHECK_INT(v.cookielen, 32);
	check_case("a hello that came whole says nothing");
	hello_make(&h, NULL, 0);
	h.len = 70;
	hello_fix_message(&h);
	CHECK_INT(says(&h, &v), 0);
	CHECK_INT(v.cookielen, 32);
	check_case("a cookie that was cut is not a short one");
	cut(&h, v.cookie, 17, 78);
	CHECK_INT(says(&h, NULL), 0);
	check_case(NULL);
}

/* SSL_accept() asks about it again. */
static void
test_accept_short(void)
{
	static struct stepper client;
	struct port port = { .wire = &door.wire };
	struct datagram *d;
	struct hello h;
	SSL *ssl;

	ssl = tls_server_wire(door.ctx, &door.wire);
	stepper_init(&client);
	stepper_step(&client);
	NEED((d = queue_get(&client.wire.out)) != NULL && d->len > 90);
	memcpy(h.byte, d->byte, 90);
	h.len = 90;
	hello_fix_fragment(&h);
	port_give(&port, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	NEED((d = queue_get(&door.wire.out)) != NULL);
	CHECK_INT(d->len, 28 + 17);
	queue_put(&client.wire.in, d->byte, d->len);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 1);
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("cookies_short");
	door_open(&door, 0);
	test_short();
	test_accept_short();
	door_close(&door);
	return check_end();
}
