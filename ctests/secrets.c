/*
 * Secrets that are shared, rotated and read from a file; what the functions
 * take and refuse, and what happens to clients in between.
 */
#define _DEFAULT_SOURCE	/* usleep() */
#include "lib/check.h"
#include "lib/door.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[200];

/* A cookie for the one hello that all of them show. */
static void
cookie_of(struct door *door, unsigned char cookie[COOKIE_LEN])
{
	struct hello h;

	hello_make(&h, NULL, 0);
	door_cookie(door, &h, cookie);
}

/* Does one door make cookies that the other accepts? */
static int
accepts(struct door *maker, struct door *checker)
{
	unsigned char cookie[COOKIE_LEN];

	cookie_of(maker, cookie);
	return door_shown(checker, cookie, COOKIE_LEN);
}

static void
test_arguments(void)
{
	static unsigned char bytes[1025];
	SSL_CTX *ctx = tls_server_ctx();
	struct { size_t len; int ret; } rows[] = {
		{ 0, 0 }, { 1, 0 }, { 31, 0 }, { 32, 1 }, { 64, 1 }, { 65, 1 },
		{ 1024, 1 }, { 1025, 0 }, { (size_t)-1, 0 },
	};
	unsigned int seconds[] = { 0, 1, 60, 86400, 86401, (unsigned int)-1 };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(ours.set_secret(ctx, bytes, rows[i].len),
		    rows[i].ret);
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
	CHECK_INT(accepts(&a, &b), 1);
	CHECK_INT(accepts(&b, &a), 1);
	CHECK_INT(accepts(&a, &other), 0);
	CHECK_INT(accepts(&private, &a), 0);
	CHECK_INT(accepts(&a, &private), 0);
	/* Another lifetime is another slot. */
	CHECK_INT(ours.set_cookie_lifetime(b.ctx, 61), 1);
	CHECK_INT(accepts(&a, &b), 0);
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
	cookie_of(&door, before);
	for (secret = 1; secret <= 6; secret++) {
		cookie_of(&door, cookie);
		door_secret(&door, secret);
		CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
	}
	CHECK_INT(door_shown(&door, before, COOKIE_LEN), 1);
	door_close(&door);
}

static void
write_file(const char *text, mode_t mode)
{
	char new[sizeof(path) + 4];
	FILE *f;

	snprintf(new, sizeof(new), "%s.new", path);
	NEED((f = fopen(new, "w")) != NULL);
	NEED(fputs(text, f) >= 0 && fclose(f) == 0);
	NEED(chmod(new, mode) == 0 && rename(new, path) == 0);
}

static void
write_secrets(int first, int second)
{
	char text[200];
	int i, n = 0;

	for (i = 0; i < 32; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", first);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\n");
	for (i = 0; i < 32 && second != 0; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x",
		    second);
	write_file(text, 0600);
}

/* The file is looked at once a second: ask until this is the secret. */
static void
wait_for(struct door *door, int secret)
{
	struct door maker;

	door_open(&maker, secret);
	while (!accepts(&maker, door))
		usleep(10000);
	door_close(&maker);
}

static void
test_file(void)
{
	struct door door, one, two, three;
	unsigned char cookie[COOKIE_LEN];

	door_open(&door, 0);
	door_open(&one, 1);
	door_open(&two, 2);
	door_open(&three, 3);
	write_secrets(1, 2);
	CHECK_INT(ours.set_secret_file(door.ctx, path), 1);
	CHECK_QUEUED(0);
	CHECK_INT(accepts(&one, &door), 1);
	CHECK_INT(accepts(&two, &door), 1);
	CHECK_INT(accepts(&three, &door), 0);
	CHECK_INT(accepts(&door, &one), 1);
	CHECK_INT(accepts(&door, &two), 0);

	cookie_of(&door, cookie);
	write_secrets(3, 0);
	wait_for(&door, 3);
	CHECK_INT(accepts(&door, &three), 1);
	CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);

	/* Bad in every way: what was good stays good. */
	write_file("0123456789abcdef\n", 0600);
	usleep(1100 * 1000);
	CHECK_INT(accepts(&three, &door), 1);
	write_file("", 0600);
	usleep(1100 * 1000);
	CHECK_INT(accepts(&three, &door), 1);
	write_secrets(1, 0);
	wait_for(&door, 1);
	door_close(&door);
	door_close(&one);
	door_close(&two);
	door_close(&three);
}

/* Never a secret of the server's own where a file was asked for. */
static void
test_no_good_file(void)
{
	struct door door;
	struct answer a;
	struct hello h;
	int i;

	unlink(path);
	door_open(&door, 0);
	CHECK_INT(ours.set_secret_file(door.ctx, path), 0);
	CHECK(ERR_get_error() != 0);
	hello_make(&h, NULL, 0);
	for (i = 0; i < 3; i++) {
		door_ask(&door, &h, &a);
		CHECK_INT(a.ret, -1);
		CHECK_INT(a.queued, 1);
		CHECK_INT(a.count, 0);
		ERR_clear_error();
	}
	CHECK_INT(queue_len(&door.wire.in), 0);	/* or it would be told of again */
	write_secrets(1, 0);
	while (a.ret == -1) {
		usleep(10000);
		door_ask(&door, &h, &a);
		ERR_clear_error();
	}
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.count, 1);
	wait_for(&door, 1);
	/* A secret that was set goes on where the file is not right. */
	unlink(path);
	door_secret(&door, 2);
	CHECK_INT(ours.set_secret_file(door.ctx, path), 0);
	ERR_clear_error();
	wait_for(&door, 2);
	door_close(&door);
}

/* chdir() changes nothing. */
static void
test_relative(void)
{
	const char *name = strrchr(path, '/') + 1;
	char dir[sizeof(path)], was[500];
	struct door door;

	NEED(getcwd(was, sizeof(was)) != NULL);
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	NEED(chdir(dir) == 0);
	write_secrets(1, 0);
	door_open(&door, 0);
	CHECK_INT(ours.set_secret_file(door.ctx, name), 1);
	CHECK_QUEUED(0);
	NEED(chdir("/") == 0);
	write_secrets(2, 0);
	wait_for(&door, 2);
	door_close(&door);
	NEED(chdir(was) == 0);
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
	const char *dir = getenv("CTESTS_TMP");

	check_begin("secrets");
	snprintf(path, sizeof(path), "%s/secrets-%ld",
	    dir != NULL ? dir : "/tmp", (long)getpid());
	test_arguments();
	test_shared();
	test_rotated_in_between();
	test_file();
	test_no_good_file();
	test_relative();
	test_handshake();
	unlink(path);
	return check_end();
}
