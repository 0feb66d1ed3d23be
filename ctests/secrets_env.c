/*
 * DTLSV1_LISTEN_SECRET_FILE and DTLSV1_LISTEN_COOKIE_LIFETIME, for programs
 * that cannot be changed: each case in a process of its own. A file that is
 * not as it must be is one line on stderr, however many ask, and no cookies.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/door.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET_FILE "DTLSV1_LISTEN_SECRET_FILE"
#define LIFETIME    "DTLSV1_LISTEN_COOKIE_LIFETIME"
#define ELEVEN      "1111111111111111111111111111111111111111111111111111111111111111"

static const char *self;
static char path[200];

/* In the new process: two contexts, asked again and again. */
static int
ask(void)
{
	unsigned char cookie[COOKIE_LEN];
	struct door doors[3];
	struct answer a;
	struct hello h;
	int i;

	hello_make(&h, NULL, 0);
	for (i = 0; i < 2; i++)
		door_open(&doors[i], 0);
	for (i = 0; i < 6; i++) {
		door_ask(&doors[i % 2], &h, &a);
		ERR_clear_error();
	}
	if (a.ret != 0) {
		puts("no cookies");
		return 0;
	}
	door_open(&doors[2], 0x11);
	door_cookie(&doors[0], &h, cookie);
	puts(door_shown(&doors[1], cookie, COOKIE_LEN) != 1    ? "private" :
		door_shown(&doors[2], cookie, COOKIE_LEN) == 1 ? "of the file" :
								 "the process's");
	for (i = 0; i < 3; i++)
		door_close(&doors[i]);
	return 0;
}

static void
slurp(FILE *f, char *out, size_t room)
{
	rewind(f);
	out[fread(out, 1, room - 1, f)] = '\0';
}

/* `complaint`: part of the one line on stderr; NULL for none. */
static void
again(const char *file, const char *lifetime, const char *want, const char *complaint)
{
	FILE *out = tmpfile(), *err = tmpfile();
	char said[300], complained[3000], *p;
	int status, lines = 0;
	pid_t child;

	NEED(out != NULL && err != NULL && (child = fork()) >= 0);
	if (child == 0) {
		unsetenv(SECRET_FILE);
		unsetenv(LIFETIME);
		if (file != NULL)
			setenv(SECRET_FILE, file, 1);
		if (lifetime != NULL)
			setenv(LIFETIME, lifetime, 1);
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		/* Under valgrind, /proc/self/exe would be valgrind. */
		execl(self, self, "ask", (char *)NULL);
		_exit(127);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	slurp(out, said, sizeof(said));
	said[strcspn(said, "\n")] = '\0';
	CHECK_STR(said, want);
	slurp(err, complained, sizeof(complained));
	for (p = complained; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	CHECK_INT(lines, complaint != NULL);
	if (complaint != NULL && strstr(complained, complaint) == NULL)
		CHECK_STR(complained, complaint);
	CHECK(strstr(complained, "11111111") == NULL); /* never logged */
	fclose(out);
	fclose(err);
}

static void
with_file(const char *what, const char *text, mode_t mode, const char *want, const char *complaint)
{
	FILE *f;

	check_case(what);
	unlink(path);
	NEED((f = fopen(path, "w")) != NULL);
	NEED(fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
	if (strcmp(what, "somebody else's") == 0)
		NEED(chown(path, 4321, (gid_t)-1) == 0);
	again(path, NULL, want, complaint);
}

static void
test_file(void)
{
	static const char good[] = "# ours\n\n" ELEVEN "\n", none[] = "no cookies";
	static const char *nine = ELEVEN "\n"
					 "22" ELEVEN "\n"
					 "33" ELEVEN "\n"
					 "44" ELEVEN "\n"
					 "55" ELEVEN "\n"
					 "66" ELEVEN "\n"
					 "77" ELEVEN "\n"
					 "88" ELEVEN "\n"
					 "99" ELEVEN "\n";

	check_case("unset");
	again(NULL, NULL, "the process's", NULL);
	with_file("good", good, 0600, "of the file", NULL);
	with_file("a credential's mode", good, 0400, "of the file", NULL);
	with_file("a group's", good, 0440, "of the file", NULL);
	with_file("everybody's to read", good, 0644, "of the file", "(mode 0644): chmod o-r");
	with_file("the group's to write", good, 0620, none, "(mode 0620): chmod go-w");
	with_file("everybody's to write", good, 0602, none, "(mode 0602): chmod go-w");
	with_file("empty", "", 0600, none, "holds no secret");
	with_file("comments only", "# " ELEVEN "\n", 0600, none, "holds no secret");
	with_file("too short", "# one\n1111\n", 0600, none, " line 2: 2 bytes");
	with_file("malformed", "\n\n" ELEVEN "!", 0600, none, " line 3: byte 65");
	with_file("an odd digit", ELEVEN "1", 0600, none, " line 1: an odd");
	with_file("nine", nine, 0600, none, " line 9: more than 8");
	with_file(
	    "base64", "ERERERERERERERERERERERERERERERERERERERERERE=", 0600, "of the file", NULL);
	if (geteuid() == 0)
		with_file("somebody else's", good, 0600, none, "user 4321");
	else
		puts("secrets_env: owners: only root can give a file away; "
		     "src/service/secrets/file.rs checks the rule");
	check_case("missing");
	unlink(path);
	again(path, NULL, none, "no such file");
	check_case("an empty value");
	again("", NULL, none, "not a regular file");
	check_case("a directory");
	again("/tmp", NULL, none, "not a regular file");
	check_case("a device");
	again("/dev/null", NULL, none, "not a regular file");
	check_case(NULL);
}

static void
test_lifetime(void)
{
	static const char *bad[] = { "", "0", "86401", "1m", "-1", "60 " };
	size_t i;

	check_case("good lifetimes");
	again(NULL, "1", "the process's", NULL);
	again(NULL, "86400", "the process's", NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_case(bad[i]);
		again(NULL, bad[i], "the process's", "from 1 to 86400");
	}
	check_case(NULL);
}

int
main(int argc, char *argv[])
{
	const char *dir = getenv("CTESTS_TMP");

	self = argv[0];
	check_begin("secrets_env");
	if (argc == 2 && strcmp(argv[1], "ask") == 0)
		return ask();
	snprintf(
	    path, sizeof(path), "%s/secrets-env-%ld", dir != NULL ? dir : "/tmp", (long)getpid());
	test_file();
	test_lifetime();
	return check_end();
}
