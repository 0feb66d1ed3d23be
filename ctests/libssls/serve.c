/*
 * A DTLS server and its client on loopback, of the libssl that this file is
 * compiled for: part of a program, or a plugin of its own. What it calls it
 * calls by the plain names, as any program does.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#ifdef LIBRESSL_VERSION_NUMBER
#define PEER(storage) (storage) /* the macro takes any pointer */
#else
#define PEER(storage) ((BIO_ADDR *)(void *)(storage))
#endif

#ifdef LOOKED_UP /* as Qt does, and ctypes */
#include <dlfcn.h>

static void *
look_up(const char *name)
{
	void *(*known)(const SSL_CTX *, int) = SSL_CTX_get_ex_data;
	void *at;
	Dl_info info;
	void *libssl;

	memcpy(&at, &known, sizeof(at));
	if (dladdr(at, &info) == 0 ||
	    (libssl = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD)) == NULL)
		abort();
	at = dlsym(libssl, name);
	dlclose(libssl);
	return at;
}

#define FOUND(type, name) (*(type)(uintptr_t)look_up(name))
#define SSL_new           FOUND(SSL *(*)(SSL_CTX *), "SSL_new")
#define SSL_ctrl          FOUND(long (*)(SSL *, int, long, void *), "SSL_ctrl")
#define SSL_CTX_set_cookie_generate_cb \
	FOUND(void (*)(SSL_CTX *, int (*)(SSL *, unsigned char *, unsigned int *)), \
	    "SSL_CTX_set_cookie_generate_cb")
#define SSL_CTX_set_cookie_verify_cb \
	FOUND(void (*)(SSL_CTX *, int (*)(SSL *, const unsigned char *, unsigned int)), \
	    "SSL_CTX_set_cookie_verify_cb")
#undef DTLSv1_listen
#define DTLSv1_listen FOUND(int (*)(SSL *, BIO_ADDR *), "DTLSv1_listen")
#endif

/* Each copy of this file has its own: whose callback runs is seen. */
static const unsigned char mine[16] = "0123456789abcde";
static int asked;

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	asked++;
	memcpy(cookie, mine, sizeof(mine));
	*len = sizeof(mine);
	return 1;
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	asked++;
	return len == sizeof(mine) && memcmp(cookie, mine, len) == 0;
}

static int
udp(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (void *)at, sizeof(*at)) == -1 || getsockname(fd, (void *)at, &len) == -1)
		return -1;
	return fd;
}

static SSL *
on_socket(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);

	if (ssl != NULL && bio != NULL)
		SSL_set_bio(ssl, bio, bio);
	return ssl;
}

