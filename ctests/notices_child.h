/*
 * The process that notices.c starts: what happens to its descriptor 2 before its
 * first call, and what that call says and does.
 */
#ifndef NOTICES_CHILD_H
#define NOTICES_CHILD_H
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[200];

static const char *
in_dir(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* What went to the system's log, if anything. */
static char logged[2048];
static int logged_lines, logged_flags;

/* sendto(), whose own type in glibc is no C. */
ssize_t watched_sendto(int, const void *, size_t, int, const struct sockaddr *, socklen_t) __asm__(
    "sendto");

ssize_t
watched_sendto(
    int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to, socklen_t tolen)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	struct sockaddr_un un;

	if (to != NULL && to->sa_family == AF_UNIX && tolen <= sizeof(un)) {
		memset(&un, 0, sizeof(un));
		memcpy(&un, to, tolen);
		if (strcmp(un.sun_path, "/dev/log") == 0) {
			snprintf(logged, sizeof(logged), "%.*s", (int)len, (const char *)bytes);
			logged_lines++;
			logged_flags = flags;
			if (fd <= STDERR_FILENO || fcntl(fd, F_GETFD) != FD_CLOEXEC)
				snprintf(logged, sizeof(logged), "descriptor %d", fd);
			errno = ECONNREFUSED; /* nobody is there */
			return -1;
		}
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	return real(fd, bytes, len, flags, to, tolen);
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
		fd = open(in_dir("db"),
		    O_RDWR | O_CREAT | O_TRUNC | (what[6] != '\0' ? O_APPEND : 0), 0644);
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
	if (strncmp(what, "reused", 6) == 0 && what[6] != '\0' && what[7] == 's') {
		CHECK_INT(recv(fd, page, sizeof(page), MSG_DONTWAIT), -1);
	} else if (strncmp(what, "reused", 6) == 0) {
		NEED(fstat(fd, &st) == 0);
		CHECK_INT(st.st_size, strlen(data));
	}
	CHECK_INT(logged_lines != 0 && logged_flags != (MSG_DONTWAIT | MSG_NOSIGNAL), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	printf("%d %d %s\n", check_failures(), logged_lines, logged);
	return 0;
}

#endif
