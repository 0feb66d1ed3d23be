#define _GNU_SOURCE
#include "sides.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int checks, failures, ours;
const char *certificate, *key;
int generated, verified, refuse;
BIO *(*batch_bio)(int);

struct side server, client;

/* A cookie is the client's port and a constant: enough to be told apart. */
static int
cookie_of(SSL *ssl, unsigned char *cookie)
{
	struct sockaddr_storage peer;

	memset(&peer, 0, sizeof(peer));
	CHECK(BIO_dgram_get_peer(SSL_get_rbio(ssl), &peer) > 0);
	CHECK(peer.ss_family == AF_INET);
	memset(cookie, 0x5a, 20);
	memcpy(cookie, &((struct sockaddr_in *)&peer)->sin_port, 2);
	return 20;
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	generated++;
	*len = (unsigned int)cookie_of(ssl, cookie);
	return 1;
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	unsigned char right[20];

	verified++;
	return !refuse && len == (unsigned int)cookie_of(ssl, right) &&
	    memcmp(cookie, right, len) == 0;
}

static void
udp(struct side *side)
{
	socklen_t len = sizeof(side->address);

	side->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	NEED(side->fd >= 0);
	memset(&side->address, 0, sizeof(side->address));
	side->address.sin_family = AF_INET;
	side->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(bind(side->fd, (struct sockaddr *)&side->address, len) == 0);
	NEED(getsockname(side->fd, (struct sockaddr *)&side->address, &len) == 0);
}

void
connected(struct side *side, const struct sockaddr_in *peer)
{
	struct sockaddr_storage to;

	memset(&to, 0, sizeof(to));
	memcpy(&to, peer, sizeof(*peer));
	NEED(connect(side->fd, (const struct sockaddr *)peer, sizeof(*peer)) == 0);
	BIO_ctrl(SSL_get_rbio(side->ssl), BIO_CTRL_DGRAM_SET_CONNECTED, 0, &to);
}

static void
tls(struct side *side, const SSL_METHOD *method)
{
	side->ctx = SSL_CTX_new(method);
	NEED(side->ctx != NULL);
	if (side == &server) {
		NEED(SSL_CTX_use_certificate_file(side->ctx, certificate, SSL_FILETYPE_PEM) == 1);
		NEED(SSL_CTX_use_PrivateKey_file(side->ctx, key, SSL_FILETYPE_PEM) == 1);
	}
	/* Without it 3.1 reads a record's header, and loses the datagram. */
	SSL_CTX_set_read_ahead(side->ctx, 1);
	side->ssl = SSL_new(side->ctx);
	side->bio = side == &server && batch_bio != NULL ? batch_bio(side->fd) :
							   BIO_new_dgram(side->fd, BIO_NOCLOSE);
	NEED(side->ssl != NULL && side->bio != NULL);
	/* One object, one reference, for both directions. */
	SSL_set_bio(side->ssl, side->bio, side->bio);
}

void
begin(int callbacks)
{
	generated = verified = refuse = 0;
	udp(&server);
	udp(&client);
	tls(&server, DTLS_server_method());
	tls(&client, DTLS_client_method());
	connected(&client, &server.address);
	if (callbacks) {
		SSL_CTX_set_cookie_generate_cb(server.ctx, generate);
		SSL_CTX_set_cookie_verify_cb(server.ctx, verify);
	}
}

void
end(void)
{
	struct side *sides[] = { &server, &client };
	int i;

	for (i = 0; i < 2; i++) {
		SSL_free(sides[i]->ssl);
		SSL_CTX_free(sides[i]->ctx);
		close(sides[i]->fd);
	}
	ERR_clear_error();
}

int
answer(void)
{
	unsigned char type;

	return recv(client.fd, &type, 1, MSG_PEEK) == 1 ? type : -1;
}

void
either(int one, int other)
{
	struct pollfd p[2] = { { .fd = one, .events = POLLIN }, { .fd = other, .events = POLLIN } };

	NEED(poll(p, 2, PATIENCE) >= 1);
}

int
comes(struct side *side, char *line, int len)
{
	int n;

	while ((n = SSL_read(side->ssl, line, len)) < 0 &&
	    SSL_get_error(side->ssl, n) == SSL_ERROR_WANT_READ)
		either(side->fd, -1);
	return n == len;
}
