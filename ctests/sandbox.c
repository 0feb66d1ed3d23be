/*
 * A program that puts itself into a sandbox (seccomp) is ended for a system
 * call that it did not expect. Under a filter that lets through what libssl,
 * malloc and the program itself need, and what docs/operations.md names for a
 * secret file, for lines, for a socket of all addresses and for a listener, clients are challenged and
 * accepted as without one.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/door.h"
#include "lib/homes.h"
#include "lib/listener.h"
#include "lib/ours.h"
#include "lib/said.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What malloc, libcrypto and the end of a program need. */
static const int usual[] = { SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_futex,
	SYS_getpid, SYS_gettid, SYS_getrandom, SYS_clock_gettime, SYS_exit_group, SYS_rt_sigreturn,
	SYS_write, SYS_clock_nanosleep, SYS_nanosleep };
/* For a file, and for a line on stderr. */
static const int files[] = { SYS_openat, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_geteuid,
	SYS_read, SYS_close };
static const int lines[] = { SYS_poll, SYS_rt_sigprocmask };

/* libssl's own on a socket, and what ours needs more where it has all addresses. */
static const int socket_bio[] = { SYS_recvfrom, SYS_sendto };
static const int addresses[] = { SYS_recvmsg, SYS_sendmsg, SYS_getsockname, SYS_getsockopt,
	SYS_setsockopt, SYS_socket, SYS_connect, SYS_close };

/* Ours for a listener, and for a client that leaves it. */
static const int listening[] = { SYS_socket, SYS_bind, SYS_connect, SYS_getsockname, SYS_getsockopt,
	SYS_setsockopt, SYS_recvfrom, SYS_recvmmsg, SYS_sendmmsg, SYS_sendmsg, SYS_epoll_create1,
	SYS_epoll_ctl, SYS_epoll_wait, SYS_timerfd_create, SYS_timerfd_settime, SYS_close };
static const int leaving[] = { SYS_fcntl, SYS_poll, SYS_recvfrom, SYS_sendto };

#define ALL(list) list, sizeof(list) / sizeof((list)[0])
#define BPF(code, k, t, f) \
	((struct sock_filter){ \
	    (unsigned short)(code), (unsigned char)(t), (unsigned char)(f), (unsigned int)(k) })

struct program {
	struct sock_filter filter[128];
	unsigned short len;
};

