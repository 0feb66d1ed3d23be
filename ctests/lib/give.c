#include "give.h"
#include "hello.h"
#include "tls.h"

#include <openssl/err.h>

struct wire give_wire;

SSL *
give_server(SSL_CTX *ctx)
{
	wire_init(&give_wire);
	wire_peer4(&give_wire, "192.0.2.1", 5684);
	return tls_server_wire(ctx, &give_wire);
}

int
give(SSL *ssl, const void *bytes, size_t len)
{
	int ret;

	queue_put(&give_wire.in, bytes, len);
	ret = listen_to(ssl, NULL);
	ERR_clear_error();
	return ret;
}

int
give_hello(SSL *ssl, const void *cookie, size_t len)
{
	struct hello h;

	hello_make(&h, cookie, len);
	return give(ssl, h.byte, h.len);
}
