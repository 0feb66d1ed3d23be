#define _GNU_SOURCE
#include "check.h"
#include "ours.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds until a hanging test is ended; more under a slow runner. */
#define LIMIT 300

static atomic_int checks, failures;
static const char *program;
static int is_static;
static _Thread_local const char *now = "";

static void
result(int ok, const char *file, int line, const char *func, const char *text)
{
	checks++;
	if (ok)
		return;
	failures++;
	fprintf(
	    stderr, "%s:%d: %s%s%s: %s\n", file, line, func, *now != '\0' ? ": " : "", now, text);
}

void
check_true(int ok, const char *cond, const char *file, int line, const char *func)
{
	char text[300];

	snprintf(text, sizeof(text), "not so: %s", cond);
	result(ok, file, line, func, text);
}

void
check_int(long got, long want, const char *expr, const char *file, int line, const char *func)
{
	char text[300];

	snprintf(text, sizeof(text), "%s is %ld, not %ld", expr, got, want);
	result(got == want, file, line, func, text);
}

void
check_str(const char *got, const char *want, const char *expr, const char *file, int line,
    const char *func)
{
	char text[600];

	snprintf(text, sizeof(text), "%s is \"%s\", not \"%s\"", expr, got, want);
	result(strcmp(got, want) == 0, file, line, func, text);
}

void
check_bytes(const void *got, const void *want, size_t len, const char *expr, const char *file,
    int line, const char *func)
{
	const unsigned char *g = got, *w = want;
	char text[300];
	size_t i;

	for (i = 0; i < len && g[i] == w[i]; i++)
		;
	if (i < len)
		snprintf(text, sizeof(text), "%s: byte %zu is %02x, not %02x", expr, i, g[i], w[i]);
	result(i == len, file, line, func, text);
}

void
check_queued(int reason, const char *name, const char *file, int line, const char *func)
{
	unsigned long first = ERR_get_error(), more = ERR_peek_error();
	char text[300];
	int ok;

	if (reason == 0)
		ok = first == 0;
	else
		ok = ERR_GET_LIB(first) == ERR_LIB_SSL && ERR_GET_REASON(first) == reason &&
		    more == 0;
	snprintf(text, sizeof(text), "queued: %lx %s%s, not one %s (%d)", first,
	    first != 0 ? ERR_reason_error_string(first) : "(nothing)", more != 0 ? " and more" : "",
	    name, reason);
	result(ok, file, line, func, text);
	ERR_clear_error();
}

void
check_die(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: the test cannot go on: not so: %s (%s)\n", file, line, cond,
	    strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(3);
}

void
check_case(const char *what)
{
	now = what != NULL ? what : "";
}

const char *
check_owner(const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);
	Dl_info info;

	if (at == NULL || dladdr(at, &info) == 0 || info.dli_fname == NULL)
		return "(nobody)";
	return info.dli_fname;
}

/* In the library; linked statically, in the program itself. */
static int
is_ours(const char *file)
{
	const char *base = strrchr(file, '/');
	Dl_info info;

	if (is_static)
		return dladdr(&program, &info) != 0 && strcmp(info.dli_fname, file) == 0;
	base = base != NULL ? base + 1 : file;
	return strncmp(base, "libdtlsv1_listen.so", 19) == 0;
}

/*
 * The mode is the runner's word, so look: is our library in LD_PRELOAD exactly
 * when it should be, and does the call that this program makes end in it?
 */
static void
prove_ours(const char *mode)
{
	const char *preload = getenv("LD_PRELOAD");
	int preloaded = preload != NULL && strstr(preload, "libdtlsv1_listen.so") != NULL;
	int (*call)(SSL *, BIO_ADDR *) = DTLSv1_listen;
	void *called;
	Dl_info info;

	is_static = strcmp(mode, "static") == 0;
	if (strcmp(mode, "linked") == 0 || is_static)
		CHECK(!preloaded);
	else if (strcmp(mode, "preloaded") == 0)
		CHECK(preloaded);
	else
		check_true(
		    0, "CTESTS_MODE is linked, preloaded or static", __FILE__, __LINE__, __func__);

	memcpy(&called, &call, sizeof(called));
	CHECK(dladdr(called, &info) != 0 && is_ours(info.dli_fname));
	CHECK(is_ours(check_owner("DTLSv1_listen")));
	CHECK(is_ours(check_owner("SSL_CTX_set_cookie_generate_cb")));
	CHECK(is_ours(check_owner("SSL_CTX_set_cookie_verify_cb")));
	if (failures != 0) {
		fprintf(stderr,
		    "%s: DTLSv1_listen is %s's, not ours: "
		    "run it by ctests/run.sh\n",
		    program, check_owner("DTLSv1_listen"));
		exit(3);
	}
}

void
check_begin(const char *name)
{
	const char *mode = getenv("CTESTS_MODE");
	const char *limit = getenv("CTESTS_LIMIT");

	program = name;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(limit != NULL ? (unsigned int)atoi(limit) : LIMIT);
	prove_ours(mode != NULL ? mode : "");
	ours_init();
}

void
check_left_out(const char *what, const char *why)
{
	const char *dir = getenv("CTESTS_TMP");
	char path[300];
	FILE *f;

	printf("%s: not here: %s: %s\n", program, what, why);
	snprintf(path, sizeof(path), "%s/left-out", dir != NULL ? dir : "/tmp");
	NEED((f = fopen(path, "a")) != NULL);
	NEED(fprintf(f, "%s (%s)\n", program, why) > 0 && fclose(f) == 0);
}

int
check_failures(void)
{
	return failures;
}

int
check_end(void)
{
	printf("%s %s: %d checks, %d failed\n", program, getenv("CTESTS_MODE"), checks, failures);
	return checks == 0 || failures != 0; /* no checks is a failure */
}
