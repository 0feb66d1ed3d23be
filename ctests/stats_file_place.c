/*
 * Where DTLSV1_LISTEN_STATS can put its file and where it cannot, which is
 * said; what is no regular file stays what it is, and drafts that somebody left
 * behind go.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/statsfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void
find_no_place(void)
{
	stats_listen(1);
	stats_wait();
	stats_listen(1);
	NEED(mkdir(stats_in_dir("later"), 0755) == 0);
}

/* Told once; and when the place is there it is used. */
static void
test_no_directory(void)
{
	const char *text = stats_run(find_no_place, stats_in_dir("later/x.prom"));

	CHECK(strstr(text, "dtlsv1_listen: no counters in ") == text);
	CHECK(strstr(text,
		  "later/x.prom: No such file or directory (os error "
		  "2). Does its directory exist, and may this process write to "
		  "it? "
		  "It is tried again every second\n") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(stats_series(
		      stats_in_dir("later/x.prom"), "dtlsv1_listen_challenges_total{server=\"x\"}"),
	    2);
	unlink(stats_in_dir("later/x.prom"));
	NEED(rmdir(stats_in_dir("later")) == 0);
}

static void
call_once(void)
{
	stats_listen(1);
}

static void
test_bad_paths(void)
{
	char path[400];

	CHECK_STR(stats_run(call_once, ""), "");
	CHECK_STR(stats_run(call_once, "here.prom"),
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_STATS=here.prom: the path has to begin at the "
	    "root, since a server may change its directory; no counters are "
	    "written\n");
	CHECK_STR(stats_run(call_once, "/nowhere/"),
	    "dtlsv1_listen: "
	    "DTLSV1_LISTEN_STATS=/nowhere/: it is a directory: name a file "
	    "in it, such as server.prom; no counters are written\n");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[351] = '\0';
	CHECK(strstr(stats_run(call_once, path), "the path is longer than 350 bytes") != NULL);
	CHECK_INT(stats_files(), 0);
}

/* What is no regular file stays what it is: /dev/null above all. */
static void
test_no_file(void)
{
	static const struct {
		const char *name, *what;
		mode_t kind;
	} rows[] = {
		{ "fifo", "a pipe", S_IFIFO },
		{ "stats_dir", "a directory", S_IFDIR },
		{ "link", "a symbolic link", S_IFLNK },
		{ "dangling", "a symbolic link", S_IFLNK },
		{ "socket", "a socket", S_IFSOCK },
		{ "device", "a device", S_IFCHR },
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char want[600], path[400], other[400];
	struct stat before, after;
	const char *text;
	size_t i;
	int fd;

	snprintf(other, sizeof(other), "%s", stats_in_dir("other"));
	stats_put(other, "theirs\n");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_case(rows[i].name);
		snprintf(path, sizeof(path), "%s", stats_in_dir(rows[i].name));
		switch (rows[i].kind) {
		case S_IFIFO: NEED(mkfifo(path, 0644) == 0); break;
		case S_IFDIR: NEED(mkdir(path, 0755) == 0); break;
		case S_IFLNK:
			NEED(symlink(rows[i].name[0] == 'l' ? other : "nowhere", path) == 0);
			break;
		case S_IFSOCK:
			NEED((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
			NEED(strlen(path) < sizeof(un.sun_path));
			strcpy(un.sun_path, path);
			NEED(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
			close(fd);
			break;
		default:
			/* The null device; only root may replace it. */
			NEED((geteuid() == 0 && mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0) ||
			    snprintf(path, sizeof(path), "/dev/null") > 0);
		}
		NEED(lstat(path, &before) == 0);
		text = stats_run(call_once, path);
		snprintf(want, sizeof(want),
		    "dtlsv1_listen: no counters in "
		    "%s: it is %s, and only a regular file is replaced. It is "
		    "tried again every second\n",
		    path, rows[i].what);
		CHECK_STR(text, want);
		CHECK_INT(lstat(path, &after), 0);
		CHECK_INT(after.st_mode, before.st_mode);
		CHECK_INT(after.st_ino, before.st_ino);
		CHECK_STR(stats_content(other), "theirs\n");
		if (strcmp(path, "/dev/null") != 0)
			NEED(remove(path) == 0);
		CHECK_INT(stats_files(), 1);
	}
	check_case(NULL);
	unlink(other);
}

static int
is_there(const char *name)
{
	return access(stats_in_dir(name), F_OK) == 0;
}

static void
test_left_behind(void)
{
	const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	char name[5][100];
	pid_t gone;
	size_t i;

	if ((gone = fork()) == 0)
		_exit(0);
	stats_wait_for(gone);
	snprintf(name[0], sizeof(name[0]), "w.prom.%d.tmp", (int)gone);
	snprintf(name[1], sizeof(name[1]), "w.prom.%d.tmp", (int)getppid());
	snprintf(name[2], sizeof(name[2]), "w.prom.%d.tmp", (int)getpid());
	snprintf(name[3], sizeof(name[3]), "v.prom.%d.tmp", (int)gone);
	snprintf(name[4], sizeof(name[4]), "w.prom.old.tmp");
	for (i = 0; i < 5; i++)
		stats_put(stats_in_dir(name[i]), "half");
	NEED(utimensat(AT_FDCWD, stats_in_dir(name[2]), old, 0) == 0);
	CHECK_STR(stats_run(call_once, stats_in_dir("w.prom")), "");
	CHECK(!is_there(name[0])); /* its process is gone */
	CHECK(is_there(name[1]));  /* about to be renamed */
	CHECK(!is_there(name[2])); /* its number is another's now */
	CHECK(is_there(name[3]));  /* not this file's */
	CHECK(is_there(name[4]));  /* not one of ours */
	CHECK(is_there("w.prom"));
	for (i = 0; i < 5; i++)
		unlink(stats_in_dir(name[i]));
	unlink(stats_in_dir("w.prom"));
}

int
main(int argc, char **argv)
{
	(void)argc;
	stats_begin(argv, "stats_file_place");
	test_no_directory();
	test_bad_paths();
	test_no_file();
	test_left_behind();
	return stats_end();
}
