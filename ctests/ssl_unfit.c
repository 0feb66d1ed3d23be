/*
 * SSLs that cannot listen: -1, at once, whether anything has come or not. The
 * datagram that woke the program goes all the same: a loop that is told of
 * what is readable would be told of it for ever.
 */
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static void
unfit(const char *what, SSL *ssl, int no_room)
{
	struct address at, from;
	int fd = net_bound(AF_INET, &at), client = net_bound(AF_INET, &from), i, ret;
	struct sockaddr_storage room;
	struct hello h;

	check_case(what);
	hello_make(&h, NULL, 0);
	SSL_set_bio(ssl, BIO_new_dgram(fd, BIO_NOCLOSE), NULL);
	if (strcmp(what, "no write BIO") != 0)
		SSL_set_bio(ssl, SSL_get_rbio(ssl), BIO_new_dgram(fd, BIO_NOCLOSE));
	(void)counters_changes();
	for (i = 0; i < 2; i++)
		net_send(client, h.byte, h.len, &at);
	for (i = 2; i >= 0; i--) {
		CHECK_INT(net_readable(fd, 0), i > 0);
		ret =
		    no_room ? ours.peer(ssl, (struct sockaddr *)&room, NULL) : listen_to(ssl, NULL);
		CHECK_INT(ret, -1);
		CHECK(ERR_peek_error() != 0);
		ERR_clear_error();
	}
	CHECK_STR(counters_changes(), "datagrams 2 bytes_in 182");
	SSL_free(ssl);
	net_close(fd, &at);
	net_close(client, &from);
	check_case(NULL);
}

int
main(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl = tls_server(ctx);

	check_begin("ssl_unfit");
	counters_init();
	unfit("no write BIO", tls_server(ctx), 0);
	unfit("no room for the length", tls_server(ctx), 1);
	SSL_set_accept_state(ssl);
	NEED(SSL_renegotiate(ssl) == 1); /* SSL_clear() fails */
	unfit("not to be cleared", ssl, 0);
	SSL_CTX_free(ctx);
	return check_end();
}
