/*
 * SSL_ctrl(ssl, 75, 0, peer), DTLS_CTRL_LISTEN: what DTLSv1_listen is in
 * LibreSSL and was before OpenSSL 1.1.0. It is ours on every release, and as
 * there a read that would block is -1: with nothing queued and the BIO's retry
 * flag set, which is how to tell it here, since SSL_get_error() looks at what
 * only libssl can set. Every other command is libssl's.
 */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/time.h>

#define LISTEN 75

static SSL_CTX *ctx;
static struct wire wire;
static struct app app;

static SSL *
server(void)
{
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	wire_init(&wire);
	wire_peer4(&wire, "192.0.2.7", 4433);
	ssl = tls_server_wire(ctx, &wire);
	app_expect(&app, ssl);
	return ssl;
}

static void
would_block(SSL *ssl, long ret)
{
	CHECK_INT(ret, -1);
	CHECK(BIO_should_read(SSL_get_rbio(ssl)));
	CHECK_QUEUED(0);
}

/* A stock client, from its first hello to data both ways. */
static void
test_handshake(void)
{
	struct port port = { .wire = &wire };
	struct sockaddr_storage peer;
	struct sockaddr_in *sin = (struct sockaddr_in *)&peer;
	struct stepper client;
	SSL *ssl = server();

	would_block(ssl, SSL_ctrl(ssl, LISTEN, 0, &peer));
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	would_block(ssl, SSL_ctrl(ssl, LISTEN, 0, &peer));
	CHECK_APP(&app, 1, 0);
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	memset(&peer, 0xa5, sizeof(peer));
	CHECK_INT(SSL_ctrl(ssl, LISTEN, 0, &peer), 1);
	CHECK_QUEUED(0);
	CHECK_APP(&app, 1, 1);
	CHECK_INT(sin->sin_family, AF_INET);
	CHECK_INT(ntohs(sin->sin_port), 4433);
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

static void
test_refusals(void)
{
	struct hello h;
	SSL *ssl = server();

	/* Nobody is told of what is dropped, and the next datagram is read. */
	check_case("garbage, a wrong cookie, garbage, and no peer wanted");
	queue_put(&wire.in, "garbage", 7);
	hello_make(&h, "wrong", 5);
	queue_put(&wire.in, h.byte, h.len);
	queue_put(&wire.in, "garbage", 7);
	would_block(ssl, SSL_ctrl(ssl, LISTEN, 0, NULL));
	CHECK_INT(queue_len(&wire.in), 0);
	CHECK_INT(queue_len(&wire.out), 1);
	CHECK_APP(&app, 1, 1);
	SSL_free(ssl);
	check_case("no BIO");
	ssl = tls_server(ctx);
	CHECK_INT(SSL_ctrl(ssl, LISTEN, 0, NULL), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	SSL_free(ssl);
	check_case("no SSL");
	CHECK_INT(SSL_ctrl(NULL, LISTEN, 0, NULL), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	check_case(NULL);
}

/* An SSL that is not for DTLS: the command is none of its libssl's, and it is not cleared either. */
static void
test_not_dtls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	BIO *b = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(tls);
	long (*own)(SSL *, int, long, void *);
	void *at = libssl_own("SSL_ctrl");

	NEED(ssl != NULL && b != NULL && at != NULL);
	memcpy(&own, &at, sizeof(own));
	SSL_set_bio(ssl, b, b);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
	CHECK_INT(SSL_ctrl(ssl, LISTEN, 0, NULL), own(ssl, LISTEN, 0, NULL));
	CHECK_INT(SSL_get_shutdown(ssl), SSL_SENT_SHUTDOWN);
	CHECK_QUEUED(0);
	SSL_free(ssl);
	SSL_CTX_free(tls);
}

/* A bound on one call: what is dropped counts, and nothing else tells. */
static void
test_budget(void)
{
	SSL *ssl = server();
	int (*set_budget)(SSL_CTX *, unsigned int);
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_set_budget");
	int i;

	NEED(at != NULL);
	memcpy(&set_budget, &at, sizeof(at));
	CHECK_INT(set_budget(ctx, 2), 1);
	for (i = 0; i < 3; i++)
		queue_put(&wire.in, "garbage", 7);
	CHECK_INT(SSL_ctrl(ssl, LISTEN, 0, NULL), -1);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.in), 1);
	would_block(ssl, SSL_ctrl(ssl, LISTEN, 0, NULL));
	CHECK_INT(set_budget(ctx, 0), 1);
	SSL_free(ssl);
}

/* The commands beside it, by our SSL_ctrl and by libssl's own. */
static void
test_others(void)
{
	static const int commands[] = { 17, 33, 73, 74, 76, 77, 120, 121, 9999 };
	long (*own)(SSL *, int, long, void *);
	void *at = libssl_own("SSL_ctrl");
	SSL *ssl = server();
	size_t i;

	NEED(at != NULL);
	memcpy(&own, &at, sizeof(own));
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct timeval theirs = { 0, 0 }, mine = { 0, 0 };
		long ret = own(ssl, commands[i], 0, &theirs);

		CHECK_INT(SSL_ctrl(ssl, commands[i], 0, &mine), ret);
		CHECK_BYTES(&mine, &theirs, sizeof(mine));
		ERR_clear_error();
	}
	CHECK_APP(&app, 0, 0);
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("command75");
	CHECK_STR(check_owner("SSL_ctrl"), check_owner("DTLSv1_listen"));
	ctx = tls_server_ctx();
	test_handshake();
	test_refusals();
	test_not_dtls();
	test_budget();
	test_others();
	SSL_CTX_free(ctx);
	return check_end();
}
