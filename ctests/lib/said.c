#define _GNU_SOURCE
#include "said.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN "CTESTS_STDERR_IS_A_FILE"

static off_t seen;

static ssize_t
next(char *text, size_t room)
{
	ssize_t n = pread(STDERR_FILENO, text, room, seen);

	NEED(n >= 0);
	seen += n;
	return n;
}

void
said_begin(char **argv)
{
	char text[4096];
	int status, own;
	pid_t child;
	FILE *f;
	ssize_t n;

	if (getenv(AGAIN) != NULL)
		return;
	NEED((own = dup(STDERR_FILENO)) >= 0 && (f = tmpfile()) != NULL);
	NEED((child = fork()) >= 0);
	if (child == 0) {
		NEED(setenv(AGAIN, "1", 1) == 0);
		NEED(dup2(fileno(f), STDERR_FILENO) >= 0);
		/* Under valgrind, /proc/self/exe would be valgrind. */
		execv(argv[0], argv);
		_exit(127);
	}
	NEED(waitpid(child, &status, 0) == child);
	if (status == 0)
		exit(0);
	NEED(dup2(fileno(f), STDERR_FILENO) >= 0);
	while ((n = next(text, sizeof(text))) > 0)
		NEED(write(own, text, (size_t)n) == n);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

const char *
said(void)
{
	static char text[8192];
	ssize_t n, len = 0;

	while ((n = next(text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	return text;
}
