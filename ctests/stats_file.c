/*
 * DTLSV1_LISTEN_STATS: what the file says is what the counters are, nobody ever
 * sees half of it, and it is written when there is something new.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/door.h"
#include "lib/hello.h"
#include "lib/statsfile.h"
#include "lib/tls.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Every member of the structure has the value that the file gives it. */
static void
check_values(const char *path, const char *labels, const struct dtlsv1_listen_stats *stats)
{
	static const struct {
		const char *member, *metric, *label;
	} rows[] = {
		{ "bytes_in", "received_bytes", "" },
		{ "bytes_out", "sent_bytes", "" },
		{ "cookies_right", "cookies", ",result=\"right\"" },
		{ "cookies_expired", "cookies", ",result=\"expired\"" },
		{ "cookies_forged", "cookies", ",result=\"forged\"" },
		{ "writes_blocked", "writes_failed", ",reason=\"would_block\"" },
		{ "writes_failed", "writes_failed", ",reason=\"error\"" },
	};
	const char *name;
	char line[200];
	size_t i, j;

	for (i = 0; (name = counters_name(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "dtlsv1_listen_%s_total{%s}", name, labels);
		if (strncmp(name, "discards_", 9) == 0)
			snprintf(line, sizeof(line),
			    "dtlsv1_listen_discards_total{%s,reason=\"%s\"}", labels, name + 9);
		for (j = 0; j < sizeof(rows) / sizeof(rows[0]); j++)
			if (strcmp(name, rows[j].member) == 0)
				snprintf(line, sizeof(line), "dtlsv1_listen_%s_total{%s%s}",
				    rows[j].metric, labels, rows[j].label);
		check_case(line);
		CHECK_INT(stats_series(path, line), counters_of(stats, name));
	}
	check_case(NULL);
}

static struct dtlsv1_listen_stats *shown; /* by the child */

static void
do_much(void)
{
	const char *path = stats_in_dir("much.prom");
	struct stat st;
	struct hello h;

	umask(077);
	CHECK_INT(stats_files(), 0);
	stats_listen(0);
	CHECK_INT(stats_files(), 1);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644);
	CHECK_INT(get_stats(shown, sizeof(*shown)), 1);
	check_values(path, "server=\"much\"", shown);

	stats_listen(5);
	hello_make(&h, "wrong", 5);
	stats_give(h.byte, h.len);
	stats_listen(0);
	hello_make(&h, NULL, 0);
	hello_put(&h, AT_EPOCH, 1, 2);
	stats_give(h.byte, h.len);
	CHECK_INT(listen_to(stats_ssl, NULL), 0);
	CHECK_INT(get_stats(shown, sizeof(*shown)), 1);
}

static void
test_values(void)
{
	const char *path = stats_in_dir("much.prom");

	CHECK_STR(stats_run(do_much, path), "");
	CHECK_INT(stats_files(), 1);
	CHECK_INT(shown->datagrams, 7);
	CHECK_INT(shown->cookies_forged, 1);
	CHECK_INT(shown->discards_epoch, 1);
	check_values(stats_in_dir("much.prom"), "server=\"much\"", shown);
	unlink(stats_in_dir("much.prom"));
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
		text = stats_content(arg);
		len = strlen(text);
		half += len < strlen(end) || strcmp(text + len - strlen(end), end) != 0;
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
	const char *path = stats_in_dir("often.prom");
	struct timespec pause = { 0, 1000 * 1000 };
	struct stat now, last;
	double begin = seconds();
	pthread_t reader;
	char *watched;
	int written = 1; /* the first call did */

	stats_listen(1);
	NEED(stat(path, &last) == 0);
	reading = 1;
	NEED((watched = strdup(path)) != NULL);
	NEED(pthread_create(&reader, NULL, read_often, watched) == 0);
	while (written < 3 || reads <= 100) {
		stats_listen(1);
		NEED(stat(path, &now) == 0);
		written += now.st_ino != last.st_ino || now.st_mtim.tv_nsec != last.st_mtim.tv_nsec;
		last = now;
		nanosleep(&pause, NULL);
	}
	reading = 0;
	pthread_join(reader, NULL);
	free(watched);
	CHECK(written <= 3 + (int)(seconds() - begin)); /* a few at first */
}

