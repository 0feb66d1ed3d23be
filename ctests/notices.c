/*
 * A line that the library has to say is never the program's trouble, and goes
 * where somebody reads it: to the stderr that the program was started with,
 * else to the system's log. Each case in a process of its own: this program
 * runs itself again.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "notices_child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE \
	"DTLSV1_LISTEN_COOKIES=nonsense is not understood (it takes " \
	"auto, app or builtin); going on with auto"

static const char *self;

/* `err`: the new process's descriptor 2, -1 for none. */
static void
again(const char *what, int err, int in_log)
{
	char answer[3000], want[2200];
	int ends[2], status, failures = -1, lines = -1, at = 0;
	ssize_t n, len = 0;
	pid_t child;

	check_case(what);
	NEED(pipe(ends) == 0 && (child = fork()) >= 0);
	if (child == 0) {
		NEED(setenv("DTLSV1_LISTEN_COOKIES", "nonsense", 1) == 0);
		NEED(setenv("CTESTS_DIR", dir, 1) == 0);
		NEED(dup2(ends[1], STDOUT_FILENO) >= 0);
		close(ends[0]);
		close(ends[1]);
		if (err < 0)
			close(STDERR_FILENO);
		else
			NEED(dup2(err, STDERR_FILENO) >= 0);
		/* Under valgrind, /proc/self/exe would be valgrind. */
		execl(self, self, "be", what, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], answer + len, sizeof(answer) - 1 - (size_t)len)) > 0)
		len += n;
	answer[len] = '\0';
	close(ends[0]);
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	answer[strcspn(answer, "\n")] = '\0';
	sscanf(answer, "%d %d %n", &failures, &lines, &at);
	CHECK_INT(failures, 0);
	CHECK_INT(lines, in_log);
	snprintf(want, sizeof(want), "<28>dtlsv1_listen[%ld]: %s", (long)child, LINE);
	CHECK_STR(answer + at, in_log ? want : "");
	check_case(NULL);
}

/* The one line in a file that was somebody's descriptor 2, or nothing. */
static void
check_file(int fd, int lines)
{
	char text[2048];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	NEED(n >= 0);
	text[n] = '\0';
	CHECK_STR(text, lines ? "dtlsv1_listen: " LINE "\n" : "");
}

static void
test_stderr(void)
{
	int fd, ends[2];

	NEED((fd = open(in_dir("log"), O_RDWR | O_CREAT | O_APPEND, 0644)) >= 0);
	again("a file", fd, 0);
	check_file(fd, 1);
	NEED(ftruncate(fd, 0) == 0);
	again("cancelled", fd, 0);
	check_file(fd, 1);
	NEED(ftruncate(fd, 0) == 0);
	again("limit", fd, 1);
	again("reused", fd, 1);
	again("reused log", fd, 1);
	again("reused socket", fd, 1);
	again("closed later", fd, 1);
	again("daemon", fd, 1);
	check_file(fd, 0);
	close(fd);

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); /* systemd's */
	again("a socket", ends[0], 0);
	{
		char text[2048];
		ssize_t n = recv(ends[1], text, sizeof(text) - 1, MSG_DONTWAIT);

		text[n > 0 ? n : 0] = '\0';
		CHECK_STR(text, "dtlsv1_listen: " LINE "\n");
	}
	close(ends[1]);
	again("a socket without a reader", ends[0], 1);
	close(ends[0]);
}

static void
test_elsewhere(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t len = sizeof(to);
	int fd, other, ends[2];
	char bytes[4096];

	again("closed", -1, 1);
	NEED((fd = open("/dev/null", O_RDWR)) >= 0);
	again("the null device", fd, 1);
	close(fd);

	NEED(pipe(ends) == 0);
	again("a pipe", ends[1], 0);
	memset(bytes, 'x', sizeof(bytes));
	NEED(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		;
	NEED(fcntl(ends[1], F_SETFL, 0) == 0);
	again("a full pipe", ends[1], 1);
	close(ends[0]);
	again("a pipe without a reader", ends[1], 1);
	close(ends[1]);

	/* inetd's: it is a client that is there. */
	NEED((fd = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	NEED((other = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(bind(other, (struct sockaddr *)&to, sizeof(to)) == 0);
	NEED(getsockname(other, (struct sockaddr *)&to, &len) == 0);
	NEED(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	again("a client", fd, 1);
	CHECK_INT(recv(other, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	close(fd);
	close(other);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("CTESTS_TMP");

	self = argv[0];
	if (argc == 3 && strcmp(argv[1], "be") == 0) {
		snprintf(dir, sizeof(dir), "%s", getenv("CTESTS_DIR"));
		return be(argv[2]);
	}
	check_begin("notices");
	NEED(tmp != NULL);
	snprintf(dir, sizeof(dir), "%s/notices.XXXXXX", tmp);
	NEED(mkdtemp(dir) != NULL);
	signal(SIGPIPE, SIG_DFL);
	test_stderr();
	test_elsewhere();
	return check_end();
}
