/*
 * A client that left its listener goes to a thread or to a child, and outlives the
 * listener.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static SSL_CTX *ctx;

/* Everything a thread does for a client, with no thought of timers. */
static void *
serve_one(void *arg)
{
	SSL *ssl = arg;
	char line[64];
	int n;

	ERR_clear_error();
	while ((n = SSL_read(ssl, line, sizeof(line))) > 0)
		CHECK_INT(SSL_write(ssl, line, n), n);
	CHECK_INT(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN);
	ERR_clear_error();
	SSL_free(ssl);
	return NULL;
}

/* The caller's end of it, on a socket that waits. */
static void
call_one(struct caller *caller)
{
	char back[16] = "";

	CHECK_INT(SSL_write(caller->ssl, "there", 5), 5);
	CHECK_INT(SSL_read(caller->ssl, back, sizeof(back)), 5);
	CHECK_STR(back, "there");
	CHECK_INT(SSL_shutdown(caller->ssl), 0);
}

static SSL *
accepted(dtlsv1_listener *listener, struct caller *caller)
{
	SSL *ssl;

	caller_step(caller);
	CHECK(lf.accept(listener, 50) == NULL);
	(void)net_readable(caller->fd, 1000);
	caller_step(caller);
	ssl = lf.accept(listener, 1000);
	NEED(ssl != NULL);
	return ssl;
}

/* A thread for each client, from before the handshake; a flight is lost. */
static void
test_thread(void)
{
	struct address at, own = { .len = sizeof(own.any) };
	struct address told = { .len = sizeof(told.any) };
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	pthread_t thread;
	SSL *ssl;
	int fd;

	check_case("a thread");
	caller_init(&caller, &at);
	ssl = accepted(listener, &caller);
	CHECK_INT(SSL_get_fd(ssl), -1);
	fd = lf.detach(ssl);
	NEED(fd >= 0);
	CHECK_INT(SSL_get_fd(ssl), fd);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
	CHECK_INT(lf.detach(ssl), -1);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(lf.peer(ssl, (struct sockaddr *)&told.any, &told.len), 1);
	NEED(getsockname(caller.fd, (struct sockaddr *)&own.any, &own.len) == 0);
	CHECK_INT(address_port(&told), address_port(&own));
	lf.free(listener);
	tls_impatient(ssl);
	NEED(pthread_create(&thread, NULL, serve_one, ssl) == 0);
	(void)net_readable(caller.fd, 1000);
	caller_drain(&caller);
	tls_patient(caller.ssl);
	NEED(fcntl(caller.fd, F_SETFL, 0) == 0);
	CHECK_INT(SSL_connect(caller.ssl), 1);
	call_one(&caller);
	pthread_join(thread, NULL);
	caller_free(&caller);
}

/* The descriptor goes with the SSL, in each process. */
static void
test_fork(void)
{
	struct address at;
	struct caller caller;
	dtlsv1_listener *listener = listener_at(ctx, "127.0.0.1", NULL, &at);
	SSL *ssl;
	pid_t child;
	int fd, status;

	check_case("a child");
	caller_init(&caller, &at);
	ssl = listener_serve(listener, &caller);
	fd = lf.detach(ssl);
	NEED(fd >= 0);
	fflush(stdout);
	child = fork();
	NEED(child != -1);
	if (child == 0) {
		int before = check_failures();

		(void)serve_one(ssl);
		_exit(check_failures() != before);
	}
	SSL_free(ssl);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
	NEED(fcntl(caller.fd, F_SETFL, 0) == 0);
	call_one(&caller);
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	/* The port is the listener's alone again: the client may begin anew. */
	NEED(fcntl(caller.fd, F_SETFL, O_NONBLOCK) == 0);
	caller_anew(&caller);
	SSL_free(listener_serve(listener, &caller));
	lf.free(listener);
	caller_free(&caller);
}

int
main(void)
{
	check_begin("listener_leaves");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	test_thread();
	test_fork();
	SSL_CTX_free(ctx);
	return check_end();
}
