/*
 * A server as many are: one socket to listen on, and for each client a new one,
 * connected to it. With OpenSSL's own functions and nothing else, so that it is
 * the same program plain and with our library preloaded.
 *
 *	connecting_server CERTIFICATE.pem KEY.pem
 *
 * Serves one client on a free port of 127.0.0.1, echoes what it says, and ends.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT 120 /* seconds, whatever happens */

static unsigned char secret[32];

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	struct sockaddr_in peer;
	BIO_ADDR *addr = BIO_ADDR_new();
	size_t iplen = sizeof(peer.sin_addr);
	int known;

	if (addr == NULL)
		return 0;
	memset(&peer, 0, sizeof(peer));
	known = BIO_dgram_get_peer(SSL_get_rbio(ssl), addr) > 0 &&
	    BIO_ADDR_family(addr) == AF_INET && BIO_ADDR_rawaddress(addr, &peer.sin_addr, &iplen);
	peer.sin_port = BIO_ADDR_rawport(addr);
	BIO_ADDR_free(addr);
	return known &&
	    HMAC(EVP_sha1(), secret, sizeof(secret), (unsigned char *)&peer, sizeof(peer), cookie,
		len) != NULL;
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	unsigned char right[EVP_MAX_MD_SIZE];
	unsigned int rightlen;

	return generate(ssl, right, &rightlen) && len == rightlen &&
	    CRYPTO_memcmp(cookie, right, len) == 0;
}

static int
bound(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == -1)
		die("bind");
	return fd;
}

/* A socket of its own for the client; the listening one is free again. */
static void
connect_to(SSL *ssl, const struct sockaddr_in *own, BIO_ADDR *client)
{
	struct sockaddr_in peer;
	size_t len = sizeof(peer.sin_addr);
	int fd = bound(own);

	memset(&peer, 0, sizeof(peer));
	peer.sin_family = AF_INET;
	peer.sin_port = BIO_ADDR_rawport(client);
	if (!BIO_ADDR_rawaddress(client, &peer.sin_addr, &len) ||
	    connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == -1)
		die("connect");
	BIO_set_fd(SSL_get_rbio(ssl), fd, BIO_CLOSE);
	BIO_ctrl_set_connected(SSL_get_rbio(ssl), client);
}

static void
accept_and_echo(SSL *ssl)
{
	char buf[2048];
	int n, ret;

	/* A blocking read ends when something has to be sent again. */
	while ((ret = SSL_accept(ssl)) <= 0)
		if (SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
			die("SSL_accept");
	for (;;) {
		n = SSL_read(ssl, buf, sizeof(buf));
		if (n > 0)
			SSL_write(ssl, buf, n);
		else if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ)
			break;
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	socklen_t len = sizeof(own);
	BIO_ADDR *client = BIO_ADDR_new();
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	SSL *ssl;
	BIO *bio;
	int fd, ret;

	if (argc != 3) {
		fprintf(stderr, "usage: %s CERTIFICATE.pem KEY.pem\n", argv[0]);
		return 2;
	}
	alarm(LIMIT);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (client == NULL || ctx == NULL || RAND_bytes(secret, sizeof(secret)) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[2], SSL_FILETYPE_PEM) != 1)
		die("certificate and key");
	SSL_CTX_set_cookie_generate_cb(ctx, generate);
	SSL_CTX_set_cookie_verify_cb(ctx, verify);

	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = bound(&own);
	if (getsockname(fd, (struct sockaddr *)&own, &len) == -1)
		die("getsockname");
	bio = BIO_new_dgram(fd, BIO_NOCLOSE);
	ssl = SSL_new(ctx);
	if (bio == NULL || ssl == NULL)
		die("SSL_new");
	SSL_set_bio(ssl, bio, bio);
	printf("listening on 127.0.0.1:%d\n", ntohs(own.sin_port));

	while ((ret = DTLSv1_listen(ssl, client)) == 0)
		;
	if (ret < 0)
		die("DTLSv1_listen");
	connect_to(ssl, &own, client);
	accept_and_echo(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	BIO_ADDR_free(client);
	close(fd);
	return 0;
}
