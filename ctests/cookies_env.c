/*
 * DTLSV1_LISTEN_COOKIES chooses the policy of programs that cannot be changed.
 * Each value in a process of its own: this program runs itself again.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE    "DTLSV1_LISTEN_COOKIES"
#define WITHOUT_SSL 2 /* datagrams come by dtlsv1_listen_datagram() before */

static const char *self;

/* In the new process: whose cookie does a challenge carry? */
static int
whose(int callbacks, int policy)
{
	static struct wire wire;
	SSL_CTX *ctx = tls_server_ctx();
	struct datagram *d;
	struct hello h;
	struct app app;
	BIO *b = wire_bio(&wire, NULL, 0);
	SSL *ssl;
	int i;

	wire_peer4(&wire, "192.0.2.1", 4433);
	hello_make(&h, NULL, 0);
	for (i = 0; callbacks == WITHOUT_SSL && i < 3; i++) {
		unsigned char out[DTLSV1_LISTEN_OUT_MAX];
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(4433) };
		size_t len = sizeof(out);

		from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		NEED(ours.datagram(ctx, h.byte, h.len, (struct sockaddr *)&from, sizeof(from), out,
			 &len) == DTLSV1_LISTEN_ANSWER);
	}
	app_init(&app);
	if (callbacks == 1)
		app_install(&app, ctx);
	if (policy >= 0)
		NEED(ours.set_cookie_policy(ctx, policy) == 1);
	ssl = tls_server_on(ctx, b, b);
	/* Several calls: a complaint must not come more than once. */
	for (i = 0; i < 3; i++) {
		queue_put(&wire.in, h.byte, h.len);
		(void)listen_to(ssl, NULL);
	}
	d = queue_get(&wire.out);
	puts(d == NULL ? "error" : d->len == 28 + 32 ? "ours" : "app");
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return 0;
}

/* All that a file descriptor gives. */
static void
slurp(FILE *f, char *out, size_t room)
{
	size_t n;

	rewind(f);
	n = fread(out, 1, room - 1, f);
	out[n] = '\0';
}

