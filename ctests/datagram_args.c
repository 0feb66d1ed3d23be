/*
 * What dtlsv1_listen_datagram() and dtlsv1_listen_adopt() refuse: -1, a reason,
 * and nothing written.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/un.h>

static SSL_CTX *ctx;
static struct address client;
static struct hello hello;
static struct one got;

static void
refused(int ret, size_t len, unsigned long reason)
{
	CHECK_INT(ret, -1);
	CHECK_INT(len, sizeof(got.out));
	CHECK_INT(ERR_GET_LIB(ERR_peek_error()), ERR_LIB_SSL);
	CHECK(ERR_GET_REASON(ERR_get_error()) == (int)reason);
	CHECK_QUEUED(0);
}

static void
ask(SSL_CTX *c, const void *bytes, const void *peer, socklen_t peerlen, unsigned long reason)
{
	size_t i, len = sizeof(got.out);
	int ret;

	memset(got.out, 0xa5, sizeof(got.out));
	ret = ours.datagram(c, bytes, hello.len, peer, peerlen, got.out, &len);
	refused(ret, len, reason);
	for (i = 0; i < sizeof(got.out) && got.out[i] == 0xa5; i++)
		;
	CHECK_INT(i, sizeof(got.out));
}

static void
test_null(void)
{
	unsigned long null = ERR_R_PASSED_NULL_PARAMETER;
	size_t len = sizeof(got.out);

	ask(NULL, hello.byte, &client.any, client.len, null);
	ask(ctx, NULL, &client.any, client.len, null);
	ask(ctx, hello.byte, NULL, client.len, null);
	refused(ours.datagram(ctx, hello.byte, hello.len, one_at(&client), client.len, NULL, &len),
	    len, null);
	refused(
	    ours.datagram(ctx, hello.byte, hello.len, one_at(&client), client.len, got.out, NULL),
	    len, null);
}

/* What recvfrom() returns when it has nothing is not the length of what is there. */
static void
test_nothing_received(void)
{
	unsigned long invalid = ERR_R_PASSED_INVALID_ARGUMENT;
	size_t none = (size_t)-1, len = sizeof(got.out);
	const struct sockaddr *at = one_at(&client);
	SSL *ssl = tls_server_on(ctx, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));

	refused(ours.datagram(ctx, hello.byte, none, at, client.len, got.out, &len), len, invalid);
	refused(ours.adopt(ssl, hello.byte, none, at, client.len), len, invalid);
	SSL_free(ssl);
}

static void
test_peer_length(void)
{
	static const struct {
		int family;
		socklen_t least;
	} rows[] = {
		{ AF_INET, sizeof(struct sockaddr_in) },
		{ AF_INET6, sizeof(struct sockaddr_in6) },
		{ AF_UNIX, 3 },
		{ 40, sizeof(struct sockaddr) }, /* AF_VSOCK */
	};
	struct {
		struct sockaddr_storage any;
		char more;
	} peer;
	struct address a;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(&peer, 'p', sizeof(peer));
		peer.any.ss_family = (sa_family_t)rows[i].family;
		ask(ctx, hello.byte, &peer, rows[i].least - 1, ERR_R_PASSED_INVALID_ARGUMENT);
		ask(ctx, hello.byte, &peer, sizeof(peer.any) + 1, ERR_R_PASSED_INVALID_ARGUMENT);
		ask(ctx, hello.byte, &peer, (socklen_t)-1, ERR_R_PASSED_INVALID_ARGUMENT);
		a = net_address(&peer.any, rows[i].least);
		CHECK_INT(one(&got, ctx, &a, hello.byte, hello.len), ANSWER);
		a = net_address(&peer.any, sizeof(peer.any));
		CHECK_INT(one(&got, ctx, &a, hello.byte, hello.len), ANSWER);
	}
	ask(ctx, hello.byte, &peer, 0, ERR_R_PASSED_INVALID_ARGUMENT);
	ask(ctx, hello.byte, &peer, 1, ERR_R_PASSED_INVALID_ARGUMENT);
	check_case("nobody");
	memset(&peer, 'p', sizeof(peer));
	peer.any.ss_family = AF_UNSPEC;
	ask(ctx, hello.byte, &peer, sizeof(peer.any), ERR_R_PASSED_INVALID_ARGUMENT);
	memset(&peer, 0, sizeof(peer));
	peer.any.ss_family = AF_UNIX;
	ask(ctx, hello.byte, &peer, sizeof(struct sockaddr_un), ERR_R_PASSED_INVALID_ARGUMENT);
	check_case(NULL);
}

