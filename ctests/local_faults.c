/*
 * Faults that are ours or the application's, not the peer's: what is missing,
 * reads and writes that would block, end or fail, callbacks that fail.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static SSL_CTX *ctx;
static struct app app;
static struct wire wire;

static SSL *
fresh(void)
{
	SSL *ssl;

	app_init(&app);
	app_install(&app, ctx);
	CHECK_INT(ours.set_cookie_policy(ctx, APP), 1);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	app_expect(&app, ssl);
	return ssl;
}

static void
give(const char *cookie)
{
	struct hello h;

	hello_make(&h, cookie, cookie != NULL ? strlen(cookie) : 0);
	queue_put(&wire.in, h.byte, h.len);
}

static void
test_bios_missing(void)
{
	struct sockaddr_storage peer;
	SSL *ssl = tls_server(ctx);

	check_case("none");
	CHECK_INT(listen_to(ssl, &peer), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	check_case("no write BIO");
	wire_init(&wire);
	SSL_set_bio(ssl, wire_bio(&wire, NULL, 0), NULL);
	CHECK_INT(listen_to(ssl, &peer), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	check_case("no read BIO");
	SSL_set_bio(ssl, NULL, wire_bio(&wire, NULL, 0));
	CHECK_INT(listen_to(ssl, &peer), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	CHECK_INT(wire.reads + wire.writes, 0);
	SSL_free(ssl);
}

static void
test_not_dtls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	struct sockaddr_storage peer;
	SSL *ssl;

	NEED(tls != NULL);
	wire_init(&wire);
	ssl = tls_server_wire(tls, &wire);
	give(NULL);
	CHECK_INT(listen_to(ssl, &peer), -1);
	CHECK_QUEUED(SSL_R_UNSUPPORTED_SSL_VERSION);
	CHECK_INT(wire.reads + wire.writes, 0);
	SSL_free(ssl);

	check_case("and no BIO: that comes first");
	ssl = tls_server(tls);
	CHECK_INT(listen_to(ssl, &peer), -1);
	CHECK_QUEUED(SSL_R_BIO_NOT_SET);
	SSL_free(ssl);
	SSL_CTX_free(tls);
}

static void
test_reads(void)
{
	static const struct {
		const char *what;
		enum wire_end end;
		int ret;
	} rows[] = {
		{ "would block", WIRE_BLOCK, 0 },
		{ "ends", WIRE_EOF, -1 },
		{ "fails", WIRE_ERROR, -1 },
	};
	struct sockaddr_storage peer;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL *ssl = fresh();

		check_case(rows[i].what);
		wire.end = rows[i].end;
		CHECK_INT(listen_to(ssl, &peer), rows[i].ret);
		CHECK_QUEUED(0);
		CHECK_INT(wire.reads, 1);
		CHECK_INT(wire.writes, 0);
		CHECK_INT(SSL_get_error(ssl, rows[i].ret), SSL_ERROR_SYSCALL);
		CHECK_INT(BIO_should_read(SSL_get_rbio(ssl)) != 0, rows[i].ret == 0);
		SSL_free(ssl);
	}
}

static void
test_writes(void)
{
	static const struct {
		const char *what;
		enum wire_write write;
		enum wire_flush flush;
		int ret, flushes;
	} rows[] = {
		{ "write would block", WIRE_WRITE_BLOCK, WIRE_FLUSH, 0, 0 },
		{ "write fails", WIRE_WRITE_FAIL, WIRE_FLUSH, -1, 0 },
		{ "write is short", WIRE_WRITE_SHORT, WIRE_FLUSH, -1, 0 },
		{ "flush would block", WIRE_TAKE, WIRE_FLUSH_BLOCK, 0, 1 },
		{ "flush fails", WIRE_TAKE, WIRE_FLUSH_FAIL, -1, 1 },
	};
	struct sockaddr_storage peer;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL *ssl = fresh();

		check_case(rows[i].what);
		wire.write = rows[i].write;
		wire.flush = rows[i].flush;
		give(NULL);
		CHECK_INT(listen_to(ssl, &peer), rows[i].ret);
		CHECK_QUEUED(0);
		CHECK_INT(wire.reads, 1);
		CHECK_INT(wire.writes, 1);
		CHECK_INT(wire.flushes, rows[i].flushes);
		/* The SSL does not tell which of the two would block: the BIO
		 * does, one BIO for both ways here. */
		CHECK_INT(SSL_get_error(ssl, rows[i].ret), SSL_ERROR_SYSCALL);
		CHECK_INT(BIO_should_write(SSL_get_wbio(ssl)) != 0, rows[i].ret == 0);
		CHECK_INT(BIO_should_read(SSL_get_rbio(ssl)) != 0, 0);

		/* The client asks again, and is answered on the same SSL. */
		queue_clear(&wire.out);
		wire.write = WIRE_TAKE;
		wire.flush = WIRE_FLUSH;
		give(NULL);
		CHECK_INT(listen_to(ssl, &peer), 0);
		CHECK_INT(queue_len(&wire.out), 1);
		SSL_free(ssl);
	}
}

