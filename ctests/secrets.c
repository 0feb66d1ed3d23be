/*
 * Secrets that are shared and rotated; what the functions take and refuse, and
 * what happens to clients in between.
 */
#include "lib/check.h"
#include "lib/door.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
test_arguments(void)
{
	static unsigned char bytes[1025];
	SSL_CTX *ctx = tls_server_ctx();
	struct {
		size_t len;
		int ret;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 31, 0 },
		{ 32, 1 },
		{ 64, 1 },
		{ 65, 1 },
		{ 1024, 1 },
		{ 1025, 0 },
		{ (size_t)-1, 0 },
	};
	unsigned int seconds[] = { 0, 1, 60, 86400, 86401, (unsigned int)-1 };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(ours.set_secret(ctx, bytes, rows[i].len), rows[i].ret);
		CHECK_INT(ERR_get_error() == 0, rows[i].ret);
	}
	CHECK_INT(ours.set_secret(ctx, NULL, 32), 0);
	CHECK(ERR_get_error() != 0);
	CHECK_INT(ours.set_secret(NULL, bytes, 32), 0);
	CHECK(ERR_get_error() != 0);
	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		int good = seconds[i] >= 1 && seconds[i] <= 86400;

		CHECK_INT(ours.set_cookie_lifetime(ctx, seconds[i]), good);
		CHECK_INT(ERR_get_error() == 0, good);
	}
	CHECK_INT(ours.set_cookie_lifetime(NULL, 60), 0);
	CHECK(ERR_get_error() != 0);
	CHECK_INT(ours.set_secret_file(ctx, NULL), 0);
	CHECK(ERR_get_error() != 0);
	CHECK_INT(ours.set_secret_file(NULL, "/nowhere"), 0);
	CHECK(ERR_get_error() != 0);
	SSL_CTX_free(ctx);
}

static void
test_shared(void)
{
	struct door a, b, other, private;

	door_open(&a, 1);
	door_open(&b, 1);
	door_open(&other, 2);
	door_open(&private, 0);
	CHECK_INT(door_accepts(&a, &b), 1);
	CHECK_INT(door_accepts(&b, &a), 1);
	CHECK_INT(door_accepts(&a, &other), 0);
	CHECK_INT(door_accepts(&private, &a), 0);
	CHECK_INT(door_accepts(&a, &private), 0);
	/* Another lifetime is another slot. */
	CHECK_INT(ours.set_cookie_lifetime(b.ctx, 61), 1);
	CHECK_INT(door_accepts(&a, &b), 0);
	door_close(&a);
	door_close(&b);
	door_close(&other);
	door_close(&private);
}

/* Whatever is set between a client's two hellos, its cookie is good. */
static void
test_rotated_in_between(void)
{
	unsigned char cookie[COOKIE_LEN], before[COOKIE_LEN];
	struct door door;
	int secret;

	door_open(&door, 0);
	door_fresh(&door, before);
	for (secret = 1; secret <= 6; secret++) {
		door_fresh(&door, cookie);
		door_secret(&door, secret);
		CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
	}
	CHECK_INT(door_shown(&door, before, COOKIE_LEN), 1);
	door_close(&door);
}

/* A whole handshake, where libssl asks for the cookie a second time. */
static void
test_handshake(void)
{
	struct port port;
	struct stepper client;
	struct door a, b;
	SSL *ssl;

	door_open(&a, 1);
	door_open(&b, 1);
	memset(&port, 0, sizeof(port));
	stepper_init(&client);
	stepper_step(&client);
	port.wire = &a.wire;
	port_to_server(&port, &client);
	ssl = tls_server_wire(a.ctx, &a.wire);
	CHECK_INT(listen_to(ssl, NULL), 0);
	port_to_client(&port, &client);
	SSL_free(ssl);
	stepper_step(&client);
	port.wire = &b.wire;
	port_to_server(&port, &client);
	ssl = tls_server_wire(b.ctx, &b.wire);
	CHECK_INT(listen_to(ssl, NULL), 1);
	port_finish(&port, &client, ssl);
	SSL_free(ssl);
	stepper_free(&client);
	door_close(&a);
	door_close(&b);
}

int
main(void)
{
	check_begin("secrets");
	test_arguments();
	test_shared();
	test_rotated_in_between();
	test_handshake();
	return check_end();
}
