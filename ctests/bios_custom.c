/*
 * BIOs that are no socket: a custom BIO over queues of datagrams, memory BIOs,
 * a BIO pair; one object to read and write, or two. Whole handshakes, data
 * both ways.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <string.h>

static struct wire wire;
static struct stepper client;

static void
handshake(SSL *ssl, struct port *port, struct app *app)
{
	BIO *rbio = SSL_get_rbio(ssl), *wbio = SSL_get_wbio(ssl);
	struct sockaddr_storage peer;

	app_init(app);
	app_install(app, SSL_get_SSL_CTX(ssl));
	app_expect(app, ssl);
	stepper_init(&client);

	CHECK_INT(listen_to(ssl, &peer), 0); /* nothing there */
	CHECK_INT(stepper_step(&client), 0);
	port_to_server(port, &client);
	CHECK_INT(listen_to(ssl, &peer), 0); /* challenged */
	CHECK_INT(SSL_get_error(ssl, 0), SSL_ERROR_SYSCALL);
	CHECK_QUEUED(0);
	CHECK_APP(app, 1, 0);
	port_to_client(port, &client);
	CHECK_INT(stepper_step(&client), 0);
	port_to_server(port, &client);
	CHECK_INT(listen_to(ssl, &peer), 1); /* cookie right */
	CHECK_QUEUED(0);
	CHECK_APP(app, 1, 1);
	CHECK(SSL_get_rbio(ssl) == rbio && SSL_get_wbio(ssl) == wbio);
	CHECK(SSL_is_server(ssl));

	port_finish(port, &client, ssl);
	CHECK_APP(app, 1, 2);
	CHECK(SSL_get_rbio(ssl) == rbio && SSL_get_wbio(ssl) == wbio);
	stepper_free(&client);
}

static void
test_custom(int two_bios)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct port port = { .wire = &wire };
	struct app app;
	BIO *rbio, *wbio;
	SSL *ssl;

	check_case(two_bios ? "custom, two BIOs" : "custom, one BIO");
	wire_init(&wire);
	rbio = wire_bio(&wire, NULL, 0);
	wbio = two_bios ? wire_bio(&wire, NULL, 0) : rbio;
	ssl = tls_server_on(ctx, rbio, wbio);
	handshake(ssl, &port, &app);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
test_memory(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct port port = { .rmem = BIO_new(BIO_s_mem()), .wmem = BIO_new(BIO_s_mem()) };
	struct app app;
	SSL *ssl = tls_server_on(ctx, port.rmem, port.wmem);

	check_case("memory");
	handshake(ssl, &port, &app);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

/* A memory BIO has no bounds of datagrams: two hellos there are one. */
static void
test_memory_runs_together(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	BIO *rbio = BIO_new(BIO_s_mem()), *wbio = BIO_new(BIO_s_mem());
	SSL *ssl = tls_server_on(ctx, rbio, wbio);
	unsigned char out[WIRE_MAX];
	struct sockaddr_storage peer;
	struct hello h;
	struct app app;
	struct hvr v;
	int n;

	check_case("two hellos in one read");
	app_init(&app);
	app_install(&app, ctx);
	hello_make(&h, NULL, 0);
	NEED(BIO_write(rbio, h.byte, (int)h.len) > 0);
	NEED(BIO_write(rbio, h.byte, (int)h.len) > 0);
	CHECK_INT(listen_to(ssl, &peer), 0);
	CHECK_QUEUED(0);
	CHECK_INT(BIO_pending(rbio), 0);
	n = BIO_read(wbio, out, sizeof(out));
	CHECK_INT(n, 28 + 20);
	hvr_parse(&v, out, n > 0 ? (size_t)n : 0);
	CHECK(v.bad == NULL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static void
test_pair(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	BIO *near = NULL, *far = NULL;
	struct port port = { 0 };
	struct app app;
	SSL *ssl;

	check_case("BIO pair");
	NEED(BIO_new_bio_pair(&near, 8192, &far, 8192) == 1);
	port.rmem = port.wmem = far;
	ssl = tls_server_on(ctx, near, near);
	handshake(ssl, &port, &app);
	SSL_free(ssl);
	BIO_free(far);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("bios_custom");
	test_custom(0);
	test_custom(1);
	test_memory();
	test_memory_runs_together();
	test_pair();
	return check_end();
}
