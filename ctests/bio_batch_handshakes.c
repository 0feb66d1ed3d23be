/*
 * A client of libssl's own, listened for through dtlsv1_listen_bio_new(), whose SSL
 * goes on in each of the ways that programs have.
 */
#define _GNU_SOURCE
#include "lib/batch.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <fcntl.h>
#include <stdio.h>

static void
listen_until_accepted(struct batch_port *port, struct sockaddr_storage *peer)
{
	int ret;

	do {
		if (BIO_pending(port->bio) == 0)
			net_wait(port->fd);
		ret = listen_to(port->ssl, peer);
		CHECK(ret == 0 || ret == 1);
	} while (ret == 0);
}

enum { NEW_SOCKET, SET_FD, SAME_SOCKET, CONNECTED };

/* A client of libssl's own, whose SSL goes on in one of the ways that programs have. */
static void
handshake(int family, int how, int blocking)
{
	struct sockaddr_storage peer;
	struct client client;
	struct batch_port port;
	BIO *bio;
	int fd = -1, other;
	struct address none, own;

	batch_open(&port, family);
	if (blocking)
		CHECK(fcntl(port.fd, F_SETFL, 0) == 0);
	client_start(&client, &port.own);
	if (blocking)
		CHECK_INT(listen_to(port.ssl, &peer), 1);
	else
		listen_until_accepted(&port, &peer);
	CHECK_BYTES(&peer, &client.own.any, client.own.len);
	CHECK(SSL_get_rbio(port.ssl) == port.bio);
	switch (how) {
	case NEW_SOCKET:
		fd = net_connected(&port.own, (struct sockaddr *)&peer, client.own.len);
		bio = BIO_new_dgram(fd, BIO_CLOSE);
		BIO_ctrl_set_connected(bio, &peer);
		SSL_set_bio(port.ssl, bio, bio);
		break;
	case SET_FD:
		/* Somebody else's, read together with the client's: it is none of this SSL's. */
		other = net_bound(family, &own);
		net_send(other, "x", 1, &port.own);
		fd = net_connected(&port.own, (struct sockaddr *)&peer, client.own.len);
		BIO_set_fd(port.bio, fd, BIO_CLOSE);
		BIO_ctrl_set_connected(port.bio, &peer);
		CHECK_INT(BIO_get_fd(port.bio, NULL), fd);
		net_close(other, &own);
		break;
	case CONNECTED:
		net_connect(port.fd, &client.own);
		BIO_ctrl_set_connected(port.bio, &peer);
		break;
	}
	if (how == SAME_SOCKET || how == CONNECTED)
		CHECK(fcntl(port.fd, F_SETFL, 0) == 0);
	serve(port.ssl);
	client_join(&client);
	if (how == NEW_SOCKET) {
		/* And the next. */
		SSL_free(port.ssl);
		port.ssl = batch_next_ssl(&port);
		CHECK(fcntl(port.fd, F_SETFL, O_NONBLOCK) == 0);
		CHECK_INT(listen_to(port.ssl, &none), 0);
	}
	batch_close(&port);
}

static void
test_handshakes(int family, const char *name)
{
	static const char *const ways[] = { "new socket", "BIO_set_fd", "same socket",
		"connected" };
	char what[64];
	int how, blocking;

	for (how = NEW_SOCKET; how <= CONNECTED; how++)
		for (blocking = 0; blocking < 2; blocking++) {
			snprintf(what, sizeof(what), "%s, %s, %s", name, ways[how],
			    blocking ? "blocking" : "non-blocking");
			check_case(what);
			handshake(family, how, blocking);
		}
	check_case(NULL);
}

int
main(void)
{
	check_begin("bio_batch_handshakes");
	test_handshakes(AF_INET, "IPv4");
	if (net_has_ipv6("bio_batch_handshakes over IPv6"))
		test_handshakes(AF_INET6, "IPv6");
	return check_end();
}
