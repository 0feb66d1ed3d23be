/*
 * Whom a cookie of dtlsv1_listen_datagram()'s vouches for: the address, the port
 * and what else tells one peer from another, and nothing that does not.
 */
#include "lib/check.h"
#include "lib/one.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static SSL_CTX *ctx;
static struct address client;
static struct one got;

/* A cookie is good for the one that it was made for. */
static void
vouches(const char *what, const struct address *a, const struct address *b, int same)
{
	struct hello h;

	check_case(what);
	one_right(&h, ctx, a);
	CHECK_INT(one(&got, ctx, a, h.byte, h.len), ADMIT);
	CHECK_INT(one(&got, ctx, b, h.byte, h.len), same ? ADMIT : ANSWER);
	check_case(NULL);
}

static struct address
path(const char *name, size_t len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, name, len);
	return net_address(&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static struct address
vsock(unsigned char port, unsigned char cid)
{
	unsigned char vm[16] = { 0 };
	sa_family_t family = 40;

	memcpy(vm, &family, sizeof(family));
	vm[4] = port;
	vm[8] = cid;
	return net_address(vm, sizeof(vm));
}

static void
test_whom_it_vouches_for(void)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6,
		.sin6_port = htons(4433),
		.sin6_addr = { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1 } } } };
	struct address a, b;

	a = one_peer4("192.0.2.1", 4434);
	vouches("another port", &client, &a, 0);
	a = one_peer4("192.0.2.2", 4433);
	vouches("another address", &client, &a, 0);
	a = net_address(&mapped, sizeof(mapped));
	vouches("mapped", &client, &a, 1);
	a = client;
	a.len = sizeof(a.any);
	vouches("with more room", &client, &a, 1);
	a = path("/run/a", 7);
	b = path("/run/b", 7);
	vouches("paths", &a, &b, 0);
	b = a;
	b.len = sizeof(struct sockaddr_un);
	vouches("one path", &a, &b, 1);
	a = path("\0abc", 4);
	b = path("\0abd", 4);
	vouches("abstract names", &a, &b, 0);
	a = vsock(1, 2);
	b = vsock(1, 3);
	vouches("another family's", &a, &b, 0);
	b = vsock(2, 2);
	vouches("another family's", &a, &b, 0);
}

int
main(void)
{
	check_begin("datagram_peers");
	client = one_peer4("192.0.2.1", 4433);
	ctx = tls_server_ctx();
	test_whom_it_vouches_for();
	SSL_CTX_free(ctx);
	return check_end();
}
