#define _GNU_SOURCE
#include "client.h"
#include "check.h"
#include "tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE "a line there and back"

/* Blocking or not, until it is done or has failed for good. */
static int
drive(SSL *ssl, int (*step)(SSL *))
{
	int ret;

	while ((ret = step(ssl)) <= 0) {
		struct timeval tv = { 1, 0 };

		if (SSL_get_error(ssl, ret) != SSL_ERROR_WANT_READ)
			break;
		(void)DTLSv1_get_timeout(ssl, &tv);
		net_readable(SSL_get_fd(ssl), (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000));
		DTLSv1_handle_timeout(ssl);
	}
	return ret;
}

static _Thread_local char line[sizeof(LINE)];

static int
read_line(SSL *ssl)
{
	return SSL_read(ssl, line, sizeof(line));
}

static void *
client_run(void *arg)
{
	struct client *c = arg;
	SSL_CTX *ctx = tls_client_ctx();
	SSL *ssl;
	BIO *b;

	NEED((ssl = SSL_new(ctx)) != NULL);
	b = BIO_new_dgram(c->fd, BIO_NOCLOSE);
	BIO_ctrl_set_connected(b, &c->server.any);
	SSL_set_bio(ssl, b, b);
	/* AF_UNIX has none to ask for, and loopback's is not Ethernet's. */
	tls_client_mtu(ssl);
	SSL_set_connect_state(ssl);
	if (!c->impatient)
		tls_patient(ssl);
	if (drive(ssl, SSL_do_handshake) == 1 &&
	    SSL_write(ssl, LINE, sizeof(LINE)) == sizeof(LINE) &&
	    drive(ssl, read_line) == sizeof(LINE))
		c->ok = memcmp(line, LINE, sizeof(LINE)) == 0;
	if (!c->ok)
		ERR_print_errors_fp(stderr);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return NULL;
}

static void
start(struct client *c, const struct address *server, int impatient)
{
	memset(c, 0, sizeof(*c));
	c->impatient = impatient;
	c->server = *server;
	c->fd = net_bound(server->any.ss_family, &c->own);
	net_connect(c->fd, server);
	NEED(pthread_create(&c->thread, NULL, client_run, c) == 0);
}

void
client_start(struct client *c, const struct address *server)
{
	start(c, server, 0);
}

void
clients_start(struct client *client, int clients, const struct address *server)
{
	int i;

	for (i = 0; i < clients; i++)
		start(&client[i], server, 1);
}

void
client_join(struct client *c)
{
	pthread_join(c->thread, NULL);
	CHECK(c->ok);
	net_close(c->fd, &c->own);
}

int
client_is_new(struct client *client, int clients, const void *peer)
{
	int i;

	for (i = 0; i < clients; i++)
		if (memcmp(&client[i].own.any, peer, client[i].own.len) == 0)
			return !client[i].accepted++;
	check_die("the peer is one of the clients", __FILE__, __LINE__);
}

void
serve(SSL *ssl)
{
	int ret = drive(ssl, SSL_accept);

	CHECK_INT(ret, 1);
	if (ret != 1) {
		ERR_print_errors_fp(stderr);
		return;
	}
	CHECK_INT(drive(ssl, read_line), sizeof(LINE));
	CHECK_BYTES(line, LINE, sizeof(LINE));
	CHECK_INT(SSL_write(ssl, line, sizeof(line)), sizeof(line));
}