/* 1: done; 0: not yet; -1: never. */
static int
step(SSL *ssl, int result)
{
	int error;

	if (result == 1)
		return 1;
	error = SSL_get_error(ssl, result);
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/*
 * A datagram that is no hello is dropped, and the reason is in the queue of this
 * file's own libcrypto: whichever other one does the work is found out.
 */
static const char *
drop(SSL *server, int client_fd)
{
	struct sockaddr_storage peer;
	struct pollfd fd = { SSL_get_fd(server), POLLIN, 0 };
	int result, reason;

	if (send(client_fd, "no hello", 8, 0) != 8 || poll(&fd, 1, 2000) != 1)
		return "a datagram does not arrive";
	result = DTLSv1_listen(server, PEER(&peer));
	reason = ERR_GET_REASON(ERR_peek_error());
	/* Its own loop goes on in LibreSSL's until a read would block. */
	if (result != 0 && SSL_get_error(server, result) != SSL_ERROR_WANT_READ)
		return "a bad datagram is fatal";
#ifndef LIBRESSL_VERSION_NUMBER
	if (reason != SSL_R_RECORD_TOO_SMALL)
		return "the reason is not in this libcrypto's queue";
#endif
	(void)reason;
	ERR_clear_error();
	return NULL;
}

static const char *
talk(SSL *server, SSL *client, int server_fd, int client_fd)
{
	struct pollfd fds[2] = { { server_fd, POLLIN, 0 }, { client_fd, POLLIN, 0 } };
	struct sockaddr_storage peer;
	int turns, heard = 0, listened, ready = 0, connected = 0;
	char line[16];

	for (turns = 0; turns < 400 && !(ready && connected); turns++) {
		if (!connected && (connected = step(client, SSL_connect(client))) < 0)
			return "SSL_connect failed";
		if (!heard) {
			listened = DTLSv1_listen(server, PEER(&peer));
			/* LibreSSL's is -1 where a read would block. */
			if (listened < 0 && SSL_get_error(server, -1) != SSL_ERROR_WANT_READ)
				return "DTLSv1_listen failed";
			if (listened == 1) {
				heard = 1;
				if (peer.ss_family != AF_INET)
					return "the peer is not told";
				if (connect(server_fd, (void *)&peer, sizeof(struct sockaddr_in)) ==
				    -1)
					return "connect";
				BIO_ctrl(
				    SSL_get_rbio(server), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
			}
		}
		if (heard && !ready && (ready = step(server, SSL_accept(server))) < 0)
			return "SSL_accept failed";
		if (!(ready && connected) && poll(fds, 2, 50) == 0) {
			DTLSv1_handle_timeout(client);
			if (heard)
				DTLSv1_handle_timeout(server);
		}
	}
	if (!(ready && connected))
		return heard ? "the handshake does not end" : "nobody is accepted";
	if (SSL_write(client, "hello", 5) != 5)
		return "SSL_write";
	if (poll(fds, 1, 2000) != 1 || SSL_read(server, line, sizeof(line)) != 5 ||
	    memcmp(line, "hello", 5) != 0)
		return "SSL_read";
	return NULL;
}

const char *
serve_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

const char *
serve(const char *certificate, const char *key, int with_callbacks)
{
	SSL_CTX *sctx, *cctx;
	SSL *server, *client;
	struct sockaddr_in at, from;
	int fds[2], known;
	const char *why;
	char *app_data = strdup("the program's own");

	OPENSSL_init_ssl(0, NULL);
	sctx = SSL_CTX_new(DTLS_server_method());
	cctx = SSL_CTX_new(DTLS_client_method());
#ifdef DTLS1_2_VERSION
	/* A small hello: no key shares, which are 1.3's. */
	(void)SSL_CTX_set_max_proto_version(cctx, DTLS1_2_VERSION);
#endif
	if (sctx == NULL || cctx == NULL || app_data == NULL)
		return "SSL_CTX_new";
	SSL_CTX_set_verify(cctx, SSL_VERIFY_NONE, NULL);
	if (SSL_CTX_use_certificate_file(sctx, certificate, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(sctx, key, SSL_FILETYPE_PEM) != 1)
		return "no certificate";
#ifdef LIBRESSL_VERSION_NUMBER
	/* Without it an early one reads a record's header, and loses the datagram. */
	SSL_CTX_set_read_ahead(sctx, 1);
	SSL_CTX_set_read_ahead(cctx, 1);
#endif
	asked = 0;
	if (with_callbacks) {
		SSL_CTX_set_cookie_generate_cb(sctx, generate);
		SSL_CTX_set_cookie_verify_cb(sctx, verify);
	}
	if ((fds[0] = udp(&at)) == -1 || (fds[1] = udp(&from)) == -1)
		return "no socket";
	if ((server = on_socket(sctx, fds[0])) == NULL ||
	    (client = on_socket(cctx, fds[1])) == NULL)
		return "SSL_new";
	SSL_set_options(server, SSL_OP_COOKIE_EXCHANGE);
	SSL_set_app_data(server, app_data);
	if (connect(fds[1], (void *)&at, sizeof(at)) == -1)
		return "connect";
	BIO_ctrl(SSL_get_rbio(client), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &at);
	why = drop(server, fds[1]);
	if (why == NULL)
		why = talk(server, client, fds[0], fds[1]);
	known = SSL_get_app_data(server) == app_data && strcmp(app_data, "the program's own") == 0;
	if (why == NULL && !known)
		why = "the program's data on its SSL is not what it was";
	if (why == NULL && with_callbacks && asked < 2)
		why = "the callbacks were not called";
	if (why != NULL)
		ERR_print_errors_fp(stderr);
	ERR_clear_error();
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(sctx);
	SSL_CTX_free(cctx);
	free(app_data);
	close(fds[0]);
	close(fds[1]);
	return why;
}

/* An ordinary TLS client over memory BIOs, as a database driver is: no DTLS. */
const char *
serve_tls(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	const char *why = NULL;
	int result;

	if (ssl == NULL)
		return "SSL_new failed";
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_set_tlsext_host_name(ssl, "example.org");
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	result = SSL_connect(ssl);
	if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ)
		why = "the handshake does not begin";
	else if (BIO_ctrl_pending(SSL_get_wbio(ssl)) < 100)
		why = "no ClientHello";
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return why;
}