static void
let(struct program *p, const int *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		NEED(p->len + 4 < 128);
		p->filter[p->len++] = BPF(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		p->filter[p->len++] = BPF(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
}

/* The number of the call, and what every program needs. */
static void
begin(struct program *p)
{
	p->len = 0;
	p->filter[p->len++] =
	    BPF(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	let(p, ALL(usual));
}

/* In place of the end that SECCOMP_RET_KILL is: it says for which call. */
static void
unexpected(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	_exit(info->si_syscall < 255 ? info->si_syscall : 255);
}

/* Whatever it does not let through is the end from here on. */
static void
enter(struct program *p)
{
	struct sock_fprog all = { .filter = p->filter };
	struct sigaction action = { .sa_sigaction = unexpected, .sa_flags = SA_SIGINFO };

	p->filter[p->len++] = BPF(BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0, 0);
	all.len = p->len;
	NEED(sigaction(SIGSYS, &action, NULL) == 0);
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0);
}

/* Two servers: one that was there, with a client, and a new one. */
static void
serve(const char *file, int with_lines)
{
	struct program p;
	unsigned char cookie[COOKIE_LEN];
	struct door old, new;
	int i;

	door_open(&old, 0);
	door_open(&new, 0);
	if (file != NULL) {
		NEED(ours.set_secret_file(new.ctx, file) == 1);
	}
	begin(&p);
	if (file != NULL)
		let(&p, ALL(files));
	if (with_lines)
		let(&p, ALL(lines));
	enter(&p);
	for (i = 0; i < 2; i++) {
		if (file != NULL) /* it is looked at once a second */
			usleep(1100000);
		door_fresh(&old, cookie);
		CHECK_INT(door_shown(&old, cookie, COOKIE_LEN), 1);
		door_fresh(&new, cookie);
		CHECK_INT(door_shown(&new, cookie, COOKIE_LEN), 1);
	}
}

/* The answer that came back, once it is there. */
static size_t
answer(unsigned char *to, size_t room)
{
	ssize_t n;

	while ((n = recv(homes_client_fd, to, room, 0)) < 0)
		usleep(1000);
	return (size_t)n;
}

static void
serve_all_addresses(void)
{
	struct program p;
	SSL *ssl = homes_server(tls_server_ctx(), AF_INET, "0.0.0.0", AF_INET, "127.0.0.2");
	unsigned char bytes[256];
	struct hello hello;
	struct hvr hvr;

	begin(&p);
	let(&p, ALL(socket_bio));
	let(&p, ALL(addresses));
	enter(&p);
	hello_make(&hello, NULL, 0);
	NEED(send(homes_client_fd, hello.byte, hello.len, 0) == (ssize_t)hello.len);
	while (listen_to(ssl, NULL) == 0 && recv(homes_client_fd, bytes, 1, MSG_PEEK) < 0)
		usleep(1000);
	hvr_parse(&hvr, bytes, answer(bytes, sizeof(bytes)));
	CHECK(hvr.bad == NULL);
	hello_make(&hello, hvr.cookie, hvr.cookielen);
	NEED(send(homes_client_fd, hello.byte, hello.len, 0) == (ssize_t)hello.len);
	while (listen_to(ssl, NULL) == 0)
		usleep(1000);
	CHECK_INT(SSL_get_error(ssl, SSL_accept(ssl)), SSL_ERROR_WANT_READ);
	CHECK(answer(bytes, sizeof(bytes)) > 0);
}

/* A client in a process that is free: a line to the server and one back, twice. */
static void
be_client(int where)
{
	struct caller caller;
	struct address at;
	char line[8];
	int i;

	NEED(read(where, &at, sizeof(at)) == (ssize_t)sizeof(at));
	caller_init(&caller, &at);
	while (!caller_step(&caller))
		NEED(net_readable(caller.fd, 10000));
	for (i = 0; i < 2; i++) {
		NEED(SSL_write(caller.ssl, "x", 1) == 1);
		while (SSL_read(caller.ssl, line, sizeof(line)) != 1)
			NEED(net_readable(caller.fd, 10000));
	}
	_exit(0);
}

static void
serve_listener(void)
{
	struct program p;
	SSL_CTX *ctx = tls_server_ctx();
	struct address at;
	dtlsv1_listener *listener;
	SSL *ssl = NULL;
	char line[8];
	int ends[2];
	pid_t client;

	listener_init();
	if (strcmp(getenv("CTESTS_MODE"), "preloaded") == 0)
		NEED(ours.set_cookie_lifetime(ctx, 60) == 1); /* libgcc_s is looked up */
	NEED(pipe(ends) == 0 && (client = fork()) >= 0);
	if (client == 0)
		be_client(ends[0]);
	begin(&p);
	let(&p, ALL(listening));
	let(&p, ALL(leaving));
	enter(&p);
	listener = listener_at(ctx, "::", NULL, &at);
	at = address_of("::1", address_port(&at));
	NEED(write(ends[1], &at, sizeof(at)) == (ssize_t)sizeof(at));
	while ((ssl = lf.accept(listener, 10000)) == NULL)
		CHECK_QUEUED(0);
	while (SSL_read(ssl, line, sizeof(line)) != 1) {
		ERR_clear_error();
		NEED(lf.run(listener, 10000) >= 0);
		while (lf.next(listener, NULL) != NULL)
			;
	}
	CHECK(lf.detach(ssl) >= 0);
	CHECK_INT(SSL_write(ssl, line, 1), 1);
	CHECK_INT(SSL_read(ssl, line, sizeof(line)), 1); /* its socket blocks */
	CHECK_INT(SSL_write(ssl, line, 1), 1);
	SSL_free(ssl);
	lf.free(listener);
}

static void
test(const char *what, const char *file, int with_lines, void (*other)(void))
{
	int status;
	pid_t child;

	check_case(what);
	NEED((child = fork()) >= 0);
	if (child == 0) {
		if (other != NULL)
			other();
		else
			serve(file, with_lines);
		_exit(check_failures() == 0 ? 0 : 254);
	}
	if (file != NULL) { /* it is read once more, in the sandbox */
		usleep(300000);
		NEED(chmod(file, with_lines ? 0644 : 0600) == 0);
	}
	NEED(waitpid(child, &status, 0) == child);
	/* The number of the call that it was ended for, or 254. */
	CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 0);
	check_case(NULL);
}

int
main(int argc, char **argv)
{
	char file[] = "/tmp/ctests-sandbox-XXXXXX";
	FILE *f;
	int fd;

	(void)argc;
	said_begin(argv);
	check_begin("sandbox");
	NEED((fd = mkstemp(file)) >= 0 && (f = fdopen(fd, "w")) != NULL);
	NEED(fprintf(f, "%064d\n", 7) == 65 && fclose(f) == 0);

	test("built-in cookies", NULL, 0, NULL);
	test("a socket of all addresses", NULL, 0, serve_all_addresses);
	test("a listener", NULL, 0, serve_listener);
	test("a secret file", file, 0, NULL);
	CHECK_STR(said(), "");
	test("a line on stderr", file, 1, NULL);
	CHECK(strstr(said(), "can be read by every user") != NULL);
	unlink(file);
	return check_end();
}
