#include "one.h"
#include "check.h"
#include "ours.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>

struct address
one_peer4(const char *ip, int port)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons((unsigned short)port);
	NEED(inet_pton(AF_INET, ip, &sin.sin_addr) == 1);
	return net_address(&sin, sizeof(sin));
}

const struct sockaddr *
one_at(const struct address *a)
{
	return (const struct sockaddr *)&a->any;
}

int
one(struct one *o, SSL_CTX *ctx, const struct address *peer, const void *bytes, size_t len)
{
	size_t i;

	memset(o->out, 0xa5, sizeof(o->out));
	o->len = sizeof(o->out);
	o->verdict = ours.datagram(ctx, bytes, len, one_at(peer), peer->len, o->out, &o->len);
	CHECK_QUEUED(0);
	CHECK(o->verdict >= DROP && o->verdict <= KEPT);
	if (o->verdict == DROP || o->verdict == KEPT)
		CHECK_INT(o->len, 0);
	for (i = o->len; i < sizeof(o->out) && o->out[i] == 0xa5; i++)
		;
	CHECK_INT(i, sizeof(o->out));
	return o->verdict;
}

void
one_right(struct hello *h, SSL_CTX *ctx, const struct address *peer)
{
	static struct one o;
	struct hvr v;

	hello_make(h, NULL, 0);
	CHECK_INT(one(&o, ctx, peer, h->byte, h->len), ANSWER);
	hvr_parse(&v, o.out, o.len);
	CHECK_STR(v.bad != NULL ? v.bad : "", "");
	hello_make(h, v.cookie, v.cookielen);
}
