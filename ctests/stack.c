/*
 * The stack that a call takes: there are threads of 16 KiB. At most 8 KiB on
 * every path that is ours; where libssl does the work, at most 2 KiB more than
 * its own function takes for the same, or 8 KiB in all. Each in a process of
 * its own: what is done once happens in the call that is measured.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/depth.h"
#include "lib/far.h"
#include "lib/frag.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST	8192
#define MORE	2048

enum {
	CALLBACKS = 1,	/* the program's cookies */
	BEFORE = 2,	/* a call came before the one that is measured */
	COOKIE = 4,	/* the hello has the right cookie */
	WRONG = 8,	/* or a wrong one */
	GARBAGE = 16,
	MESSAGES = 32,	/* a message callback is set */
	LATER = 64,	/* the keys are those of an earlier slot */
	FILED = 128,	/* the secret comes from a file */
	STATS = 256,	/* counters are written, and a line on stderr */
	FIRST = 512,	/* the hello is a first fragment */
};

static const struct path {
	const char *name;
	unsigned int flags;
	int ret;
	int libssls;	/* libssl's own function does the same */
} paths[] = {
	{ "first call, challenge", 0, 0, 0 },
	{ "challenge", BEFORE, 0, 0 },
	{ "first call, callbacks", CALLBACKS, 0, 1 },
	{ "challenge, callbacks", CALLBACKS | BEFORE, 0, 1 },
	{ "wrong cookie", BEFORE | WRONG, 0, 0 },
	{ "wrong cookie, callbacks", CALLBACKS | BEFORE | WRONG, 0, 1 },
	{ "dropped", BEFORE | GARBAGE, 0, 0 },
	{ "first call, dropped", GARBAGE, 0, 0 },
	{ "new keys", BEFORE | LATER, 0, 0 },
	{ "first call, secret file", FILED, 0, 0 },
	{ "secret file", BEFORE | FILED | LATER, 0, 0 },
	{ "first call, counters in a file", STATS, 0, 0 },
	{ "counters in a file", BEFORE | STATS | LATER, 0, 0 },
	{ "first call, message callback", MESSAGES, 0, 0 },
	{ "message callback", BEFORE | MESSAGES, 0, 0 },
	{ "accepted", BEFORE | COOKIE, 1, 0 },
	{ "accepted, message callback", BEFORE | COOKIE | MESSAGES, 1, 0 },
	{ "accepted, callbacks", CALLBACKS | BEFORE | COOKIE, 1, 1 },
	{ "first fragment", BEFORE | COOKIE | FIRST, 1, 0 },
};

static char dir[] = "/tmp/ctests-stack-XXXXXX";

static void
message(int write_p, int version, int content_type, const void *buf, size_t len,
    SSL *ssl, void *arg)
{
	(void)write_p, (void)version, (void)content_type, (void)buf, (void)len;
	(void)ssl, (void)arg;
}

static struct call {
	int (*listen)(SSL *, void *);
	SSL *ssl;
	struct sockaddr_storage peer;
	int ret;
} call;

static void
listen_once(void *arg)
{
	struct call *c = arg;

	c->ret = c->listen(c->ssl, &c->peer);
}

/* In the new process. */
static size_t
measure(const struct path *path, int (*listen)(SSL *, void *))
{
	static struct app app;
	static struct wire wire;
	struct hello h;
	struct hvr hvr;
	struct datagram *d;
	char name[64], line[80];
	SSL_CTX *ctx = tls_server_ctx();
	size_t depth;
	FILE *f;
	int i;

	if (path->flags & CALLBACKS) {
		app_init(&app);
		app_install(&app, ctx);
	}
	if (path->flags & FILED) {
		snprintf(name, sizeof(name), "%s/secrets", dir);
		umask(077);
		NEED((f = fopen(name, "w")) != NULL);
		for (i = 0; i < 8; i++) {
			memset(line, 'a' + i % 6, 64);
			line[64] = '\0';
			fprintf(f, "# number %d\n%s\n", i, line);
		}
		NEED(fclose(f) == 0);
		NEED(setenv("DTLSV1_LISTEN_SECRET_FILE", name, 1) == 0);
	}
	if (path->flags & STATS) {
		snprintf(name, sizeof(name), "%s/stats", dir);
		NEED(setenv("DTLSV1_LISTEN_STATS", name, 1) == 0);
		NEED(setenv("DTLSV1_LISTEN_TRACE", "1", 1) == 0);
		NEED(freopen("/dev/null", "w", stderr) != NULL);
	}
	if (path->flags & MESSAGES)
		SSL_CTX_set_msg_callback(ctx, message);
	if (path->flags & LATER)
		CHECK_INT(ours.set_cookie_lifetime(ctx, 1), 1);
	wire_init(&wire);
	call.ssl = tls_server_wire(ctx, &wire);
	call.listen = listen;

	hello_make(&h, NULL, 0);
	if (path->flags & (BEFORE | COOKIE)) {
		queue_put(&wire.in, h.byte, h.len);
		listen_once(&call);
		CHECK_INT(call.ret, 0);
		NEED((d = queue_get(&wire.out)) != NULL);
		hvr_parse(&hvr, d->byte, d->len);
		NEED(hvr.bad == NULL);
	}
	if (path->flags & COOKIE)
		hello_make(&h, hvr.cookie, hvr.cookielen);
	if (path->flags & WRONG)
		hello_make(&h, "0123456789abcdef0123456789abcdef", 32);
	if (path->flags & FIRST)
		hello_put(&h, AT_MSG_LEN, 1000, 3);
	if (path->flags & LATER)
		sleep(2);
	queue_put(&wire.in, path->flags & GARBAGE ? "garbage" :
	    (const char *)h.byte, path->flags & GARBAGE ? 7 : h.len);
	depth = depth_of(listen_once, &call);
	CHECK_INT(call.ret, path->ret);
	CHECK_INT(queue_len(&wire.out), !(path->flags & (COOKIE | GARBAGE)));
	SSL_free(call.ssl);
	SSL_CTX_free(ctx);
	return depth;
}

