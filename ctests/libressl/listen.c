/*
 * The world where DTLSv1_listen is a macro: SSL_ctrl(ssl, 75, 0, peer).
 *
 * usage: listen CERT KEY plain|ours
 *
 * Says on stdout what an application sees; run.sh compares that between
 * LibreSSL alone and LibreSSL with our library in front. What differs on
 * purpose is asserted here, by the last argument, and not printed.
 */
#define _GNU_SOURCE
#include "sides.h"

#include <dlfcn.h>
#ifdef WITH_HEADER
#include <dtlsv1_listen.h>
#endif
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One call of the server's, when something is there to read. */
static int
listen_once(struct sockaddr_in *peer)
{
	struct pollfd p = { .fd = server.fd, .events = POLLIN };
	struct sockaddr_storage from;
	int ret;

	NEED(poll(&p, 1, PATIENCE) == 1);
	memset(&from, 0xee, sizeof(from));
	ret = (int)DTLSv1_listen(server.ssl, (void *)&from);
	memcpy(peer, &from, sizeof(*peer));
	return ret;
}

/* From the first hello to a line each way. */
static void
shake_hands(const char *name)
{
	struct sockaddr_in peer;
	char line[6];
	int ret, done;

	CHECK(SSL_connect(client.ssl) == -1);
	ret = listen_once(&peer);
	printf("%s: first hello: %d, error %d, generated %d, verified %d\n", name, ret,
	    SSL_get_error(server.ssl, ret), generated, verified);
	CHECK(ret < 1 && answer() == SSL3_RT_HANDSHAKE);
	CHECK(SSL_connect(client.ssl) == -1);
	ret = listen_once(&peer);
	printf("%s: second hello: %d, generated %d, verified %d, option %d\n", name, ret, generated,
	    verified, (SSL_get_options(server.ssl) & SSL_OP_COOKIE_EXCHANGE) != 0);
	CHECK(ret == 1);
	CHECK(memcmp(&peer.sin_port, &client.address.sin_port, 2) == 0);
	CHECK(peer.sin_addr.s_addr == client.address.sin_addr.s_addr);
	if (ret != 1)
		return;
	CHECK(SSL_get_rbio(server.ssl) == server.bio);

	connected(&server, &peer);
	for (done = 0; done != 3;) {
		if ((done & 1) == 0 && SSL_accept(server.ssl) == 1)
			done |= 1;
		if ((done & 2) == 0 && SSL_connect(client.ssl) == 1)
			done |= 2;
		/* Whoever is done has nothing to wait for. */
		if (done != 3)
			either(done & 1 ? -1 : server.fd, done & 2 ? -1 : client.fd);
	}
	CHECK(SSL_write(client.ssl, "hello", 6) == 6);
	CHECK(comes(&server, line, 6) && strcmp(line, "hello") == 0);
	CHECK(SSL_write(server.ssl, "there", 6) == 6);
	CHECK(comes(&client, line, 6) && strcmp(line, "there") == 0);
	printf("%s: %s, %s, generated %d, verified %d\n", name, SSL_get_version(server.ssl),
	    SSL_get_cipher(server.ssl), generated, verified);
}

static void
test_nothing_there(void)
{
	struct sockaddr_storage peer;
	int ret;

	begin(1);
	ret = (int)DTLSv1_listen(server.ssl, (void *)&peer);
	printf("nothing there: %d, error %d\n", ret, SSL_get_error(server.ssl, ret));
	CHECK(ret == -1 && SSL_get_error(server.ssl, ret) == SSL_ERROR_WANT_READ);
	shake_hands("after nothing");
	end();
}

static void
test_garbage(void)
{
	struct sockaddr_in peer;
	char garbage[40];
	int ret;

	begin(1);
	memset(garbage, 0x17, sizeof(garbage));
	NEED(send(client.fd, garbage, sizeof(garbage), 0) == sizeof(garbage));
	ret = listen_once(&peer);
	printf("garbage: %d, error %d, queue %lu\n", ret, SSL_get_error(server.ssl, ret),
	    ERR_peek_error());
	CHECK(ret == -1 && SSL_get_error(server.ssl, ret) == SSL_ERROR_WANT_READ &&
	    ERR_peek_error() == 0);
	CHECK(answer() == -1);
	shake_hands("after garbage");
	end();
}

/* In the handshake SSL_clear() fails there. LibreSSL reads on, and the handshake never finishes; we say so. */
static void
test_in_the_handshake(void)
{
	struct sockaddr_in peer;
	int ret;

	begin(1);
	CHECK(SSL_connect(client.ssl) == -1);
	CHECK(listen_once(&peer) < 1);
	CHECK(SSL_connect(client.ssl) == -1);
	NEED(listen_once(&peer) == 1);
	connected(&server, &peer);
	CHECK(SSL_accept(server.ssl) == -1);
	ret = (int)DTLSv1_listen(server.ssl, (void *)&peer);
	CHECK(ret == -1);
	CHECK(SSL_get_error(server.ssl, ret) == (ours ? SSL_ERROR_SSL : SSL_ERROR_WANT_READ));
	end();
}

/* LibreSSL sends an alert; we never do: anybody could have the cookie made up. */
static void
test_wrong_cookie(void)
{
	struct sockaddr_in peer;
	int ret;

	begin(1);
	refuse = 1;
	CHECK(SSL_connect(client.ssl) == -1);
	CHECK(listen_once(&peer) < 1);
	CHECK(answer() == SSL3_RT_HANDSHAKE);
	CHECK(SSL_connect(client.ssl) == -1);
	ret = listen_once(&peer);
	CHECK(ret == -1);
	CHECK(SSL_get_error(server.ssl, ret) == (ours ? SSL_ERROR_WANT_READ : SSL_ERROR_SSL));
	CHECK(answer() == (ours ? SSL3_RT_HANDSHAKE : SSL3_RT_ALERT));
	end();
}

/* Without callbacks LibreSSL cannot listen; we bring our own cookies. */
static void
test_no_callbacks(void)
{
	begin(0);
	shake_hands("built-in");
	end();
}

/* And a BIO that batches. */
static void
test_batch_bio(void)
{
	void *at = dlsym(RTLD_DEFAULT, "dtlsv1_listen_bio_new");

	NEED(at != NULL);
	memcpy(&batch_bio, &at, sizeof(at));
	begin(0);
	shake_hands("batch");
	end();
	batch_bio = NULL;
}

int
main(int argc, char **argv)
{
	Dl_info info;

	NEED(argc == 4);
	certificate = argv[1];
	key = argv[2];
	ours = strcmp(argv[3], "ours") == 0;
	SSL_library_init();
	SSL_load_error_strings();

	/* Whose function runs? Everything below would pass without us as well. */
	NEED(dladdr(dlsym(RTLD_DEFAULT, "SSL_ctrl"), &info) != 0);
	CHECK((strstr(info.dli_fname, "libdtlsv1_listen.so") != NULL) == ours);

	test_nothing_there();
	test_garbage();
	test_wrong_cookie();
	test_in_the_handshake();
	if (ours) {
		fflush(stdout);
		freopen("/dev/null", "w", stdout);
		test_no_callbacks();
		test_batch_bio();
	}
	fprintf(stderr, "listen %s: %d checks, %d failed\n", argv[3], checks, failures);
	return checks == 0 || failures != 0;
}