static void
test_contexts(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX *dtls_client = SSL_CTX_new(DTLS_client_method());
	SSL_CTX *any = SSL_CTX_new(DTLS_method()), *app_ctx = tls_server_ctx();
	struct app app;
	struct hello h;

	NEED(tls != NULL && dtls_client != NULL && any != NULL);
	check_case("no DTLS server's");
	ask(tls, hello.byte, &client.any, client.len, SSL_R_UNSUPPORTED_SSL_VERSION);
	ask(dtls_client, hello.byte, &client.any, client.len, ERR_R_PASSED_INVALID_ARGUMENT);
	check_case("server and client");
	CHECK_INT(one(&got, any, &client, hello.byte, hello.len), ANSWER);

	check_case("the application's callbacks are not called");
	app_init(&app);
	app_install(&app, app_ctx);
	one_right(&h, app_ctx, &client);
	CHECK_INT(one(&got, app_ctx, &client, h.byte, h.len), ADMIT);
	CHECK_APP(&app, 0, 0);

	check_case("the application's cookies alone");
	NEED(ours.set_cookie_policy(app_ctx, APP) == 1);
	ask(app_ctx, hello.byte, &client.any, client.len, ERR_R_PASSED_INVALID_ARGUMENT);
	NEED(ours.set_cookie_policy(app_ctx, BUILTIN) == 1);
	CHECK_INT(one(&got, app_ctx, &client, h.byte, h.len), ADMIT);
	NEED(ours.set_cookie_policy(app_ctx, APP) == 1);
	ask(app_ctx, h.byte, &client.any, client.len, ERR_R_PASSED_INVALID_ARGUMENT);
	check_case(NULL);
	SSL_CTX_free(tls);
	SSL_CTX_free(dtls_client);
	SSL_CTX_free(any);
	SSL_CTX_free(app_ctx);
}

/* A method of one version: clients of an older one are dropped, and the answer
 * has its version. As DTLSv1_listen(), so that of a SSL_CTX whose method is
 * changed. */
static void
test_fixed_version(void)
{
	SSL_CTX *fixed;
	struct hello old = hello;
	struct hvr v;

	if (tls_dtls12_method() == NULL)
		return;
	fixed = tls_server_ctx_of(tls_dtls12_method());
	CHECK_INT(one(&got, fixed, &client, hello.byte, hello.len), ANSWER);
	hvr_parse(&v, got.out, got.len);
	CHECK_INT(v.record_version, 0xfefd);
	hello_put(&old, AT_CLIENT_VERSION, 0xfeff, 2);
	CHECK_INT(one(&got, fixed, &client, old.byte, old.len), DROP);
	CHECK_INT(one(&got, ctx, &client, old.byte, old.len), ANSWER);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	NEED(SSL_CTX_set_ssl_version(fixed, DTLS_server_method()) == 1);
#pragma GCC diagnostic pop
	CHECK_INT(one(&got, fixed, &client, old.byte, old.len), ANSWER);
	SSL_CTX_free(fixed);
}

static void
test_adopt(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX *app_ctx = tls_server_ctx();
	SSL *ssl, *other;
	struct hello h;
	size_t len = sizeof(got.out);

	one_right(&h, ctx, &client);
	ssl = tls_server_on(ctx, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	refused(ours.adopt(NULL, h.byte, h.len, one_at(&client), client.len), len,
	    ERR_R_PASSED_NULL_PARAMETER);
	refused(ours.adopt(ssl, NULL, h.len, one_at(&client), client.len), len,
	    ERR_R_PASSED_NULL_PARAMETER);
	refused(ours.adopt(ssl, h.byte, h.len, NULL, client.len), len, ERR_R_PASSED_NULL_PARAMETER);
	refused(ours.adopt(ssl, h.byte, h.len, one_at(&client), client.len - 1), len,
	    ERR_R_PASSED_INVALID_ARGUMENT);

	check_case("no BIOs");
	other = tls_server(ctx);
	refused(
	    ours.adopt(other, h.byte, h.len, one_at(&client), client.len), len, SSL_R_BIO_NOT_SET);
	SSL_set0_rbio(other, BIO_new(BIO_s_mem()));
	refused(
	    ours.adopt(other, h.byte, h.len, one_at(&client), client.len), len, SSL_R_BIO_NOT_SET);
	SSL_free(other);

	check_case("no DTLS");
	other = tls_server(tls);
	SSL_set_bio(other, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	refused(ours.adopt(other, h.byte, h.len, one_at(&client), client.len), len,
	    SSL_R_UNSUPPORTED_SSL_VERSION);
	SSL_free(other);

	check_case("a client");
	SSL_set_connect_state(ssl);
	refused(ours.adopt(ssl, h.byte, h.len, one_at(&client), client.len), len,
	    ERR_R_PASSED_INVALID_ARGUMENT);
	SSL_free(ssl);

	check_case("the application's cookies alone");
	NEED(ours.set_cookie_policy(app_ctx, APP) == 1);
	ssl = tls_server_on(app_ctx, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	refused(ours.adopt(ssl, h.byte, h.len, one_at(&client), client.len), len,
	    ERR_R_PASSED_INVALID_ARGUMENT);
	SSL_free(ssl);
	check_case(NULL);
	SSL_CTX_free(app_ctx);
	SSL_CTX_free(tls);
}

int
main(void)
{
	check_begin("datagram_args");
	client = one_peer4("192.0.2.1", 4433);
	hello_make(&hello, NULL, 0);
	ctx = tls_server_ctx();
	test_null();
	test_nothing_received();
	test_peer_length();
	test_contexts();
	test_fixed_version();
	test_adopt();
	SSL_CTX_free(ctx);
	return check_end();
}