static void
again(const char *value, const char *callbacks, const char *policy, const char *want, int lines)
{
	FILE *out = tmpfile(), *err = tmpfile();
	char said[512], complained[2048], what[128], *p;
	int status, n = 0;
	pid_t child;

	snprintf(what, sizeof(what), "%s, callbacks %s, policy %s",
	    value != NULL ? value : "(unset)", callbacks, policy);
	check_case(what);
	NEED(out != NULL && err != NULL && (child = fork()) >= 0);
	if (child == 0) {
		unsetenv("DTLSV1_LISTEN_TRACE");
		if (value != NULL)
			setenv(VARIABLE, value, 1);
		else
			unsetenv(VARIABLE);
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		/* Under valgrind, /proc/self/exe would be valgrind. */
		execl(self, self, callbacks, policy, (char *)NULL);
		_exit(126);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	slurp(out, said, sizeof(said));
	slurp(err, complained, sizeof(complained));
	CHECK_STR(said, want);
	for (p = complained; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	CHECK_INT(n, lines);
	if (lines == 0)
		CHECK_STR(complained, "");
	else {
		/* Who, which variable, what it said. */
		CHECK(strstr(complained, "dtlsv1_listen") != NULL);
		CHECK(strstr(complained, VARIABLE) != NULL);
		CHECK(strstr(complained, value) != NULL);
	}
	fclose(out);
	fclose(err);
	check_case(NULL);
}

/* What is on stderr when a variable is set that changes nothing. */
static void
told(const char *name, const char *value, const char *callbacks, const char *want)
{
	FILE *err = tmpfile();
	char text[2048];
	int status;
	pid_t child;

	check_case(name);
	NEED(err != NULL && (child = fork()) >= 0);
	if (child == 0) {
		unsetenv("DTLSV1_LISTEN_TRACE");
		unsetenv(VARIABLE);
		setenv(name, value, 1);
		NEED(freopen("/dev/null", "w", stdout) != NULL);
		dup2(fileno(err), 2);
		execl(self, self, callbacks, "-1", (char *)NULL);
		_exit(126);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	slurp(err, text, sizeof(text));
	if (strncmp(want, "...", 3) == 0) {
		char *second = strchr(text, '\n');

		CHECK(second != NULL);
		CHECK_STR(second != NULL ? second + 1 : "", want + 3);
	} else {
		CHECK_STR(text, want);
	}
	fclose(err);
	check_case(NULL);
}

static void
test_told(void)
{
	static const char file[] = "DTLSV1_LISTEN_SECRET_FILE", trace[] = "DTLSV1_LISTEN_TRACE",
			  filter[] = "DTLSV1_LISTEN_FILTER";

	told("DTLSV1_LISTEN_COOKIE", "builtin", "0",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_COOKIE is none of the variables that it knows: see "
	    "dtlsv1_listen(3)\n");
	told("DTLSv1_LISTEN_COOKIES", "builtin", "0",
	    "dtlsv1_listen: "
	    "DTLSv1_LISTEN_COOKIES is none of the variables that it knows: see "
	    "dtlsv1_listen(3)\n");
	told("DTLSV1_LISTENING", "1", "0", "");
	/* What systemd makes of a line that takes a variable back. */
	told(filter, "", "0",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_FILTER= is not understood (it takes 1 or 0); going on with 0\n");
	told(filter, "off", "0",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_FILTER=off is not understood (it takes 1 or 0); going on with 0\n");
	told(trace, "no", "0",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_TRACE=no is not understood (it takes 1 or 0); going on with 0\n");
	told("DTLSV1_LISTEN_REPAIR", "none,sequence", "0",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_REPAIR=none,sequence is not understood (it takes none, all, or some of "
	    "sequence,trailing,fragments); going on with all\n");
	told("DTLSV1_LISTEN_COOKIE_LIFETIME", "5", "0", "");
	told("DTLSV1_LISTEN_COOKIE_LIFETIME", "5", "1",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_COOKIE_LIFETIME is not used: the program makes its own "
	    "cookies (policy auto). DTLSV1_LISTEN_COOKIES=builtin has them "
	    "made here, with that lifetime\n");
	told(file, "/nowhere/secret", "1",
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_SECRET_FILE is not used: the program makes its own "
	    "cookies (policy auto). DTLSV1_LISTEN_COOKIES=builtin has them "
	    "made here, with that secret\n");
	/* Behind the line that says whose function it is. */
	told(trace, "1", "1",
	    "...dtlsv1_listen: cookies auto: the program's, "
	    "as it has set callbacks\n");
	told(trace, "1", "0",
	    "...dtlsv1_listen: cookies auto: built in, as the "
	    "program has set no callbacks\n");
	told(trace, "1", "2",
	    "...dtlsv1_listen: cookies auto: built in for datagrams and listeners, "
	    "which have no SSL to ask callbacks with\n");
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[3], "secure") == 0)
		NEED(getauxval(AT_SECURE) == 1); /* for setuid.test */
	if (argc >= 3) {
		ours_init();
		return whose(atoi(argv[1]), atoi(argv[2]));
	}
	self = argv[0];
	check_begin("cookies_env");
	/* value, callbacks set, policy set by function (-1: not) */
	again(NULL, "0", "-1", "ours\n", 0);
	again(NULL, "1", "-1", "app\n", 0);
	again("auto", "0", "-1", "ours\n", 0);
	again("auto", "1", "-1", "app\n", 0);
	again("app", "0", "-1", "error\n", 0);
	again("app", "1", "-1", "app\n", 0);
	again("builtin", "0", "-1", "ours\n", 0);
	again("builtin", "1", "-1", "ours\n", 0);
	again("sometimes", "0", "-1", "ours\n", 1);
	again("sometimes", "1", "-1", "app\n", 1);
	again("Builtin", "1", "-1", "app\n", 1);
	check_case("the function has the last word");
	again("builtin", "1", "1", "app\n", 0);
	again("app", "1", "2", "ours\n", 0);
	again("app", "0", "0", "ours\n", 0);
	test_told();
	return check_end();
}
