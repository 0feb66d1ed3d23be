/*
 * A line that the library has to say is never the program's trouble, and goes
 * where somebody reads it: to the stderr that the program was started with,
 * else to the system's log. Each case in a process of its own: this program
 * runs itself again.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE	"DTLSV1_LISTEN_COOKIES=nonsense is not understood (it takes " \
	"auto, app or builtin); going on with auto"

static const char *self;
static char dir[200];

/* What went to the system's log, if anything. */
static char logged[2048];
static int logged_lines, logged_flags;

/* sendto(), whose own type in glibc is no C. */
ssize_t	watched_sendto(int, const void *, size_t, int, const struct sockaddr *,
	    socklen_t) __asm__("sendto");

ssize_t
watched_sendto(int fd, const void *bytes, size_t len, int flags,
    const struct sockaddr *to, socklen_t tolen)
{
	static ssize_t (*real)(int, const void *, size_t, int,
	    const struct sockaddr *, socklen_t);
	struct sockaddr_un un;

	if (to != NULL && to->sa_family == AF_UNIX && tolen <= sizeof(un)) {
		memset(&un, 0, sizeof(un));
		memcpy(&un, to, tolen);
		if (strcmp(un.sun_path, "/dev/log") == 0) {
			snprintf(logged, sizeof(logged), "%.*s", (int)len,
			    (const char *)bytes);
			logged_lines++;
			logged_flags = flags;
			if (fd <= STDERR_FILENO ||
			    fcntl(fd, F_GETFD) != FD_CLOEXEC)
				snprintf(logged, sizeof(logged),
				    "descriptor %d", fd);
			errno = ECONNREFUSED;	/* nobody is there */
			return -1;
		}
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	return real(fd, bytes, len, flags, to, tolen);
}

static const char *
in_dir(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A first call, which finds that the variable means nothing. */
static void
have_it_say(SSL *ssl)
{
	sigset_t pending;

	CHECK_INT(listen_to(ssl, NULL), 0);
	NEED(sigpending(&pending) == 0);
	CHECK_INT(sigismember(&pending, SIGPIPE), 0);
	CHECK_INT(sigismember(&pending, SIGXFSZ), 0);
	NEED(pthread_sigmask(SIG_BLOCK, NULL, &pending) == 0);
	CHECK_INT(sigismember(&pending, SIGPIPE), 0);
	CHECK_INT(sigismember(&pending, SIGXFSZ), 0);
	CHECK_INT(sigismember(&pending, SIGTTOU), 0);
}

static int came_back;

/* A thread that is to end, at the first call that may block. */
static void *
cancelled(void *ssl)
{
	pthread_cancel(pthread_self());
	have_it_say(ssl);
	came_back = 1;
	pthread_testcancel();
	return NULL;
}

/* In the new process: what happens to its descriptor 2 before the first call. */
static int
be(const char *what)
{
	static const char data[] = "DATABASE PAGE 1\n";
	void *result = NULL;
	pthread_t thread;
	struct stat st;
	char page[64];
	static struct wire wire;
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl;
	int fd = -1;

	alarm(120);
	ours_init();
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	if (strcmp(what, "reused") == 0 || strcmp(what, "reused log") == 0) {
		close(STDERR_FILENO);
		fd = open(in_dir("db"), O_RDWR | O_CREAT | O_TRUNC |
		    (what[6] != '\0' ? O_APPEND : 0), 0644);
		NEED(fd == STDERR_FILENO);
		NEED(write(fd, data, strlen(data)) == (ssize_t)strlen(data));
	} else if (strcmp(what, "reused socket") == 0) {
		int ends[2];

		close(STDERR_FILENO);
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
		NEED(ends[0] == STDERR_FILENO);
		fd = ends[1];
	} else if (strcmp(what, "closed later") == 0) {
		close(STDERR_FILENO);
	} else if (strcmp(what, "daemon") == 0) {
		NEED((fd = open("/dev/null", O_RDWR)) >= 0);
		NEED(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	} else if (strcmp(what, "limit") == 0) {
		struct rlimit none = { 0, RLIM_INFINITY };

		NEED(setrlimit(RLIMIT_FSIZE, &none) == 0);
	}
	if (strcmp(what, "cancelled") == 0) {
		NEED(pthread_create(&thread, NULL, cancelled, ssl) == 0);
		NEED(pthread_join(thread, &result) == 0);
		CHECK(came_back);
		CHECK(result == PTHREAD_CANCELED);
	} else {
		have_it_say(ssl);
	}
	if (strncmp(what, "reused", 6) == 0 && what[6] != '\0' &&
	    what[7] == 's') {
		CHECK_INT(recv(fd, page, sizeof(page), MSG_DONTWAIT), -1);
	} else if (strncmp(what, "reused", 6) == 0) {
		NEED(fstat(fd, &st) == 0);
		CHECK_INT(st.st_size, strlen(data));
	}
	CHECK_INT(logged_lines != 0 &&
	    logged_flags != (MSG_DONTWAIT | MSG_NOSIGNAL), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	printf("%d %d %s\n", check_failures(), logged_lines, logged);
	return 0;
}

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
	while ((n = read(ends[0], answer + len, sizeof(answer) - 1 -
	    (size_t)len)) > 0)
		len += n;
	answer[len] = '\0';
	close(ends[0]);
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	answer[strcspn(answer, "\n")] = '\0';
	sscanf(answer, "%d %d %n", &failures, &lines, &at);
	CHECK_INT(failures, 0);
	CHECK_INT(lines, in_log);
	snprintf(want, sizeof(want), "<28>dtlsv1_listen[%ld]: %s", (long)child,
	    LINE);
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

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);	/* systemd's */
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
