/*
 * A libssl that speaks DTLS 1.3 (stub.c) and ours before it: an SSL that may speak 1.3 listens with 1.2 at most, and one that
 * may speak nothing else is refused before anything is read, each as libssl's own function has it. dtls13.test runs it.
 */
#define _GNU_SOURCE
#include "../lib/check.h"
#include "../lib/hello.h"
#include "../lib/ours.h"
#include "../lib/tls.h"
#include "../../include/dtlsv1_listen.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#undef DTLSv1_listen
#define DTLS1_3 0xfefc

static SSL_CTX *ctx;
static int (*own_listen)(SSL *, BIO_ADDR *);

/* Bounds, 0 for none; the reason why listening fails, 0 if it does not; the highest version after. */
static const struct row {
	int min, max, reason, after;
} rows[] = {
	{ 0, 0, 0, DTLS1_2_VERSION },
	{ 0, DTLS1_3, 0, DTLS1_2_VERSION },
	{ DTLS1_2_VERSION, 0, 0, DTLS1_2_VERSION },
	{ DTLS1_2_VERSION, DTLS1_3, 0, DTLS1_2_VERSION },
	{ 0, DTLS1_2_VERSION, 0, DTLS1_2_VERSION },
	{ 0, DTLS1_VERSION, 0, DTLS1_VERSION },
	{ DTLS1_VERSION, DTLS1_VERSION, 0, DTLS1_VERSION },
	{ DTLS1_3, 0, SSL_R_UNSUPPORTED_SSL_VERSION, 0 },
	{ DTLS1_3, DTLS1_3, SSL_R_UNSUPPORTED_SSL_VERSION, DTLS1_3 },
};

static SSL *
server(const struct row *row, struct wire *wire)
{
	SSL *ssl;
	BIO *b;

	wire_init(wire);
	wire_peer4(wire, "192.0.2.7", 4433);
	b = wire_bio(wire, NULL, 0);
	ssl = tls_server_on(ctx, b, b);
	CHECK_INT(SSL_set_min_proto_version(ssl, row->min), 1);
	CHECK_INT(SSL_set_max_proto_version(ssl, row->max), 1);
	queue_put(&wire->in, "garbage", 7);
	return ssl;
}

static void
listens(const struct row *row, const char *whose, int (*listen)(SSL *, BIO_ADDR *))
{
	struct wire wire;
	SSL *ssl = server(row, &wire);
	char what[80];

	(void)snprintf(what, sizeof(what), "%s, %#x to %#x", whose, row->min, row->max);
	check_case(what);
	CHECK_INT(listen(ssl, NULL), row->reason == 0 ? 0 : -1);
	CHECK_QUEUED(row->reason == 0 ? SSL_R_RECORD_TOO_SMALL : row->reason);
	CHECK_INT(queue_len(&wire.in), row->reason != 0);
	CHECK_INT(SSL_get_max_proto_version(ssl), row->after);
	CHECK_INT(SSL_get_min_proto_version(ssl), row->min);
	SSL_free(ssl);
}

static void
test_rows(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		listens(&rows[i], "ours", DTLSv1_listen);
		listens(&rows[i], "libssl's", own_listen);
	}
	check_case(NULL);
}

/* libssl without DTLS 1.3: nothing is bounded. */
static void
test_no_1_3(void)
{
	struct row all = { 0, 0, 0, 0 };

	listens(&all, "ours", DTLSv1_listen);
	listens(&all, "libssl's", own_listen);
	check_case(NULL);
}

/* A client whose cookie was right is not the first to hear of it. */
static void
test_right_cookie(void)
{
	struct port port;
	struct stepper client;
	struct wire wire;
	SSL *ssl = server(&rows[0], &wire);

	memset(&port, 0, sizeof(port));
	port.wire = &wire;
	(void)queue_get(&wire.in);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(DTLSv1_listen(ssl, NULL), 0);
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(DTLSv1_listen(ssl, NULL), 1);
	port_finish(&port, &client, ssl);
	CHECK_INT(SSL_version(ssl), DTLS1_2_VERSION);
	stepper_free(&client);
	SSL_free(ssl);
}

