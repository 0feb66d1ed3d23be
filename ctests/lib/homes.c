#define _GNU_SOURCE /* unshare */
#include "homes.h"
#include "check.h"
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int homes_server_fd, homes_client_fd;
struct stepper homes_client;

union any
homes_address(int family, const char *text, in_port_t port)
{
	union any a;

	memset(&a, 0, sizeof(a));
	a.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		a.in.sin_port = port;
		NEED(inet_pton(AF_INET, text, &a.in.sin_addr) == 1);
	} else {
		a.in6.sin6_port = port;
		NEED(inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1);
	}
	return a;
}

socklen_t
homes_length(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

SSL *
homes_server(SSL_CTX *ctx, int family, const char *own, int client_family, const char *to)
{
	union any a = homes_address(family, own, 0);
	socklen_t len = sizeof(a);
	in_port_t port;
	BIO *b;

	NEED((homes_server_fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) >= 0);
	NEED(bind(homes_server_fd, &a.sa, homes_length(family)) == 0 &&
	    getsockname(homes_server_fd, &a.sa, &len) == 0);
	port = family == AF_INET ? a.in.sin_port : a.in6.sin6_port;
	a = homes_address(client_family, to, port);
	NEED((homes_client_fd = socket(client_family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) >= 0);
	/* Nothing of another address gets through to it. */
	NEED(connect(homes_client_fd, &a.sa, homes_length(client_family)) == 0);
	NEED((b = BIO_new_dgram(homes_server_fd, BIO_NOCLOSE)) != NULL);
	return tls_server_on(ctx, b, b);
}

void
homes_done(SSL *ssl)
{
	SSL_free(ssl);
	close(homes_server_fd);
	close(homes_client_fd);
}

void
homes_to_server(void)
{
	struct datagram *d;

	while ((d = queue_get(&homes_client.wire.out)) != NULL) {
		NEED(send(homes_client_fd, d->byte, d->len, 0) == (ssize_t)d->len);
		net_settle();
	}
}

int
homes_to_client(void)
{
	unsigned char bytes[WIRE_MAX];
	ssize_t n;
	int all = 0;

	net_settle();
	while ((n = recv(homes_client_fd, bytes, sizeof(bytes), 0)) > 0) {
		queue_put(&homes_client.wire.in, bytes, (size_t)n);
		all++;
	}
	return all;
}

void
homes_shake_hands(SSL *ssl)
{
	int round, ret, server_done = 0, client_done = 0;

	for (round = 0; round < 10 && !(server_done && client_done); round++) {
		ret = SSL_accept(ssl);
		server_done = ret == 1;
		if (!server_done)
			CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_READ);
		(void)homes_to_client();
		client_done = stepper_step(&homes_client);
		homes_to_server();
	}
	CHECK(server_done && client_done);
}

int
homes_option(int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	CHECK_INT(getsockopt(homes_server_fd, level, name, &value, &len), 0);
	return value;
}

int
homes_own_network(void)
{
	struct {
		struct in6_addr address;
		uint32_t prefix;
		int interface;
		char rest[64]; /* valgrind takes it for IPv4's, which is longer */
	} a = { .prefix = 128, .interface = 1 };
	struct ifreq up = { .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING };
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		return 0;
	strcpy(up.ifr_name, "lo");
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	NEED(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &up) == 0);
	NEED(inet_pton(AF_INET6, "fd00::2", &a.address) == 1);
	NEED(ioctl(fd, SIOCSIFADDR, &a) == 0);
	close(fd);
	return 1;
}
