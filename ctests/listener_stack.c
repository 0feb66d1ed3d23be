/*
 * The stack that a listener's functions take: a thread with 16 KiB of it
 * may run it. The handshakes are libssl's own.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/depth.h"
#include "lib/listener.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <unistd.h>

static SSL_CTX *ctx;

static struct {
	dtlsv1_listener *listener;
	struct address at;
	SSL *ssl;
	int ret;
} use;

static void
run(void *arg)
{
	(void)arg;
	use.ret = lf.run(use.listener, 0);
}

static void
next(void *arg)
{
	(void)arg;
	use.ssl = lf.next(use.listener, NULL);
}

static void
detach(void *arg)
{
	(void)arg;
	use.ret = lf.detach(use.ssl);
}

static void
make(void *arg)
{
	(void)arg;
	use.at = address_of("127.0.0.1", 0);
	use.listener = lf.bind(ctx, (struct sockaddr *)&use.at.any, use.at.len, NULL);
}

static void
free_it(void *arg)
{
	(void)arg;
	lf.free(use.listener);
}

static void
free_ssl(void *arg)
{
	(void)arg;
	SSL_free(use.ssl);
}

/* As much as it says, and no more than a thread with 16 KiB can spare. */
static void
is_little(const char *what, size_t depth, size_t most)
{
	check_case(what);
	if (depth > most)
		printf("%s: %zu bytes of stack\n", what, depth);
	CHECK(depth <= most);
}

int
main(void)
{
	enum { OURS = 8 * 1024, WITH_LIBSSL = 13 * 1024 };
	struct caller caller;
	int turns;

	check_begin("listener_stack");
	counters_init();
	listener_init();
	ctx = tls_server_ctx();
	is_little("dtlsv1_listener_bind", depth_of(make, NULL), WITH_LIBSSL); /* asks an SSL */
	NEED(use.listener != NULL);
	NEED(lf.address(use.listener, (struct sockaddr *)&use.at.any, &use.at.len) == 1);
	is_little("with nothing to do", depth_of(run, NULL), OURS);
	caller_init(&caller, &use.at);
	(void)caller_step(&caller);
	NEED(listener_wait(use.listener));
	is_little("a stranger's hello", depth_of(run, NULL), OURS);
	CHECK_INT(use.ret, 0);
	NEED(net_readable(caller.fd, 1000));
	(void)caller_step(&caller);
	NEED(listener_wait(use.listener));
	is_little("a new client", depth_of(run, NULL), WITH_LIBSSL);
	CHECK_INT(use.ret, 1);
	is_little("dtlsv1_listener_next", depth_of(next, NULL), OURS);
	NEED(use.ssl != NULL);
	tls_impatient(use.ssl);
	CHECK_INT(SSL_accept(use.ssl), -1);
	ERR_clear_error();
	(void)net_readable(caller.fd, 1000);
	caller_drain(&caller);
	for (turns = 0; turns < 30 && !net_readable(caller.fd, 0); turns++) {
		(void)net_readable(lf.fd(use.listener), 100);
		is_little("a flight that is repeated", depth_of(run, NULL), WITH_LIBSSL);
	}
	CHECK(turns < 30);
	(void)caller_step(&caller);
	NEED(listener_wait(use.listener));
	is_little("a client's datagram", depth_of(run, NULL), OURS);
	CHECK_INT(use.ret, 1);
	is_little("dtlsv1_listener_detach", depth_of(detach, NULL), OURS);
	CHECK(use.ret >= 0);
	is_little("dtlsv1_listener_free", depth_of(free_it, NULL), OURS);
	is_little("SSL_free", depth_of(free_ssl, NULL), WITH_LIBSSL);
	SSL_CTX_free(ctx);
	caller_free(&caller);
	return check_end();
}
