#define _GNU_SOURCE
#include "statsfile.h"
#include "check.h"
#include "hello.h"
#include "said.h"
#include "tls.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char stats_dir[200];
SSL *stats_ssl;
static struct wire stats_wire;

/* Memory that a child writes and its parent reads. */
void *
stats_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	NEED(at != MAP_FAILED);
	return at;
}

const char *
stats_in_dir(const char *name)
{
	static char paths[4][400];
	static int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", stats_dir, name);
	return path;
}

int
stats_files(void)
{
	DIR *d = opendir(stats_dir);
	int n = 0;

	NEED(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

/* "" if there is none. */
const char *
stats_content(const char *path)
{
	static char text[32768];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	text[0] = '\0';
	if (fd < 0)
		return text;
	while ((n = read(fd, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	close(fd);
	return text;
}

/* A series' value by what stands before it; -1 if it is not there. */
long
stats_series(const char *path, const char *name)
{
	const char *text = stats_content(path), *at;
	char line[300];

	snprintf(line, sizeof(line), "\n%s ", name);
	if ((at = strstr(text, line)) == NULL)
		return -1;
	return atol(at + strlen(line));
}

void
stats_listen(int hellos)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	while (hellos-- > 0)
		queue_put(&stats_wire.in, h.byte, h.len);
	CHECK_INT(listen_to(stats_ssl, NULL), 0);
	queue_clear(&stats_wire.out);
}

void
stats_wait(void)
{
	struct timespec t = { 1, 100 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* Runs `body` in a child, which says "" on stderr unless something failed or
 * the library has something to say. */
const char *
stats_run(void (*body)(void), const char *stats)
{
	int status;
	pid_t child;

	(void)said(); /* of this process's own */
	NEED((child = fork()) >= 0);
	if (child == 0) {
		NEED(setenv("DTLSV1_LISTEN_STATS", stats, 1) == 0);
		wire_init(&stats_wire);
		stats_ssl = tls_server_wire(tls_server_ctx(), &stats_wire);
		body();
		exit(0);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	return said();
}

void
stats_put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

void
stats_wait_for(pid_t child)
{
	int status;

	NEED(child >= 0 && waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

void
stats_give(const void *bytes, size_t len)
{
	queue_put(&stats_wire.in, bytes, len);
}

void
stats_begin(char **argv, const char *name)
{
	const char *tmp = getenv("CTESTS_TMP");

	said_begin(argv);
	check_begin(name);
	NEED(tmp != NULL);
	snprintf(stats_dir, sizeof(stats_dir), "%s/stats.XXXXXX", tmp);
	NEED(mkdtemp(stats_dir) != NULL);
}

int
stats_end(void)
{
	CHECK_INT(rmdir(stats_dir), 0);
	return check_end();
}
