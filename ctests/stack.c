/*
 * The stack that a call takes: there are threads of 16 KiB. At most 8 KiB on
 * every path that is ours; where libssl does the work, at most 2 KiB more than
 * its own function takes for the same, or 8 KiB in all. Each in a process of
 * its own: what is done once happens in the call that is measured.
 */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/depth.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CALLBACKS = 1, /* the program's cookies */
	BEFORE = 2,    /* a call came before the one that is measured */
	COOKIE = 4,    /* the hello has the right cookie */
	WRONG = 8,     /* or a wrong one */
	GARBAGE = 16,
	MESSAGES = 32, /* a message callback is set */
	LATER = 64,    /* the keys are those of an earlier slot */
	FILED = 128,   /* the secret comes from a file */
	STATS = 256,   /* counters are written, and a line on stderr */
	FIRST = 512,   /* the hello is a first fragment */
};

static const struct path {
	const char *name;
	unsigned int flags;
	int ret;
	int libssls; /* libssl's own function does the same */
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
message(
    int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
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
measure(const void *arg)
{
	const struct path *path = arg;
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
	queue_put(&wire.in, path->flags & GARBAGE ? "garbage" : (const char *)h.byte,
	    path->flags & GARBAGE ? 7 : h.len);
	depth = depth_of(listen_once, &call);
	CHECK_INT(call.ret, path->ret);
	CHECK_INT(queue_len(&wire.out), !(path->flags & (COOKIE | GARBAGE)));
	SSL_free(call.ssl);
	SSL_CTX_free(ctx);
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
		call.listen = listen_to;
		depth = depth_in_child(measure, path);
		call.listen = own;
		libssls = path->libssls && own != NULL ? depth_in_child(measure, path) : 0;
		depth_is_little(path->name, depth, libssls);
	}
}

int
main(void)
{
	check_begin("stack");
	NEED(mkdtemp(dir) != NULL);
	test_paths();
	return check_end();
}
