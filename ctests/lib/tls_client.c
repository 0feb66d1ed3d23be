#include "tls.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* As many bytes of an extension that servers who do not ask for it pass over. */
static void
large_hello(SSL_CTX *ctx)
{
	unsigned char names[1300];
	size_t i;

	for (i = 0; i < sizeof(names); i += 100) {
		memset(names + i, 'x', 100);
		names[i] = 99;
	}
	NEED(SSL_CTX_set_alpn_protos(ctx, names, sizeof(names)) == 0);
}

static enum { SMALL, LARGE, FRAGMENTED } hello(void)
{
	const char *wanted = getenv("CTESTS_HELLO");

	if (wanted == NULL || strcmp(wanted, "small") == 0)
		return SMALL;
	NEED(strcmp(wanted, "large") == 0 || strcmp(wanted, "fragments") == 0);
	return strcmp(wanted, "large") == 0 ? LARGE : FRAGMENTED;
}

SSL_CTX *
tls_client_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());

	NEED(ctx != NULL);
#ifdef DTLS1_2_VERSION
	/* No key shares: they are 1.3's. */
	NEED(SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1);
#endif
	if (hello() != SMALL)
		large_hello(ctx);
	return ctx;
}

void
tls_client_mtu(SSL *ssl)
{
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	(void)DTLS_set_link_mtu(ssl, hello() == LARGE ? 4000 : 1400);
}
