#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bios.h"

#define GET_PEER  46 /* BIO_CTRL_DGRAM_GET_PEER */
#define QUERY_MTU 40 /* BIO_CTRL_DGRAM_QUERY_MTU */

static BIO_METHOD *method;
static int server = -1, client = -1;
static struct sockaddr_in client_address;

socklen_t
bios_peer(const struct mcase *c, struct sockaddr_storage *peer)
{
	struct sockaddr_in *in = (struct sockaddr_in *)peer;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)peer;

	memset(peer, 0, sizeof(*peer));
	if (c->layout == SOCKET) {
		memcpy(peer, &client_address, sizeof(client_address));
		return sizeof(client_address);
	}
	if (c->peer == PEER_NONE)
		return 0;
	if (c->peer == PEER_INET) {
		in->sin_family = AF_INET;
		in->sin_port = htons(4433);
		in->sin_addr.s_addr = htonl(0xc0000207);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(4433);
	in6->sin6_addr.s6_addr[15] = 1;
	return sizeof(*in6);
}

static int
script_read(BIO *bio, char *to, int room)
{
	struct traffic *traffic = BIO_get_data(bio);
	const struct mcase *c = traffic->c;
	const struct one_read *read =
	    traffic->next_read < c->nreads ? &c->reads[traffic->next_read++] : NULL;
	int len;

	BIO_clear_retry_flags(bio);
	if (read == NULL || read->read == WOULD_BLOCK) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (read->read != A_DATAGRAM)
		return read->read == FAILED ? -1 : 0;
	len = read->len < (size_t)room ? (int)read->len : room;
	memcpy(to, read->bytes, (size_t)len);
	return len;
}

static int
script_write(BIO *bio, const char *from, int len)
{
	struct traffic *traffic = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (++traffic->writes == traffic->c->write_fails) {
		traffic->blocked = traffic->c->write_blocks;
		if (traffic->blocked)
			BIO_set_retry_write(bio);
		return -1;
	}
	traffic->wrote(traffic->arg, (const unsigned char *)from, (size_t)len);
	return len;
}

static long
script_ctrl(BIO *bio, int command, long number, void *pointer)
{
	struct traffic *traffic = BIO_get_data(bio);
	struct sockaddr_storage peer;
	socklen_t len;

	(void)number;
	switch (command) {
	case GET_PEER:
		len = bios_peer(traffic->c, &peer);
		memcpy(pointer, &peer, len);
		return (long)len;
	case QUERY_MTU: return 1400;
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DUP: return 1;
	default: return 0;
	}
}

static int
udp(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) != 0)
		return -1;
	return fd;
}

int
bios_open(void)
{
	struct sockaddr_in address;

	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "scripted");
	server = udp(&address);
	client = udp(&client_address);
	if (method == NULL || server < 0 || client < 0 ||
	    connect(client, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("macro world: no BIOs");
		return 0;
	}
	return BIO_meth_set_read(method, script_read) == 1 &&
	    BIO_meth_set_write(method, script_write) == 1 &&
	    BIO_meth_set_ctrl(method, script_ctrl) == 1;
}

void
bios_close(void)
{
	BIO_meth_free(method);
	close(server);
	close(client);
}

static BIO *
scripted(struct traffic *traffic)
{
	BIO *bio = BIO_new(method);

	if (bio != NULL) {
		BIO_set_data(bio, traffic);
		BIO_set_init(bio, 1);
	}
	return bio;
}

static void
drain(int fd)
{
	unsigned char bytes[16];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		;
}

int
bios_make(struct traffic *traffic)
{
	const struct mcase *c = traffic->c;

	traffic->next_read = 0;
	traffic->writes = traffic->blocked = 0;
	if (c->layout == SOCKET) {
		drain(server);
		drain(client);
		for (size_t i = 0; i < c->nreads; i++)
			if (send(client, c->reads[i].bytes, c->reads[i].len, 0) !=
			    (ssize_t)c->reads[i].len)
				return 0;
		traffic->read_bio = traffic->write_bio = BIO_new_dgram(server, BIO_NOCLOSE);
	} else {
		traffic->read_bio = scripted(traffic);
		traffic->write_bio = c->layout == ONE_BIO ? traffic->read_bio : scripted(traffic);
	}
	return traffic->read_bio != NULL && traffic->write_bio != NULL;
}

void
bios_end(struct traffic *traffic)
{
	traffic->next_read = traffic->c->nreads;
	if (traffic->c->layout == SOCKET)
		drain(server);
}

void
bios_collect(struct traffic *traffic)
{
	unsigned char bytes[MAX_DATAGRAM];
	ssize_t len;

	if (traffic->c->layout != SOCKET)
		return;
	while ((len = recv(client, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0)
		traffic->wrote(traffic->arg, bytes, (size_t)len);
}
