/*
 * DTLSV1_LISTEN_STATS: what the file says is what the counters are, nobody
 * ever sees half of it, and several processes do not get into each other's
 * way. The variable is read at a process's first call, so each test is a child.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/door.h"
#include "lib/hello.h"
#include "lib/said.h"
#include "lib/tls.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[200];
static SSL *ssl;
static struct wire wire;

static const char *
in_dir(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	NEED(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;	/* . and .. */
}

/* "" if there is none. */
static const char *
content(const char *path)
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
static long
series(const char *path, const char *name)
{
	const char *text = content(path), *at;
	char line[300];

	snprintf(line, sizeof(line), "\n%s ", name);
	if ((at = strstr(text, line)) == NULL)
		return -1;
	return atol(at + strlen(line));
}

static void
listen_for(int hellos)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	while (hellos-- > 0)
		queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	queue_clear(&wire.out);
}

static void
wait_a_second(void)
{
	struct timespec t = { 1, 100 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* Runs `body` in a child, which says "" on stderr unless something failed or
 * the library has something to say. */
static const char *
run(void (*body)(void), const char *stats)
{
	int status;
	pid_t child;

	(void)said();	/* of this process's own */
	NEED((child = fork()) >= 0);
	if (child == 0) {
		NEED(setenv("DTLSV1_LISTEN_STATS", stats, 1) == 0);
		wire_init(&wire);
		ssl = tls_server_wire(tls_server_ctx(), &wire);
		body();
		exit(0);
	}
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	return said();
}

/* Every member of the structure has the value that the file gives it. */
static void
check_values(const char *path, const char *labels,
    const struct dtlsv1_listen_stats *stats)
{
	static const struct {
		const char *member, *metric, *label;
	} rows[] = {
		{ "bytes_in", "received_bytes", "" },
		{ "bytes_out", "sent_bytes", "" },
		{ "cookies_right", "cookies", ",result=\"right\"" },
		{ "cookies_expired", "cookies", ",result=\"expired\"" },
		{ "cookies_forged", "cookies", ",result=\"forged\"" },
		{ "writes_blocked", "writes_failed",
		    ",reason=\"would_block\"" },
		{ "writes_failed", "writes_failed", ",reason=\"error\"" },
	};
	const char *name;
	char line[200];
	size_t i, j;

	for (i = 0; (name = counters_name(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "dtlsv1_listen_%s_total{%s}",
		    name, labels);
		if (strncmp(name, "discards_", 9) == 0)
			snprintf(line, sizeof(line),
			    "dtlsv1_listen_discards_total{%s,reason=\"%s\"}",
			    labels, name + 9);
		for (j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
			if (strcmp(name, rows[j].member) == 0)
				snprintf(line, sizeof(line),
				    "dtlsv1_listen_%s_total{%s%s}",
				    rows[j].metric, labels, rows[j].label);
		check_case(line);
		CHECK_INT(series(path, line), counters_of(stats, name));
	}
	check_case(NULL);
}

static struct dtlsv1_listen_stats *shown;	/* by the child */

static void
do_much(void)
{
	const char *path = in_dir("much.prom");
	struct stat st;
	struct hello h;

	umask(077);
	CHECK_INT(files(), 0);
	listen_for(0);
	CHECK_INT(files(), 1);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644);
	CHECK_INT(get_stats(shown, sizeof(*shown)), 1);
	check_values(path, "server=\"much\"", shown);

	listen_for(5);
	hello_make(&h, "wrong", 5);
	queue_put(&wire.in, h.byte, h.len);
	listen_for(0);
	hello_make(&h, NULL, 0);
	hello_put(&h, AT_EPOCH, 1, 2);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_INT(get_stats(shown, sizeof(*shown)), 1);
}

static void
test_values(void)
{
	const char *path = in_dir("much.prom");

	CHECK_STR(run(do_much, path), "");
	CHECK_INT(files(), 1);
	CHECK_INT(shown->datagrams, 7);
	CHECK_INT(shown->cookies_forged, 1);
	CHECK_INT(shown->discards_epoch, 1);
	check_values(in_dir("much.prom"), "server=\"much\"", shown);
	unlink(in_dir("much.prom"));
}

static atomic_int reading;
static atomic_long reads;

/* The last line is always there. */
static void *
read_often(void *arg)
{
	const char *text, *end = "repeated\"} 0\n";
	long half = 0;
	size_t len;

	while (reading) {
		text = content(arg);
		len = strlen(text);
		half += len < strlen(end) ||
		    strcmp(text + len - strlen(end), end) != 0;
		reads++;
	}
	CHECK_INT(half, 0);
	return NULL;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
call_often(void)
{
	const char *path = in_dir("often.prom");
	struct timespec pause = { 0, 1000 * 1000 };
	struct stat now, last;
	double begin = seconds();
	pthread_t reader;
	char *watched;
	int written = 1;	/* the first call did */

	listen_for(1);
	NEED(stat(path, &last) == 0);
	reading = 1;
	NEED((watched = strdup(path)) != NULL);
	NEED(pthread_create(&reader, NULL, read_often, watched) == 0);
	while (written < 3 || reads <= 100) {
		listen_for(1);
		NEED(stat(path, &now) == 0);
		written += now.st_ino != last.st_ino ||
		    now.st_mtim.tv_nsec != last.st_mtim.tv_nsec;
		last = now;
		nanosleep(&pause, NULL);
	}
	reading = 0;
	pthread_join(reader, NULL);
	free(watched);
	CHECK(written <= 3 + (int)(seconds() - begin));	/* a few at first */
}

static void
test_once_a_second(void)
{
	CHECK_STR(run(call_often, in_dir("often.prom")), "");
	CHECK_INT(files(), 1);
	unlink(in_dir("often.prom"));
}

static void
wait_for(pid_t child)
{
	int status;

	NEED(child >= 0 && waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

/* Two children: one serves the client it was forked for, one listens. */
static void
fork_twice(void)
{
	const char *path = in_dir("fork.prom"),
	    *name = "dtlsv1_listen_challenges_total{server=\"fork\"}";
	pid_t child;

	listen_for(3);
	wait_a_second();
	listen_for(0);
	CHECK_INT(series(path, name), 3);
	if ((child = fork()) == 0)
		exit(0);
	wait_for(child);
	if ((child = fork()) == 0) {
		listen_for(1);
		wait_a_second();
		listen_for(1);
		exit(0);
	}
	wait_for(child);
	CHECK_INT(series(path, name), 3);
	listen_for(1);
}

static void
test_fork(void)
{
	const char *text = run(fork_twice, in_dir("fork.prom"));

	CHECK(strstr(text, "fork.prom belongs to the process that this one was "
	    "forked off by: process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(series(in_dir("fork.prom"),
	    "dtlsv1_listen_challenges_total{server=\"fork\"}"), 4);
	CHECK_INT(files(), 1);
	unlink(in_dir("fork.prom"));
}

static pid_t *pids;	/* shared with the child */

static void
fork_workers(void)
{
	pid_t child;

	listen_for(1);
	pids[0] = getpid();
	if ((child = fork()) == 0) {
		pids[1] = getpid();
		listen_for(2);
		exit(0);
	}
	wait_for(child);
	if ((child = fork()) == 0)
		exit(0);	/* never listened: no file */
	wait_for(child);
}

static void
test_pid(void)
{
	char path[300], name[100];
	int i;

	CHECK_STR(run(fork_workers, in_dir("w-%p.prom")), "");
	CHECK_INT(files(), 2);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/w-%d.prom", dir,
		    (int)pids[i]);
		snprintf(name, sizeof(name), "dtlsv1_listen_challenges_total"
		    "{server=\"w\",pid=\"%d\"}", (int)pids[i]);
		CHECK_INT(series(path, name), i + 1);
		unlink(path);
	}
}

static void
lose_it(void)
{
	const char *path = in_dir("two.prom");
	char other[400];
	int fd;

	listen_for(1);
	/* Gone is not taken. */
	CHECK_INT(unlink(path), 0);
	wait_a_second();
	listen_for(1);
	CHECK_INT(series(path,
	    "dtlsv1_listen_challenges_total{server=\"two\"}"), 2);

	snprintf(other, sizeof(other), "%s/other", dir);
	NEED((fd = open(other, O_CREAT | O_WRONLY, 0644)) >= 0);
	NEED(write(fd, "theirs\n", 7) == 7);
	close(fd);
	NEED(rename(other, path) == 0);
	wait_a_second();
	listen_for(1);
	wait_a_second();
	listen_for(1);
}

static void
test_other_process(void)
{
	const char *text = run(lose_it, in_dir("two.prom"));

	CHECK(strstr(text, "two.prom is written by another process, too: "
	    "process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_STR(content(in_dir("two.prom")), "theirs\n");
	CHECK_INT(files(), 1);
	unlink(in_dir("two.prom"));
}

static void
find_no_place(void)
{
	listen_for(1);
	wait_a_second();
	listen_for(1);
	NEED(mkdir(in_dir("later"), 0755) == 0);
}

/* Told once; and when the place is there it is used. */
static void
test_no_directory(void)
{
	const char *text = run(find_no_place, in_dir("later/x.prom"));

	CHECK(strstr(text, "dtlsv1_listen: no counters in ") == text);
	CHECK(strstr(text, "later/x.prom: No such file or directory (os error "
	    "2). Does its directory exist, and may this process write to it? "
	    "It is tried again every second\n") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(series(in_dir("later/x.prom"),
	    "dtlsv1_listen_challenges_total{server=\"x\"}"), 2);
	unlink(in_dir("later/x.prom"));
	NEED(rmdir(in_dir("later")) == 0);
}

static void
call_once(void)
{
	listen_for(1);
}

static void
test_bad_paths(void)
{
	char path[400];

	CHECK_STR(run(call_once, ""), "");
	CHECK_STR(run(call_once, "here.prom"), "dtlsv1_listen: "
	    "DTLSV1_LISTEN_STATS=here.prom: the path has to begin at the "
	    "root, since a server may change its directory; no counters are "
	    "written\n");
	CHECK_STR(run(call_once, "/nowhere/"), "dtlsv1_listen: "
	    "DTLSV1_LISTEN_STATS=/nowhere/: it is a directory: name a file "
	    "in it, such as server.prom; no counters are written\n");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[351] = '\0';
	CHECK(strstr(run(call_once, path),
	    "the path is longer than 350 bytes") != NULL);
	CHECK_INT(files(), 0);
}

static sem_t twice;

static void *
listen_for_ever(void *arg)
{
	long n;

	for (n = 0; arg != NULL; n++) {
		listen_for(1);
		if (n == 1)
			NEED(sem_post(&twice) == 0);
	}
	return NULL;
}

static void
exit_in_use(void)
{
	pthread_t thread;

	NEED(sem_init(&twice, 0, 0) == 0);
	NEED(pthread_create(&thread, NULL, listen_for_ever,
	    &wire) == 0);
	NEED(sem_wait(&twice) == 0);
}

/* exit() in one thread while another listens. */
static void
test_exit(void)
{
	CHECK_STR(run(exit_in_use, in_dir("exit.prom")), "");
	CHECK(series(in_dir("exit.prom"),
	    "dtlsv1_listen_challenges_total{server=\"exit\"}") > 1);
	CHECK_INT(files(), 1);
	unlink(in_dir("exit.prom"));
}

#define ACCEPTED	"dtlsv1_listen_accepted_total{server=\"quiet\"}"
#define CHALLENGES	"dtlsv1_listen_challenges_total{server=\"quiet\"}"

/* Nobody knows when the next call comes: each shows at once, and so they do
 * in the file of a process that is killed. */
static void
serve_a_few(void)
{
	const char *path = in_dir("quiet.prom");
	unsigned char cookie[COOKIE_LEN];
	struct door door;
	struct hello h;
	int i;

	door_open(&door, 0);
	hello_make(&h, NULL, 0);
	door_cookie(&door, &h, cookie);
	for (i = 1; i <= 10; i++) {
		CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
		CHECK_INT(series(path, ACCEPTED), i);
	}
	wait_a_second();
	door_cookie(&door, &h, cookie);
	CHECK_INT(series(path, CHALLENGES), 2);
	CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
	CHECK_INT(series(path, ACCEPTED), 11);
	door_close(&door);
}

static void
test_quiet_server(void)
{
	CHECK_STR(run(serve_a_few, in_dir("quiet.prom")), "");
	CHECK_INT(files(), 1);
	unlink(in_dir("quiet.prom"));
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
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
		{ "dir", "a directory", S_IFDIR },
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

	snprintf(other, sizeof(other), "%s", in_dir("other"));
	put(other, "theirs\n");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_case(rows[i].name);
		snprintf(path, sizeof(path), "%s", in_dir(rows[i].name));
		switch (rows[i].kind) {
		case S_IFIFO:
			NEED(mkfifo(path, 0644) == 0);
			break;
		case S_IFDIR:
			NEED(mkdir(path, 0755) == 0);
			break;
		case S_IFLNK:
			NEED(symlink(rows[i].name[0] == 'l' ? other :
			    "nowhere", path) == 0);
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
			NEED((geteuid() == 0 &&
			    mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0) ||
			    snprintf(path, sizeof(path), "/dev/null") > 0);
		}
		NEED(lstat(path, &before) == 0);
		text = run(call_once, path);
		snprintf(want, sizeof(want), "dtlsv1_listen: no counters in "
		    "%s: it is %s, and only a regular file is replaced. It is "
		    "tried again every second\n", path, rows[i].what);
		CHECK_STR(text, want);
		CHECK_INT(lstat(path, &after), 0);
		CHECK_INT(after.st_mode, before.st_mode);
		CHECK_INT(after.st_ino, before.st_ino);
		CHECK_STR(content(other), "theirs\n");
		if (strcmp(path, "/dev/null") != 0)
			NEED(remove(path) == 0);
		CHECK_INT(files(), 1);
	}
	check_case(NULL);
	unlink(other);
}

#define TOUCHED	"dtlsv1_listen_challenges_total{server=\"touched\"}"

/* In one look, whatever the time: acceptances and the rest have theirs. */
static void
expect(const char *path, long challenges)
{
	wait_a_second();
	listen_for(1);
	CHECK_INT(series(path, TOUCHED), challenges);
}

/* Whoever looks after the files may touch them. */
static void
have_it_touched(void)
{
	char path[400], *copy;
	struct stat st;

	snprintf(path, sizeof(path), "%s", in_dir("touched.prom"));
	listen_for(1);
	check_case("touch");
	NEED(utimensat(AT_FDCWD, path, NULL, 0) == 0);
	expect(path, 2);
	check_case("emptied");
	NEED(truncate(path, 0) == 0);
	expect(path, 3);
	check_case("restored from a copy");
	NEED((copy = strdup(content(path))) != NULL);
	put(in_dir("copy"), copy);
	free(copy);
	NEED(stat(path, &st) == 0);
	{
		char from[400];

		snprintf(from, sizeof(from), "%s", in_dir("copy"));
		NEED(rename(from, path) == 0);
	}
	expect(path, 4);
	check_case("another process's");
	put(path, "# Written by process 1 that began at 1.000000000\n");
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
	const char *text = run(have_it_touched, in_dir("touched.prom"));

	CHECK(strstr(text, "touched.prom is written by another process, too: "
	    "process ") != NULL);
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	CHECK_INT(files(), 1);
	unlink(in_dir("touched.prom"));
}

static int
is_there(const char *name)
{
	return access(in_dir(name), F_OK) == 0;
}

static void
test_left_behind(void)
{
	const struct timespec old[2] = {
		{ .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	char name[5][100];
	pid_t gone;
	size_t i;

	if ((gone = fork()) == 0)
		_exit(0);
	wait_for(gone);
	snprintf(name[0], sizeof(name[0]), "w.prom.%d.tmp", (int)gone);
	snprintf(name[1], sizeof(name[1]), "w.prom.%d.tmp", (int)getppid());
	snprintf(name[2], sizeof(name[2]), "w.prom.%d.tmp", (int)getpid());
	snprintf(name[3], sizeof(name[3]), "v.prom.%d.tmp", (int)gone);
	snprintf(name[4], sizeof(name[4]), "w.prom.old.tmp");
	for (i = 0; i < 5; i++)
		put(in_dir(name[i]), "half");
	NEED(utimensat(AT_FDCWD, in_dir(name[2]), old, 0) == 0);
	CHECK_STR(run(call_once, in_dir("w.prom")), "");
	CHECK(!is_there(name[0]));	/* its process is gone */
	CHECK(is_there(name[1]));	/* about to be renamed */
	CHECK(!is_there(name[2]));	/* its number is another's now */
	CHECK(is_there(name[3]));	/* not this file's */
	CHECK(is_there(name[4]));	/* not one of ours */
	CHECK(is_there("w.prom"));
	for (i = 0; i < 5; i++)
		unlink(in_dir(name[i]));
	unlink(in_dir("w.prom"));
}

/* The limit on a file's size sends SIGXFSZ. The old file stays, and whole. */
static void
reach_the_limit(void)
{
	const char *path = in_dir("limit.prom");
	struct rlimit little = { 1000, RLIM_INFINITY };
	char *before;

	listen_for(1);
	NEED((before = strdup(content(path))) != NULL);
	NEED(strlen(before) > 1000);
	NEED(setrlimit(RLIMIT_FSIZE, &little) == 0);
	wait_a_second();
	listen_for(1);
	CHECK_STR(content(path), before);
	CHECK_INT(files(), 1);
	little.rlim_cur = RLIM_INFINITY;
	NEED(setrlimit(RLIMIT_FSIZE, &little) == 0);
	wait_a_second();
	listen_for(1);
	CHECK_INT(series(path,
	    "dtlsv1_listen_challenges_total{server=\"limit\"}"), 3);
	free(before);
}

static void
test_limit(void)
{
	(void)run(reach_the_limit, in_dir("limit.prom"));	/* stderr is a file */
	CHECK_INT(files(), 1);
	unlink(in_dir("limit.prom"));
}

/* Memory that a child writes and its parent reads. */
static void *
shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	NEED(at != MAP_FAILED);
	return at;
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("CTESTS_TMP");

	(void)argc;
	said_begin(argv);
	check_begin("stats_file");
	counters_init();
	NEED(tmp != NULL);
	snprintf(dir, sizeof(dir), "%s/stats.XXXXXX", tmp);
	NEED(mkdtemp(dir) != NULL);
	shown = shared(sizeof(*shown));
	pids = shared(2 * sizeof(*pids));
	test_values();
	test_once_a_second();
	test_fork();
	test_pid();
	test_other_process();
	test_no_directory();
	test_bad_paths();
	test_exit();
	test_quiet_server();
	test_no_file();
	test_touched();
	test_left_behind();
	test_limit();
	CHECK_INT(rmdir(dir), 0);
	return check_end();
}