static int asked;

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	asked++;
	memset(cookie, 0x5a, 16);
	*len = 16;
	return 1;
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	asked++;
	return len == 16 && cookie[0] == 0x5a;
}

/* SSLs of libssl's own listener have no BIO to tell who the client is: its cookies are the application's, also where built-in
 * ones are wanted for all. */
static void
test_listener(void)
{
	void (*give_listener)(SSL *);
	void *at = dlsym(RTLD_DEFAULT, "stub_give_listener");
	int with;

	NEED(at != NULL);
	memcpy(&give_listener, &at, sizeof(at));
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);
	CHECK_INT(ours.set_cookie_policy(ctx, BUILTIN), 1);
	for (with = 0; with < 2; with++) {
		struct port port;
		struct stepper client;
		struct wire wire;
		SSL *ssl = server(&rows[4], &wire);

		check_case(with ? "with a listener" : "without");
		memset(&port, 0, sizeof(port));
		port.wire = &wire;
		(void)queue_get(&wire.in);
		give_listener(with ? ssl : NULL);
		asked = 0;
		SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
		SSL_set_accept_state(ssl);
		stepper_init(&client);
		stepper_step(&client);
		port_to_server(&port, &client);
		port_finish(&port, &client, ssl);
		CHECK_INT(asked, with ? 2 : 0);
		stepper_free(&client);
		SSL_free(ssl);
	}
	check_case(NULL);
	give_listener(NULL);
	CHECK_INT(ours.set_cookie_policy(ctx, AUTO), 1);
	SSL_CTX_set_cookie_generate_cb(ctx, NULL);
	SSL_CTX_set_cookie_verify_cb(ctx, NULL);
}

/* Without an SSL, the SSL_CTX's bounds count: no datagram is answered that could never be accepted. */
static void
test_without_ssl(void)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = 1 };
	unsigned char out[DTLSV1_LISTEN_OUT_MAX];
	size_t len = sizeof(out);
	struct hello h;
	SSL *ssl;
	struct wire wire;

	hello_make(&h, NULL, 0);
	CHECK_INT(dtlsv1_listen_datagram(
		      ctx, h.byte, h.len, (struct sockaddr *)&peer, sizeof(peer), out, &len),
	    DTLSV1_LISTEN_ANSWER);
	CHECK_INT(SSL_CTX_set_min_proto_version(ctx, DTLS1_3), 1);
	len = sizeof(out);
	CHECK_INT(dtlsv1_listen_datagram(
		      ctx, h.byte, h.len, (struct sockaddr *)&peer, sizeof(peer), out, &len),
	    -1);
	CHECK_QUEUED(SSL_R_UNSUPPORTED_SSL_VERSION);
	CHECK(dtlsv1_listener_bind(ctx, (struct sockaddr *)&peer, sizeof(peer), NULL) == NULL);
	CHECK_QUEUED(SSL_R_UNSUPPORTED_SSL_VERSION);
	ssl = server(&rows[7], &wire);
	CHECK_INT(
	    dtlsv1_listen_adopt(ssl, h.byte, h.len, (struct sockaddr *)&peer, sizeof(peer)), -1);
	CHECK_QUEUED(SSL_R_UNSUPPORTED_SSL_VERSION);
	SSL_free(ssl);
	CHECK_INT(SSL_CTX_set_min_proto_version(ctx, 0), 1);
}

int
main(int argc, char **argv)
{
	void *at = libssl_own("DTLSv1_listen");

	check_begin("dtls13");
	NEED(argc == 2);
	NEED(at != NULL);
	memcpy(&own_listen, &at, sizeof(at));
	ctx = tls_server_ctx();
	if (SSL_CTX_set_min_proto_version(ctx, DTLS1_3) == 1) {
		CHECK_INT(SSL_CTX_set_min_proto_version(ctx, 0), 1);
		test_rows();
		test_right_cookie();
		if (strcmp(argv[1], "stub") == 0)
			test_listener();
		test_without_ssl();
	} else {
		NEED(strcmp(argv[1], "1.2") == 0);
		test_no_1_3();
	}
	SSL_CTX_free(ctx);
	return check_end();
}