/* Other functions of ours, and of libssl's with a BIO of ours in between. */
enum function { SET_SECRET, SET_FILE, MAKE_COOKIE, CHECK_COOKIE, GET_STATS, SET_POLICY,
	RESEQUENCED, REASSEMBLED, FUNCTIONS };
static const char *const function_name[] = { "set_secret", "set_secret_file",
	"cookie_generate", "cookie_verify", "get_stats", "set_cookie_policy",
	"BIO_write, other numbers", "the last of several fragments" };

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
	case SET_SECRET:
		use.ret = ours.set_secret(use.ctx, use.bytes, 1024);
		break;
	case SET_FILE:
		use.ret = ours.set_secret_file(use.ctx, use.file);
		break;
	case MAKE_COOKIE:
		use.ret = ours.cookie_generate(use.ssl, use.bytes, &len);
		break;
	case CHECK_COOKIE:
		use.ret = !ours.cookie_verify(use.ssl, use.bytes, len);
		break;
	case GET_STATS:
		use.ret = get_stats(&stats, sizeof(stats));
		break;
	case SET_POLICY:
		use.ret = ours.set_cookie_policy(use.ctx, BUILTIN);
		break;
	case RESEQUENCED:
		use.ret = BIO_write(use.bio, use.bytes, sizeof(use.bytes)) ==
		    sizeof(use.bytes);
		break;
	case REASSEMBLED:
		use.ret = listen_to(use.ssl, NULL);
		break;
	case FUNCTIONS:
		break;
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

/* `plain`: through no BIO of ours. */
static size_t
measure_function(enum function function, int plain)
{
	static struct wire wire;
	static struct far far;
	static const unsigned char record[] = { SSL3_RT_HANDSHAKE, 0xfe, 0xfd, 0, 0,
		0, 0, 0, 0, 0, 1, 0x40, 0 };
	FILE *f;

	use.function = function;
	use.ctx = tls_server_ctx();
	counters_init();
	if (function == RESEQUENCED) {
		CHECK_INT(ours.set_cookie_policy(use.ctx, BUILTIN), 1);
		far_init(&far, AF_INET);
		use.ssl = far_server(&far, use.ctx);
		far_accepted(&far, use.ssl, 7);
		use.bio = plain ? SSL_get_rbio(use.ssl) : SSL_get_wbio(use.ssl);
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
	return depth_of(use_it, NULL);
}

/* What it takes in a new process: a path, or a function where there is none. */
static size_t
in_new_process(const struct path *path, int (*listen)(SSL *, void *),
    enum function function, int plain)
{
	int ends[2], status;
	size_t depth = 0;
	pid_t child;

	NEED(pipe(ends) == 0);
	fflush(stdout);
	NEED((child = fork()) >= 0);
	if (child == 0) {
		int before = check_failures();

		depth = path != NULL ? measure(path, listen) :
		    measure_function(function, plain);
		CHECK(path != NULL || use.ret == 1);
		NEED(write(ends[1], &depth, sizeof(depth)) == sizeof(depth));
		fflush(stdout);
		_exit(check_failures() > before);
	}
	close(ends[1]);
	NEED(read(ends[0], &depth, sizeof(depth)) == sizeof(depth));
	close(ends[0]);
	NEED(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	return depth;
}

static void
test_paths(void)
{
	int (*own)(SSL *, void *);
	const struct path *path;
	size_t i, depth, libssls;

	*(void **)&own = libssl_own("DTLSv1_listen");
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		path = &paths[i];
		check_case(path->name);
		depth = in_new_process(path, listen_to, FUNCTIONS, 0);
		libssls = path->libssls && own != NULL ?
		    in_new_process(path, own, FUNCTIONS, 0) : 0;
		if (getenv("CTESTS_VERBOSE") != NULL)
			printf("%6zu %6zu %s\n", depth, libssls, path->name);
		CHECK(depth <= MOST || depth <= libssls + MORE);
	}
	check_case(NULL);
}

static void
test_functions(void)
{
	size_t depth, plain;
	int i;

	for (i = 0; i < FUNCTIONS; i++) {
		check_case(function_name[i]);
		depth = in_new_process(NULL, NULL, (enum function)i, 0);
		plain = i == RESEQUENCED ?
		    in_new_process(NULL, NULL, RESEQUENCED, 1) : 0;
		if (getenv("CTESTS_VERBOSE") != NULL)
			printf("%6zu %6zu %s\n", depth, plain, function_name[i]);
		CHECK(depth <= MOST || depth <= plain + MORE);
	}
	check_case(NULL);
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
	check_begin("stack");
	NEED(mkdtemp(dir) != NULL);
	test_paths();
	test_functions();
	test_small_threads();
	return check_end();
}
