/*
 * The message callback of an SSL may set another, or none, and so may the
 * cookie callbacks: the next message goes to whom it would go under libssl.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>

typedef int (*listen_fn)(SSL *, void *);
typedef void (*message_fn)(int, int, int, const void *, size_t, SSL *, void *);

/* Who changes the callback, and to what. */
enum where { MESSAGE, GENERATE, VERIFY };
static struct {
	enum where where;
	unsigned int at; /* the how manieth message */
	message_fn to;
	int raise; /* leave an error in the queue as well */
} plan;

struct message {
	int who, write_p, version, content_type;
	int type; /* not the length: a signature's is not always the same */
	const void *arg;
};
static struct log {
	struct message of[64];
	unsigned int len;
	unsigned int listened; /* of them, before SSL_accept */
	unsigned long queued;  /* after listen */
} seen;

static void
change(SSL *ssl, enum where where)
{
	if (where == plan.where && (where != MESSAGE || seen.len == plan.at)) {
		SSL_set_msg_callback(ssl, plan.to);
		SSL_set_msg_callback_arg(ssl, &plan);
		if (plan.raise)
			ERR_put_error(ERR_LIB_USER, 0, 42, __FILE__, __LINE__);
	}
}

static void
note(
    int who, int write_p, int version, int content_type, const void *buf, SSL *ssl, const void *arg)
{
	struct message *m = &seen.of[seen.len % 64];

	memset(m, 0, sizeof *m);
	m->who = who;
	m->write_p = write_p;
	m->version = version;
	m->content_type = content_type;
	m->type = *(const unsigned char *)buf;
	m->arg = arg;
	seen.len++;
	change(ssl, MESSAGE);
}

static void
first(int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	(void)len;
	note(1, write_p, version, content_type, buf, ssl, arg);
}

static void
second(int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	(void)len;
	note(2, write_p, version, content_type, buf, ssl, arg);
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	change(ssl, GENERATE);
	memset(cookie, 'c', *len = 20);
	return 1;
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	change(ssl, VERIFY);
	return len == 20 && cookie[0] == 'c';
}

/* A hello without a cookie, one with, and what SSL_accept answers. */
static void
run(listen_fn listen, message_fn begin, struct log *log)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct wire wire;
	struct hello h;
	union {
		struct sockaddr_storage any;
		unsigned char byte[sizeof(struct sockaddr_storage)];
	} peer;
	SSL *ssl;

	memset(&seen, 0, sizeof seen);
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	SSL_set_msg_callback(ssl, begin);
	hello_make(&h, NULL, 0);
	queue_put(&wire.in, h.byte, h.len);
	hello_make(&h, "cccccccccccccccccccc", 20);
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen(ssl, &peer), 1);
	seen.listened = seen.len;
	seen.queued = ERR_peek_error();
	CHECK_INT(SSL_accept(ssl), -1); /* the client's turn */
	ERR_clear_error();
	*log = seen;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
same(const char *what, message_fn begin, enum where where, unsigned int at, message_fn to)
{
	void *own = libssl_own("DTLSv1_listen");
	struct log theirs, mine;
	listen_fn listen;

	check_case(what);
	NEED(own != NULL);
	memcpy(&listen, &own, sizeof own);
	plan.where = where;
	plan.at = at;
	plan.to = to;
	run(listen_to, begin, &mine);
	CHECK(mine.len > 0 && mine.len < 64);
	CHECK_INT(mine.queued != 0, plan.raise);
	/* 4.0 itself calls NULL when the callback goes away between the header
	 * and the message that it sends: there it is enough to live. */
	if (OpenSSL_version_num() >= 0x40000000L && where == MESSAGE && to == NULL)
		return;
	run(listen, begin, &theirs);
	/* From 3.2 on libssl's record layer asks once whether anybody listens:
	 * on entry to its function, where ours has it made in the handoff. A
	 * callback that came between sees more of SSL_accept with ours. */
	if (begin == NULL && OpenSSL_version_num() >= 0x30200000L) {
		CHECK(mine.len >= theirs.len);
		mine.len = mine.listened;
		theirs.len = theirs.listened;
	}
	CHECK(theirs.len < 64);
	CHECK_INT(mine.len, theirs.len);
	CHECK_INT(mine.queued, theirs.queued);
	CHECK_BYTES(mine.of, theirs.of, theirs.len * sizeof theirs.of[0]);
}

int
main(void)
{
	static const char *const nth[] = { "no message", "message 1", "message 2", "message 3",
		"message 4", "message 5", "message 6", "message 7", "message 8" };
	unsigned int at;

	check_begin("message");
	/* First: libssl is asked how it reports when the first is told. */
	plan.raise = 1;
	same("generate sets one, and leaves an error", NULL, GENERATE, 0, second);
	plan.raise = 0;
	same("nobody changes it", first, MESSAGE, 0, NULL);
	for (at = 1; at <= 8; at++) {
		same(nth[at], first, MESSAGE, at, second);
		same(nth[at], first, MESSAGE, at, NULL);
	}
	same("generate sets another", first, GENERATE, 0, second);
	same("generate sets none", first, GENERATE, 0, NULL);
	same("generate sets one", NULL, GENERATE, 0, second);
	same("verify sets another", first, VERIFY, 0, second);
	same("verify sets none", first, VERIFY, 0, NULL);
	same("verify sets one", NULL, VERIFY, 0, second);
	check_case(NULL);
	return check_end();
}
