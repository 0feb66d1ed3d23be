/*
 * DTLSV1_LISTEN_STATS with several processes: a child does not write its
 * parent's file, %p gives each its own, and a file that another process writes,
 * or somebody touches, is told from one's own.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/statsfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two children: one serves the client it was forked for, one listens. */
static void
fork_twice(void)
{
	const char *path = stats_in_dir("fork.prom"),
		   *name = "dtlsv1_listen_challenges_total{server=\"fork\"}";
	pid_t child;

	stats_listen(3);
	stats_wait();
	stats_listen(0);
	CHECK_INT(stats_series(path, name), 3);
	if ((child = fork()) == 0)
		exit(0);
	stats_wait_for(child);
	if ((child = fork()) == 0) {
		stats_listen(1);
		stats_wait();
		stats_listen(1);
		exit(0);
	}
	stats_wait_for(child);
	CHECK_INT(stats_series(path, name), 3);
	stats_listen(1);
}

static void
test_fork(void)
{
	const char *text = stats_run(fork_twice, stats_in_dir("fork.prom"));

	CHECK(strstr(text,
		  "fork.prom belongs to the process that this one was "
		  "forked off by: process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(stats_series(
		      stats_in_dir("fork.prom"), "dtlsv1_listen_challenges_total{server=\"fork\"}"),
	    4);
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("fork.prom"));
}

static pid_t *pids; /* shared with the child */

static void
fork_workers(void)
{
	pid_t child;

	stats_listen(1);
	pids[0] = getpid();
	if ((child = fork()) == 0) {
		pids[1] = getpid();
		stats_listen(2);
		exit(0);
	}
	stats_wait_for(child);
	if ((child = fork()) == 0)
		exit(0); /* never listened: no file */
	stats_wait_for(child);
}

static void
test_pid(void)
{
	const char *path;
	char name[100];
	int i;

	CHECK_STR(stats_run(fork_workers, stats_in_dir("w-%p.prom")), "");
	CHECK_INT(stats_files(), 2);
	for (i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "w-%d.prom", (int)pids[i]);
		path = stats_in_dir(name);
		snprintf(name, sizeof(name),
		    "dtlsv1_listen_challenges_total"
		    "{server=\"w\",pid=\"%d\"}",
		    (int)pids[i]);
		CHECK_INT(stats_series(path, name), i + 1);
		unlink(path);
	}
}

static void
lose_it(void)
{
	const char *path = stats_in_dir("two.prom");
	char other[400];
	int fd;

	stats_listen(1);
	/* Gone is not taken. */
	CHECK_INT(unlink(path), 0);
	stats_wait();
	stats_listen(1);
	CHECK_INT(stats_series(path, "dtlsv1_listen_challenges_total{server=\"two\"}"), 2);

	snprintf(other, sizeof(other), "%s", stats_in_dir("other"));
	NEED((fd = open(other, O_CREAT | O_WRONLY, 0644)) >= 0);
	NEED(write(fd, "theirs\n", 7) == 7);
	close(fd);
	NEED(rename(other, path) == 0);
	stats_wait();
	stats_listen(1);
	stats_wait();
	stats_listen(1);
}

static void
test_other_process(void)
{
	const char *text = stats_run(lose_it, stats_in_dir("two.prom"));

	CHECK(strstr(text,
		  "two.prom is written by another process, too: "
		  "process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_STR(stats_content(stats_in_dir("two.prom")), "theirs\n");
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("two.prom"));
}

#define TOUCHED "dtlsv1_listen_challenges_total{server=\"touched\"}"

/* In one look, whatever the time: acceptances and the rest have theirs. */
static void
expect(const char *path, long challenges)
{
	stats_wait();
	stats_listen(1);
	CHECK_INT(stats_series(path, TOUCHED), challenges);
}

/* Whoever looks after the files may touch them. */
static void
have_it_touched(void)
{
	char path[400], *copy;
	struct stat st;

	snprintf(path, sizeof(path), "%s", stats_in_dir("touched.prom"));
	stats_listen(1);
	check_case("touch");
	NEED(utimensat(AT_FDCWD, path, NULL, 0) == 0);
	expect(path, 2);
	check_case("emptied");
	NEED(truncate(path, 0) == 0);
	expect(path, 3);
	check_case("restored from a copy");
	NEED((copy = strdup(stats_content(path))) != NULL);
	stats_put(stats_in_dir("copy"), copy);
	free(copy);
	NEED(stat(path, &st) == 0);
	{
		char from[400];

		snprintf(from, sizeof(from), "%s", stats_in_dir("copy"));
		NEED(rename(from, path) == 0);
	}
	expect(path, 4);
	check_case("another process's");
	stats_put(path, "# Written by process 1 that began at 1.000000000\n");
	expect(path, -1);
	expect(path, -1);
	check_case("which has gone");
	NEED(unlink(path) == 0);
	expect(path, 7);
	check_case(NULL);
}

static void
test_touched(void)
{
	const char *text = stats_run(have_it_touched, stats_in_dir("touched.prom"));

	CHECK(strstr(text,
		  "touched.prom is written by another process, too: "
		  "process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("touched.prom"));
}

int
main(int argc, char **argv)
{
	(void)argc;
	stats_begin(argv, "stats_file_processes");
	pids = stats_shared(2 * sizeof(*pids));
	test_fork();
	test_pid();
	test_other_process();
	test_touched();
	return stats_end();
}