static void
test_once_a_second(void)
{
	CHECK_STR(stats_run(call_often, stats_in_dir("often.prom")), "");
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("often.prom"));
}

static sem_t twice;

static void *
listen_for_ever(void *arg)
{
	long n;

	for (n = 0; arg != NULL; n++) {
		stats_listen(1);
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
	NEED(pthread_create(&thread, NULL, listen_for_ever, &twice) == 0);
	NEED(sem_wait(&twice) == 0);
}

/* exit() in one thread while another listens. */
static void
test_exit(void)
{
	CHECK_STR(stats_run(exit_in_use, stats_in_dir("exit.prom")), "");
	CHECK(stats_series(stats_in_dir("exit.prom"),
		  "dtlsv1_listen_challenges_total{server=\"exit\"}") > 1);
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("exit.prom"));
}

#define ACCEPTED   "dtlsv1_listen_accepted_total{server=\"quiet\"}"
#define CHALLENGES "dtlsv1_listen_challenges_total{server=\"quiet\"}"

/* Nobody knows when the next call comes: each shows at once, and so they do
 * in the file of a process that is killed. */
static void
serve_a_few(void)
{
	const char *path = stats_in_dir("quiet.prom");
	unsigned char cookie[COOKIE_LEN];
	struct door door;
	struct hello h;
	int i;

	door_open(&door, 0);
	hello_make(&h, NULL, 0);
	door_cookie(&door, &h, cookie);
	for (i = 1; i <= 10; i++) {
		CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
		CHECK_INT(stats_series(path, ACCEPTED), i);
	}
	stats_wait();
	door_cookie(&door, &h, cookie);
	CHECK_INT(stats_series(path, CHALLENGES), 2);
	CHECK_INT(door_shown(&door, cookie, COOKIE_LEN), 1);
	CHECK_INT(stats_series(path, ACCEPTED), 11);
	door_close(&door);
}

static void
test_quiet_server(void)
{
	CHECK_STR(stats_run(serve_a_few, stats_in_dir("quiet.prom")), "");
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("quiet.prom"));
}

/* The limit on a file's size sends SIGXFSZ. The old file stays, and whole. */
static void
reach_the_limit(void)
{
	const char *path = stats_in_dir("limit.prom");
	struct rlimit little = { 1000, RLIM_INFINITY };
	char *before;

	stats_listen(1);
	NEED((before = strdup(stats_content(path))) != NULL);
	NEED(strlen(before) > 1000);
	NEED(setrlimit(RLIMIT_FSIZE, &little) == 0);
	stats_wait();
	stats_listen(1);
	CHECK_STR(stats_content(path), before);
	CHECK_INT(stats_files(), 1);
	little.rlim_cur = RLIM_INFINITY;
	NEED(setrlimit(RLIMIT_FSIZE, &little) == 0);
	stats_wait();
	stats_listen(1);
	CHECK_INT(stats_series(path, "dtlsv1_listen_challenges_total{server=\"limit\"}"), 3);
	free(before);
}

static void
test_limit(void)
{
	(void)stats_run(reach_the_limit, stats_in_dir("limit.prom")); /* stderr is a file */
	CHECK_INT(stats_files(), 1);
	unlink(stats_in_dir("limit.prom"));
}

int
main(int argc, char **argv)
{
	(void)argc;
	stats_begin(argv, "stats_file");
	counters_init();
	shown = stats_shared(sizeof(*shown));
	test_values();
	test_once_a_second();
	test_exit();
	test_quiet_server();
	test_limit();
	return stats_end();
}
