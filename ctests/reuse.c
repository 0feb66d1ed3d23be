/*
 * One SSL for one client after another: after a handshake that finished, one
 * that broke off, one that was accepted and never begun. Nothing of the last
 * client is left for the next (CVE-2015-0207 was state kept between calls).
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;
static struct port port = { .wire = &wire };
static struct stepper client;

static SSL *
server(void)
{
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	app_expect(&app, ssl);
	return ssl;
}

/* A new client, up to the 1 of listen. Each has a cookie of its own. */
static void
accepted(SSL *ssl, int cookie)
{
	int verified = app.verified;

	queue_clear(&wire.in);
	queue_clear(&wire.out);
	memset(app.cookie, cookie, sizeof(app.cookie));
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	port_to_client(&port, &client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	CHECK_INT(app.verified, verified + 1);
	/* The SSL_clear() in listen forgets it once a version was agreed. */
	(void)DTLS_set_link_mtu(ssl, 1400);
}

static void
test_after_finished(void)
{
	SSL *ssl = server();
	int i;

	for (i = 0; i < 3; i++) {
		accepted(ssl, 'a' + i);
		port_finish(&port, &client, ssl);
		stepper_free(&client);
		CHECK_INT(app.verified, 2 * (i + 1));
	}
	CHECK_APP(&app, 3, 6);
	SSL_free(ssl);
}

static void
test_after_accepted_only(void)
{
	SSL *ssl = server();

	accepted(ssl, 'a');
	stepper_free(&client);
	accepted(ssl, 'b');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	CHECK_APP(&app, 2, 3);
	SSL_free(ssl);
}

/* The server's flight is out when the client sends a fatal alert. */
static void
test_after_broken(void)
{
	static const unsigned char alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 2, 2,
		40 };
	SSL *ssl = server();
	int ret;

	accepted(ssl, 'a');
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
	CHECK(queue_len(&wire.out) > 0);
	queue_put(&wire.in, alert, sizeof(alert));
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_SSL);
	stepper_free(&client);

	accepted(ssl, 'b');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

/* The last client's verified cookie opens nothing on the next listen. */
static void
test_old_cookie(void)
{
	SSL *ssl = server();
	struct hello h;

	accepted(ssl, 'a');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	queue_clear(&wire.out);

	hello_make(&h, app.cookie, app.cookielen);
	memset(app.cookie, 'b', sizeof(app.cookie));
	queue_put(&wire.in, h.byte, h.len);
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.out), 1); /* challenged */
	SSL_free(ssl);
}

/* 0 of every kind in between changes nothing. */
static void
test_after_refusals(void)
{
	SSL *ssl = server();
	struct hello h;
	int i;

	for (i = 0; i < 50; i++) {
		queue_put(&wire.in, "bad", 3);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(SSL_R_RECORD_TOO_SMALL);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
		hello_make(&h, "wrong", 5);
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
	}
	CHECK_INT(app.verified, 50);
	accepted(ssl, 'z');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

/* A handshake that began without listening, and then listens. Nothing of it is
 * left, and under valgrind nothing is lost: to set the accept state of such an
 * SSL again loses libssl's record layer, from 3.2 on. */
static void
test_after_accept_alone(void)
{
	SSL *ssl = server();

	SSL_set_accept_state(ssl);
	stepper_init(&client);
	stepper_step(&client);
	port_to_server(&port, &client);
	CHECK_INT(SSL_accept(ssl), -1);
	CHECK(queue_len(&wire.out) > 0); /* the ServerHello */
	stepper_free(&client);
	accepted(ssl, 'a');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	SSL_free(ssl);
}

/* The application may come with other BIOs for the next client. */
static void
test_other_bio(void)
{
	SSL *ssl = server();
	BIO *b;

	accepted(ssl, 'a');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	b = wire_bio(&wire, NULL, 0);
	SSL_set_bio(ssl, b, b);
	app_expect(&app, ssl);
	accepted(ssl, 'b');
	port_finish(&port, &client, ssl);
	stepper_free(&client);
	CHECK_APP(&app, 2, 4);
	SSL_free(ssl);
}

/* The same on a real socket, which connects to nobody: the last client's
 * close_notify is a datagram that listen refuses. */
static void
test_socket(void)
{
	struct address own;
	struct client one;
	int fd = net_bound(AF_INET, &own), i, ret;
	BIO *b = BIO_new_dgram(fd, BIO_NOCLOSE);
	SSL *ssl = tls_server(ctx);

	app_init(&app);
	app.needs_peer = 1;
	app_install(&app, ctx);
	SSL_set_bio(ssl, b, b);
	app_expect(&app, ssl);
	for (i = 0; i < 3; i++) {
		client_start(&one, &own);
		while ((ret = listen_to(ssl, NULL)) == 0)
			CHECK_QUEUED(ERR_peek_error() == 0 ? 0 : SSL_R_UNEXPECTED_MESSAGE);
		CHECK_INT(ret, 1);
		serve(ssl);
		client_join(&one);
	}
	CHECK_INT(app.verified, 6);
	CHECK_INT(app.wrong_ssl + app.wrong_rbio, 0);
	SSL_free(ssl);
	net_close(fd, &own);
}

/* A client that shows its cookie and then speaks a version that nobody does,
 * and a program that has the SSL serve the next one by SSL_set_accept_state()
 * alone: the next one is answered. */
static void
test_after_accept_state_only(void)
{
	static const unsigned int versions[] = { 0x0100, 0xfeff, 0x0303, 0 };
	struct hello h;
	SSL *ssl;
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		ssl = server();
		hello_make(&h, app.cookie, app.cookielen);
		hello_put(&h, AT_CLIENT_VERSION, versions[i], 2);
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), 1);
		(void)SSL_accept(ssl);
		SSL_set_accept_state(ssl);
		ERR_clear_error();
		queue_clear(&wire.out);
		hello_make(&h, NULL, 0);
		queue_put(&wire.in, h.byte, h.len);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
		CHECK_INT(queue_len(&wire.out), 1);
		accepted(ssl, 'z');
		port_finish(&port, &client, ssl);
		stepper_free(&client);
		SSL_free(ssl);
	}
}

int
main(void)
{
	check_begin("reuse");
	ctx = tls_server_ctx();
	test_after_finished();
	test_after_accepted_only();
	test_after_broken();
	test_old_cookie();
	test_after_refusals();
	test_after_accept_alone();
	test_other_bio();
	test_socket();
	test_after_accept_state_only();
	SSL_CTX_free(ctx);
	return check_end();
}
