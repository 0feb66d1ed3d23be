/*
 * The stack that our other functions take, and libssl's with a BIO of ours in
 * between; and whole servers in threads that have little of it.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/depth.h"
#include "lib/far.h"
#include "lib/frag.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/ctests-stack-XXXXXX";

/* Other functions of ours, and of libssl's with a BIO of ours in between. */
enum function {
	SET_SECRET,
	SET_FILE,
	MAKE_COOKIE,
	CHECK_COOKIE,
	GET_STATS,
	SET_POLICY,
	RESEQUENCED,
	REASSEMBLED,
	FUNCTIONS
};
static const char *const function_name[] = { "set_secret", "set_secret_file", "cookie_generate",
	"cookie_verify", "get_stats", "set_cookie_policy", "BIO_write, other numbers",
	"the last of several fragments" };

struct measured {
	enum function function;
	int plain; /* through no BIO of ours */
};

static struct {
	enum function function;
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *bio;
	unsigned char bytes[16384 + 13];
	char file[64];
	int ret;
} use;

static void
use_it(void *arg)
{
	struct dtlsv1_listen_stats stats;
	unsigned int len = 32;

	(void)arg;
	switch (use.function) {
	case SET_SECRET: use.ret = ours.set_secret(use.ctx, use.bytes, 1024); break;
	case SET_FILE: use.ret = ours.set_secret_file(use.ctx, use.file); break;
	case MAKE_COOKIE: use.ret = ours.cookie_generate(use.ssl, use.bytes, &len); break;
	case CHECK_COOKIE: use.ret = !ours.cookie_verify(use.ssl, use.bytes, len); break;
	case GET_STATS: use.ret = get_stats(&stats, sizeof(stats)); break;
	case SET_POLICY: use.ret = ours.set_cookie_policy(use.ctx, BUILTIN); break;
	case RESEQUENCED:
		use.ret = BIO_write(use.bio, use.bytes, sizeof(use.bytes)) == sizeof(use.bytes);
		break;
	case REASSEMBLED: use.ret = listen_to(use.ssl, NULL); break;
	case FUNCTIONS: break;
	}
}

/* A hello of which the last fragment has just come. */
static void
all_fragments(void)
{
	static struct frag_server server;
	static struct frag_client client;
	unsigned int n, i;
	int strange;

	frag_server_init(&server, use.ctx, AF_INET);
	frag_client_init(&client, &server.own, 12000, FRAG_MTU);
	n = frag_second_hello(&client, &server);
	CHECK(n > 40);
	for (i = 0; i < n; i++) {
		if (i == n - 1)
			CHECK_INT(frag_listen(&server, NULL, &strange), 0);
		frag_send(&client, i);
	}
	use.ssl = server.ssl;
}

static size_t
measure_function(const void *arg)
{
	const struct measured *m = arg;
	enum function function = m->function;
	static struct wire wire;
	static struct far far;
	static const unsigned char record[] = { SSL3_RT_HANDSHAKE, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0,
		1, 0x40, 0 };
	size_t depth;
	FILE *f;

	use.function = function;
	use.ctx = tls_server_ctx();
	counters_init();
	if (function == RESEQUENCED) {
		CHECK_INT(ours.set_cookie_policy(use.ctx, BUILTIN), 1);
		far_init(&far, AF_INET);
		use.ssl = far_server(&far, use.ctx);
		far_accepted(&far, use.ssl, 7);
		use.bio = m->plain ? SSL_get_rbio(use.ssl) : SSL_get_wbio(use.ssl);
		memcpy(use.bytes, record, sizeof(record));
	} else if (function == REASSEMBLED) {
		all_fragments();
	} else {
		wire_init(&wire);
		use.ssl = tls_server_wire(use.ctx, &wire);
	}
	snprintf(use.file, sizeof(use.file), "%s/one", dir);
	umask(077);
	NEED((f = fopen(use.file, "w")) != NULL);
	fprintf(f, "%064d\n", 7);
	NEED(fclose(f) == 0);
	depth = depth_of(use_it, NULL);
	CHECK_INT(use.ret, 1);
	return depth;
}

static void
test_functions(void)
{
	struct measured m;
	size_t depth, plain;
	int i;

	for (i = 0; i < FUNCTIONS; i++) {
		check_case(function_name[i]);
		m = (struct measured){ (enum function)i, 0 };
		depth = depth_in_child(measure_function, &m);
		m.plain = 1;
		plain = i == RESEQUENCED ? depth_in_child(measure_function, &m) : 0;
		depth_is_little(function_name[i], depth, plain);
	}
}

/* A server's part of a handshake up to its first flight. */
static struct {
	struct wire wire;
	struct stepper client;
	struct port port;
	int (*listen)(SSL *, void *);
	SSL *ssl;
} small;

static void *
serve_one(void *arg)
{
	struct sockaddr_storage peer;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		if (small.listen(small.ssl, &peer) != i)
			return NULL;
		if (i == 0) {
			port_to_client(&small.port, &small.client);
			stepper_step(&small.client);
			port_to_server(&small.port, &small.client);
		}
	}
	(void)SSL_accept(small.ssl);
	return queue_len(&small.wire.out) > 0 ? &small : NULL;
}

/* Does a thread with so much stack come through? */
static int
in_small_thread(size_t size, int callbacks, int (*listen)(SSL *, void *))
{
	pthread_attr_t attr;
	pthread_t thread;
	void *result = NULL;
	int status;
	pid_t child;

	fflush(stdout);
	NEED((child = fork()) >= 0);
	if (child == 0) {
		static struct app app;
		SSL_CTX *ctx = tls_server_ctx();

		if (callbacks) {
			app_init(&app);
			app_install(&app, ctx);
		}
		wire_init(&small.wire);
		small.ssl = tls_server_wire(ctx, &small.wire);
		small.port.wire = &small.wire;
		small.listen = listen;
		stepper_init(&small.client);
		stepper_step(&small.client);
		port_to_server(&small.port, &small.client);
		NEED(pthread_attr_init(&attr) == 0);
		NEED(pthread_attr_setstacksize(&attr, size) == 0);
		NEED(pthread_create(&thread, &attr, serve_one, NULL) == 0);
		NEED(pthread_join(thread, &result) == 0);
		_exit(result == NULL);
	}
	NEED(waitpid(child, &status, 0) == child);
	return status == 0;
}

/* The least that libssl alone comes through with is enough, with whatever
 * cookies; the client's part runs in the same thread. */
static void
test_small_threads(void)
{
	int (*own)(SSL *, void *);
	size_t kib;

	*(void **)&own = libssl_own("DTLSv1_listen");
	if (own == NULL)
		own = listen_to;
	for (kib = 16; !in_small_thread(kib * 1024, 1, own); kib += 4)
		NEED(kib < 256);
	if (getenv("CTESTS_VERBOSE") != NULL)
		printf("libssl comes through with %zu KiB\n", kib);
	CHECK(in_small_thread(kib * 1024, 1, listen_to));
	CHECK(in_small_thread(kib * 1024, 0, listen_to));
}

int
main(void)
{
	check_begin("stack_functions");
	NEED(mkdtemp(dir) != NULL);
	test_functions();
	test_small_threads();
	return check_end();
}
