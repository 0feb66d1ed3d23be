/*
 * The secret is kept across fork(2), though it be before the first call: a
 * challenge made in the parent is good in its children, one made in a child is
 * good in the parent and its brothers, on whichever SSL_CTX.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static SSL_CTX *ctx;
static struct wire wire;

static int
says(const struct hello *h, struct hvr *v)
{
	struct datagram *d;
	SSL *ssl;
	int ret;

	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	queue_put(&wire.in, h->byte, h->len);
	ret = listen_to(ssl, NULL);
	if ((d = queue_get(&wire.out)) != NULL)
		hvr_parse(v, d->byte, d->len);
	SSL_free(ssl);
	return ret;
}

static void
verified(const struct hvr *v)
{
	struct hello h;
	struct hvr ignored;

	hello_make(&h, v->cookie, v->cookielen);
	CHECK_INT(says(&h, &ignored), 1);
}

/* In a child; its failures come back as its exit status. */
static int
in_child(void (*body)(struct hvr *), struct hvr *v)
{
	struct hello h;
	struct hvr ignored;
	pid_t child = fork();
	int status;

	NEED(child >= 0);
	if (child == 0) {
		body(v);
		hello_make(&h, v->cookie, v->cookielen);
		_exit(says(&h, &ignored) == 1 ? 0 : 1);
	}
	NEED(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
only_verify(struct hvr *v)
{
	(void)v;
}

static void
challenge(struct hvr *v)
{
	struct hello h;

	hello_make(&h, NULL, 0);
	if (says(&h, v) != 0)
		_exit(2);
}

/* A worker that was forked before anything makes an SSL_CTX of its own. */
static void
verify_as_worker(struct hvr *v)
{
	(void)v;
	ctx = tls_server_ctx();
}

static void
challenge_as_worker(struct hvr *v)
{
	ctx = tls_server_ctx();
	challenge(v);
}

int
main(void)
{
	struct hvr *shared;
	struct hvr from_parent;

	check_begin("cookies_fork");
	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED);

	check_case("forked before the first call");
	CHECK(in_child(challenge_as_worker, shared));
	CHECK(in_child(verify_as_worker, shared));
	ctx = tls_server_ctx();
	verified(shared);

	check_case("made in the parent");
	challenge(&from_parent);
	CHECK_INT(from_parent.cookielen, 32);
	CHECK(in_child(only_verify, &from_parent));
	CHECK(in_child(only_verify, &from_parent));
	verified(&from_parent);

	check_case("made in a child");
	CHECK(in_child(challenge, shared));
	verified(shared);
	CHECK(in_child(only_verify, shared));
	SSL_CTX_free(ctx);
	return check_end();
}