/* Policy app: OpenSSL's errors, each exactly where OpenSSL has it. */
static void
test_callbacks(void)
{
	static const struct {
		const char *what, *cookie; /* in the hello */
		int no_generate, no_verify, generate_result;
		unsigned int cookielen;
		int ret, reason, generated, verified, answers;
	} rows[] = {
		{ "verify missing", "x", 0, 1, 1, 20, -1, SSL_R_NO_VERIFY_COOKIE_CALLBACK, 0, 0,
		    0 },
		{ "verify missing, not needed", NULL, 0, 1, 1, 20, 0, 0, 1, 0, 1 },
		{ "generate missing", NULL, 1, 0, 1, 20, -1, SSL_R_COOKIE_GEN_CALLBACK_FAILURE, 0,
		    0, 0 },
		{ "generate missing, cookie wrong", "x", 1, 0, 1, 20, -1,
		    SSL_R_COOKIE_GEN_CALLBACK_FAILURE, 0, 1, 0 },
		{ "generate missing, cookie right", "cccccccccccccccccccc", 1, 0, 1, 20, 1, 0, 0, 1,
		    0 },
		{ "generate fails", NULL, 0, 0, 0, 20, -1, SSL_R_COOKIE_GEN_CALLBACK_FAILURE, 1, 0,
		    0 },
		{ "generate gives 256 bytes", NULL, 0, 0, 1, 256, -1,
		    SSL_R_COOKIE_GEN_CALLBACK_FAILURE, 1, 0, 0 },
		{ "generate gives 255 bytes", NULL, 0, 0, 1, 255, 0, 0, 1, 0, 1 },
		{ "generate gives 1 byte", NULL, 0, 0, 1, 1, 0, 0, 1, 0, 1 },
		{ "generate gives none", NULL, 0, 0, 1, 0, 0, 0, 1, 0, 1 },
		{ "cookie wrong", "x", 0, 0, 1, 20, 0, 0, 1, 1, 1 },
	};
	struct sockaddr_storage peer;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL *ssl = fresh();
		struct datagram *d;

		check_case(rows[i].what);
		app.generate_result = rows[i].generate_result;
		app.cookielen = rows[i].cookielen;
		if (rows[i].no_generate)
			SSL_CTX_set_cookie_generate_cb(ctx, NULL);
		if (rows[i].no_verify)
			SSL_CTX_set_cookie_verify_cb(ctx, NULL);
		give(rows[i].cookie);
		CHECK_INT(listen_to(ssl, &peer), rows[i].ret);
		CHECK_QUEUED(rows[i].reason);
		CHECK_APP(&app, rows[i].generated, rows[i].verified);
		CHECK_INT(queue_len(&wire.out), rows[i].answers);
		if ((d = queue_get(&wire.out)) != NULL) {
			struct hvr v;

			hvr_parse(&v, d->byte, d->len);
			CHECK(v.bad == NULL);
			CHECK_INT(v.cookielen, rows[i].cookielen);
			CHECK_BYTES(v.cookie, app.cookie, v.cookielen);
		}
		SSL_free(ssl);
	}
}

/*
 * Whatever the fault is, the datagram that woke the program goes: a loop that
 * is told of what is readable would be told of it for ever.
 */
static void
test_no_secret(void)
{
	SSL_CTX *other = tls_server_ctx();
	SSL *ssl;
	int i;

	wire_init(&wire);
	ssl = tls_server_wire(other, &wire);
	CHECK_INT(ours.set_secret_file(other, "/nowhere/secret"), 0);
	ERR_clear_error();
	(void)counters_changes();
	for (i = 0; i < 3; i++)
		give(NULL);
	for (i = 3; i-- > 0;) {
		CHECK_INT(listen_to(ssl, NULL), -1);
		CHECK(ERR_peek_error() != 0);
		CHECK_INT(queue_len(&wire.in), i);
	}
	CHECK_STR(counters_changes(), "datagrams 3 bytes_in 273");
	check_case("nothing to read");
	CHECK_INT(listen_to(ssl, NULL), 0);
	CHECK_QUEUED(0);
	check_case("the end");
	wire.end = WIRE_EOF;
	CHECK_INT(listen_to(ssl, NULL), -1);
	CHECK_QUEUED(0);
	CHECK_INT(queue_len(&wire.out), 0);
	SSL_free(ssl);
	SSL_CTX_free(other);
	check_case(NULL);
}

int
main(void)
{
	check_begin("local_faults");
	counters_init();
	ctx = tls_server_ctx();
	test_bios_missing();
	test_not_dtls();
	test_reads();
	test_writes();
	test_callbacks();
	test_no_secret();
	SSL_CTX_free(ctx);
	return check_end();
}
