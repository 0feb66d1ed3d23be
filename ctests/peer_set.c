/*
 * dtlsv1_listen_set_peer(): what it takes and what it refuses.
 */
#define _GNU_SOURCE
#include "lib/check.h"
#include "lib/net.h"
#include "lib/one.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/un.h>

static void
test_arguments(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl = tls_server(ctx);
	struct sockaddr_in6 in6;
	struct sockaddr_storage any;
	struct sockaddr_un un;
	struct address a = one_peer4("192.0.2.1", 1);

	CHECK_INT(ours.set_peer(NULL, NULL, 0), 0);
	CHECK_QUEUED(ERR_R_PASSED_NULL_PARAMETER);
	CHECK_INT(ours.set_peer(ssl, NULL, 0), 1);
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&a.any, 15), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&a.any, 1), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	memset(&in6, 0, sizeof(in6));
	in6.sin6_family = AF_INET6;
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&in6, 27), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&in6, 28), 1);
	memset(&any, 0, sizeof(any));
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&any, sizeof(any)), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	any.ss_family = AF_INET;
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&any, sizeof(any)), 1);
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&any, sizeof(any) + 1), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&un, sizeof(un)), 0);
	CHECK_QUEUED(ERR_R_PASSED_INVALID_ARGUMENT);
	strcpy(un.sun_path, "/c");
	CHECK_INT(ours.set_peer(ssl, (struct sockaddr *)&un, 4), 1);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("peer_set");
	test_arguments();
	return check_end();
}
