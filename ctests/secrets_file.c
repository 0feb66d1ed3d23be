/*
 * Secrets that are read from a file: looked at again while the server runs, and
 * what is wrong with one.
 */
#define _DEFAULT_SOURCE /* usleep() */
#include "lib/check.h"
#include "lib/door.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[200];

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
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", second);
	write_file(text, 0600);
}

/* The file is looked at once a second: ask until this is the secret. */
static void
wait_for(struct door *door, int secret)
{
	struct door maker;

	door_open(&maker, secret);
	while (!door_accepts(&maker, door))
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
	CHECK_INT(door_accepts(&one, &door), 1);
	CHECK_INT(door_accepts(&two, &door), 1);
	CHECK_INT(door_accepts(&three, &door), 0);
	CHECK_INT(door_accepts(&door, &one), 1);
	CHECK_INT(door_accepts(&door, &two), 0);

	door_fresh(&door, cookie);
	write_secrets(3, 0);
	wait_for(&door, 3);
	CHECK_INT(door_accepts(&door, &three), 1);
	CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);

	/* Bad in every way: what was good stays good. */
	write_file("0123456789abcdef\n", 0600);
	usleep(1100 * 1000);
	CHECK_INT(door_accepts(&three, &door), 1);
	write_file("", 0600);
	usleep(1100 * 1000);
	CHECK_INT(door_accepts(&three, &door), 1);
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
	CHECK_INT(queue_len(&door.wire.in), 0); /* or it would be told of again */
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

int
main(void)
{
	const char *dir = getenv("CTESTS_TMP");

	check_begin("secrets_file");
	snprintf(path, sizeof(path), "%s/secrets-%ld", dir != NULL ? dir : "/tmp", (long)getpid());
	test_file();
	test_no_good_file();
	test_relative();
	unlink(path);
	return check_end();
}
