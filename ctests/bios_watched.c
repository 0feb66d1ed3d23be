/*
 * A callback on a datagram BIO, such as BIO_debug_callback(), is told of the
 * same operations, in the same order, as under libssl's own DTLSv1_listen, and
 * can refuse them. From the first read on: before it, some releases ask the BIO
 * what buffers they will need for a handshake.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the old kind of callback is wanted */
#define _GNU_SOURCE
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>

enum { MAX_SEEN = 64, REFUSE_NOTHING = -1, REFUSE_WRITE = -2 };

typedef int listen_fn(SSL *, BIO_ADDR *);
typedef long old_fn(BIO *, int, const char *, int, long, long);

static listen_fn *libssl_listen;
static void (*set_old)(BIO *, old_fn *); /* gone from some releases */
static SSL_CTX *ctx;
static struct app app;

static struct seen {
	int count;
	struct {
		int on_write_bio, when, command;
	} op[MAX_SEEN];
} seen;
static BIO *write_bio;
static int refused; /* the command that the callback refuses */

static int
see(BIO *b, int when, int argi)
{
	int command = (when & ~BIO_CB_RETURN) == BIO_CB_CTRL ? argi : 0;

	if (seen.count == 0 && when != BIO_CB_READ)
		return 0;
	if (when != BIO_CB_FREE && seen.count < MAX_SEEN) {
		seen.op[seen.count].on_write_bio = b == write_bio;
		seen.op[seen.count].when = when;
		seen.op[seen.count++].command = command;
	}
	if (when == BIO_CB_WRITE && refused == REFUSE_WRITE) {
		errno = EINVAL; /* as a write to port 0 leaves it */
		return 1;
	}
	return when == BIO_CB_CTRL && command == refused;
}

static long
watch(BIO *b, int when, const char *p, size_t len, int argi, long argl, int ret, size_t *done)
{
	(void)p;
	(void)len;
	(void)argl;
	(void)done;
	return see(b, when, argi) ? 0 : ret;
}

static long
watch_old(BIO *b, int when, const char *p, int argi, long argl, long ret)
{
	(void)p;
	(void)argl;
	return see(b, when, argi) ? 0 : ret;
}

static BIO *
watched(int fd, int old)
{
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);

	NEED(b != NULL);
	if (old)
		set_old(b, watch_old);
	else
		BIO_set_callback_ex(b, watch);
	return b;
}

static int
saw_flush(const struct seen *s)
{
	int i, flushes = 0;

	for (i = 0; i < s->count; i++)
		flushes += s->op[i].when == BIO_CB_CTRL && s->op[i].command == BIO_CTRL_FLUSH;
	return flushes;
}

/* Two hellos without a cookie in one call. */
static int
two_hellos(listen_fn *listen, int two_bios, int old, struct seen *out)
{
	struct address own, other;
	int fd = net_nonblocking(net_bound(AF_INET, &own)), ret, i;
	int client = net_bound(AF_INET, &other);
	BIO *rbio = watched(fd, old);
	BIO_ADDR *peer = BIO_ADDR_new();
	struct hello h;
	SSL *ssl;

	NEED(peer != NULL);
	write_bio = two_bios ? watched(fd, old) : rbio;
	ssl = tls_server_on(ctx, rbio, write_bio);
	hello_make(&h, NULL, 0);
	for (i = 0; i < 2; i++)
		net_send(client, h.byte, h.len, &own);
	net_wait(fd);
	memset(&seen, 0, sizeof(seen));
	ret = listen(ssl, peer);
	*out = seen;
	CHECK_QUEUED(0);
	BIO_ADDR_free(peer);
	SSL_free(ssl);
	net_close(client, &other);
	net_close(fd, &own);
	return ret;
}

static void
test_same(int two_bios, int old, int refuse, int ret, int flushes)
{
	struct seen theirs, mine;

	refused = refuse;
	CHECK_INT(two_hellos(libssl_listen, two_bios, old, &theirs), ret);
	CHECK_INT(two_hellos(DTLSv1_listen, two_bios, old, &mine), ret);
	CHECK_INT(saw_flush(&theirs), flushes);
	CHECK_INT(saw_flush(&mine), flushes);
	CHECK_INT(mine.count, theirs.count);
	CHECK_BYTES(&mine, &theirs, sizeof(mine));
}

int
main(void)
{
	void *at;
	int two;

	check_begin("bios_watched");
	at = libssl_own("DTLSv1_listen");
	memcpy(&libssl_listen, &at, sizeof(at));
	at = dlsym(RTLD_DEFAULT, "BIO_set_callback");
	memcpy(&set_old, &at, sizeof(at));
	ctx = tls_server_ctx();
	app_init(&app);
	app_install(&app, ctx);
	for (two = 0; two < 2; two++) {
		check_case(two ? "two BIOs" : "one BIO");
		test_same(two, 0, REFUSE_NOTHING, 0, 2);
		if (set_old != NULL)
			test_same(two, 1, REFUSE_NOTHING, 0, 2);
		check_case(two ? "two BIOs, flush refused" : "flush refused");
		test_same(two, 0, BIO_CTRL_FLUSH, -1, 1);
		check_case(two ? "two BIOs, write refused" : "write refused");
		test_same(two, 0, REFUSE_WRITE, -1, 0);
	}
	SSL_CTX_free(ctx);
	return check_end();
}
