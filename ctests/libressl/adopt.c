/*
 * dtlsv1_listen_datagram() and dtlsv1_listen_adopt() with LibreSSL: client and
 * server in one program, each on memory BIOs. Run with our library preloaded.
 *
 *	adopt CERTIFICATE KEY
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DROP, ANSWER, ADMIT }; /* DTLSV1_LISTEN_* */

static int (*judge)(SSL_CTX *, const unsigned char *, size_t, const struct sockaddr *, socklen_t,
    unsigned char *, size_t *);
static int (*adopt)(SSL *, const unsigned char *, size_t, const struct sockaddr *, socklen_t);
static SSL_CTX *server_ctx, *client_ctx;
static struct sockaddr_in peer;
static unsigned char out[16384 + 13];
static size_t len;
static int failures;

#define CHECK(what) \
	do { \
		if (!(what)) { \
			failures++; \
			printf("line %d: not so: %s\n", __LINE__, #what); \
			ERR_print_errors_fp(stdout); \
		} \
	} while (0)

static void *
look_up(const char *name)
{
	void *at = dlsym(RTLD_DEFAULT, name);

	if (at == NULL) {
		printf("no %s: our library is not preloaded\n", name);
		exit(1);
	}
	return at;
}

static SSL *
new_ssl(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(ssl, 1400);
	return ssl;
}

static void
carry(SSL *from, SSL *to)
{
	unsigned char bytes[8192];
	int n;

	while ((n = BIO_read(SSL_get_wbio(from), bytes, sizeof(bytes))) > 0)
		(void)BIO_write(SSL_get_rbio(to), bytes, n);
}

static int
judged(SSL *client)
{
	unsigned char bytes[8192];
	int n = BIO_read(SSL_get_wbio(client), bytes, sizeof(bytes));

	len = sizeof(out);
	return judge(server_ctx, bytes, n > 0 ? (size_t)n : 0, (struct sockaddr *)&peer,
	    sizeof(peer), out, &len);
}

/* A client whose hello is admitted, in `out`. */
static SSL *
admitted(void)
{
	SSL *client = new_ssl(client_ctx);

	SSL_set_connect_state(client);
	CHECK(SSL_do_handshake(client) < 0);
	CHECK(judged(client) == ANSWER);
	CHECK(BIO_write(SSL_get_rbio(client), out, (int)len) == (int)len);
	CHECK(SSL_do_handshake(client) < 0);
	CHECK(judged(client) == ADMIT);
	ERR_clear_error();
	return client;
}

static void
finish(SSL *server, SSL *client)
{
	char line[64];
	int i, done = 0;

	for (i = 0; i < 10 && !done; i++) {
		done = SSL_accept(server) == 1;
		carry(server, client);
		done = SSL_do_handshake(client) == 1 && done;
		carry(client, server);
	}
	CHECK(done);
	CHECK(SSL_write(client, "line", 4) == 4);
	carry(client, server);
	CHECK(SSL_read(server, line, sizeof(line)) == 4);
}

static int
adopted(SSL *server)
{
	return adopt(server, out, len, (struct sockaddr *)&peer, sizeof(peer));
}

int
main(int argc, char **argv)
{
	SSL *server, *client;
	void *at;

	if (argc < 3)
		return 2;
	at = look_up("dtlsv1_listen_datagram");
	memcpy(&judge, &at, sizeof(at));
	at = look_up("dtlsv1_listen_adopt");
	memcpy(&adopt, &at, sizeof(at));
	peer.sin_family = AF_INET;
	peer.sin_port = htons(4433);
	peer.sin_addr.s_addr = htonl(0xc0000201);
	server_ctx = SSL_CTX_new(DTLS_server_method());
	client_ctx = SSL_CTX_new(DTLS_client_method());
	SSL_CTX_set_read_ahead(client_ctx, 1); /* the server's is switched on */
	CHECK(SSL_CTX_use_certificate_file(server_ctx, argv[1], SSL_FILETYPE_PEM) == 1);
	CHECK(SSL_CTX_use_PrivateKey_file(server_ctx, argv[2], SSL_FILETYPE_PEM) == 1);

	client = admitted();
	server = new_ssl(server_ctx);
	CHECK(adopted(server) == 1);
	CHECK(ERR_peek_error() == 0);
	CHECK(SSL_get_read_ahead(server) == 1);
	finish(server, client);
	SSL_free(client);

	/* What was sent again for the first client, where all took longer than libssl's timer, is not for the second. */
	(void)BIO_reset(SSL_get_rbio(server));
	(void)BIO_reset(SSL_get_wbio(server));
	printf("another's hello, then one's own, on the same SSL\n");
	client = admitted();
	peer.sin_port = htons(4434);
	CHECK(adopted(server) == 0);
	CHECK(ERR_peek_error() == 0);
	peer.sin_port = htons(4433);
	CHECK(adopted(server) == 1);
	SSL_set_mtu(server, 1400);
	finish(server, client);
	SSL_free(client);
	SSL_free(server);

	printf("a hello that cannot be agreed on\n");
	CHECK(SSL_CTX_set_cipher_list(client_ctx, "ECDHE-ECDSA-AES128-GCM-SHA256") == 1);
	client = admitted();
	server = new_ssl(server_ctx);
	CHECK(adopted(server) == -1);
	CHECK(ERR_peek_error() != 0);
	ERR_clear_error();
	SSL_free(client);
	CHECK(SSL_CTX_set_cipher_list(client_ctx, "DEFAULT") == 1);
	client = admitted();
	(void)BIO_reset(SSL_get_wbio(server));
	CHECK(adopted(server) == 1);
	finish(server, client);
	SSL_free(client);
	SSL_free(server);

	SSL_CTX_free(server_ctx);
	SSL_CTX_free(client_ctx);
	printf("adopt: %d failed\n", failures);
	return failures != 0;
}
