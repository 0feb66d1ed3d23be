/*
 * What a listener cannot be made of, and what is none of its SSLs: refused, each
 * with a reason.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/listener.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

static SSL_CTX *ctx;

static dtlsv1_listener *
bound(SSL_CTX *of, const struct address *at, socklen_t len, const void *options)
{
	ERR_clear_error();
	return lf.bind(of, at == NULL ? NULL : (const struct sockaddr *)&at->any, len, options);
}

static void
check_refused(dtlsv1_listener *listener, int library, int reason, int line)
{
	unsigned long error = ERR_get_error();

	check_true(listener == NULL, "refused", __FILE__, line, __func__);
	check_int(ERR_GET_LIB(error), library, "library", __FILE__, line, __func__);
	check_int(ERR_GET_REASON(error), reason, "reason", __FILE__, line, __func__);
	ERR_clear_error();
}

/* The text of what is queued names what is wrong. */
static void
check_named(const char *what, int line)
{
	const char *text = NULL;
	int flags = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	(void)ERR_peek_error_line_data(NULL, NULL, &text, &flags);
#pragma GCC diagnostic pop
	check_true((flags & ERR_TXT_STRING) != 0 && strstr(text, what) != NULL, what, __FILE__,
	    line, __func__);
}

#define REFUSED(listener, library, reason) check_refused((listener), (library), (reason), __LINE__)

static void
test_refusals(void)
{
	struct address at = address_of("127.0.0.1", 0), own;
	struct {
		struct dtlsv1_listener_options known;
		char more[8];
	} newer = { { .size = sizeof(newer) }, "" };
	struct dtlsv1_listener_options small = { .size = 8 };
	SSL_CTX *other;
	int fd;

	check_case("refusals");
	(void)bound(ctx, &at, at.len, OPTIONS(.mtu = 100));
	check_named("mtu is below 228", __LINE__);
	(void)bound(ctx, &at, 3, NULL);
	check_named("no struct sockaddr_in", __LINE__);
	REFUSED(bound(NULL, &at, at.len, NULL), ERR_LIB_SSL, ERR_R_PASSED_NULL_PARAMETER);
	REFUSED(bound(ctx, NULL, at.len, NULL), ERR_LIB_SSL, ERR_R_PASSED_NULL_PARAMETER);
	REFUSED(bound(ctx, &at, 3, NULL), ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
	REFUSED(bound(ctx, &at, at.len, OPTIONS(.flags = 2)), ERR_LIB_SSL,
	    ERR_R_PASSED_INVALID_ARGUMENT);
	REFUSED(bound(ctx, &at, at.len, OPTIONS(.max_datagram = 16398)), ERR_LIB_SSL,
	    ERR_R_PASSED_INVALID_ARGUMENT);
	REFUSED(bound(ctx, &at, at.len, OPTIONS(.mtu = 100)), ERR_LIB_SSL,
	    ERR_R_PASSED_INVALID_ARGUMENT);
	REFUSED(bound(ctx, &at, at.len, &small), ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
	newer.more[7] = 1; /* what this library does not know */
	REFUSED(bound(ctx, &at, at.len, &newer), ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
	newer.more[7] = 0;
	lf.free(bound(ctx, &at, at.len, &newer));

	fd = net_bound(AF_INET, &own);
	REFUSED(bound(ctx, &own, own.len, NULL), ERR_LIB_SYS, EADDRINUSE);
	at = address_of("192.0.2.1", 0);
	REFUSED(bound(ctx, &at, at.len, NULL), ERR_LIB_SYS, EADDRNOTAVAIL);
	at = address_of("127.0.0.1", 0);
	REFUSED(lf.new(ctx, -1, NULL), ERR_LIB_SYS, EBADF);
	NEED(connect(fd, (struct sockaddr *)&own.any, own.len) == 0);
	REFUSED(lf.new(ctx, fd, NULL), ERR_LIB_SYS, EISCONN);
	close(fd);

	other = tls_client_ctx();
	REFUSED(bound(other, &at, at.len, NULL), ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
	SSL_CTX_free(other);
	other = tls_server_ctx_of(TLS_server_method());
	REFUSED(bound(other, &at, at.len, NULL), ERR_LIB_SSL, SSL_R_UNSUPPORTED_SSL_VERSION);
	SSL_CTX_free(other);
	other = tls_server_ctx();
	CHECK_INT(ours.set_cookie_policy(other, APP), 1);
	REFUSED(bound(other, &at, at.len, NULL), ERR_LIB_SSL, ERR_R_PASSED_INVALID_ARGUMENT);
	SSL_CTX_free(other);

	CHECK_INT(lf.fd(NULL), -1);
	CHECK_INT(lf.run(NULL, 0), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK(lf.next(NULL, NULL) == NULL);
	CHECK(lf.accept(NULL, 0) == NULL);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(lf.detach(NULL), -1);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	lf.free(NULL);
}

/* An SSL that is no listener's. */
static void
test_strangers(void)
{
	SSL *ssl = SSL_new(ctx);
	struct address told = { .len = sizeof(told.any) };

	check_case("an SSL that is no listener's");
	CHECK_INT(lf.peer(ssl, (struct sockaddr *)&told.any, &told.len), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(lf.detach(ssl), -1);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(told.len, sizeof(told.any));
	SSL_free(ssl);
}

int
main(void)
{
	check_begin("listener_refused");
	listener_init();
	ctx = tls_server_ctx();
	test_refusals();
	test_strangers();
	SSL_CTX_free(ctx);
	return check_end();
}
