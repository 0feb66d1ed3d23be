/*
 * Errors that a socket reports for what became of an earlier datagram: a peer's
 * doing, after which the server goes on. A socket that is broken, or shut down
 * for reading, ends it as libssl's own function does.
 */
#define _DEFAULT_SOURCE /* syscall() */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/counters.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/ours.h"
#include "lib/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* libcrypto's calls come here: so many of the next ones fail, with this. */
static int fail_sends, fail_reads, fail_with;

ssize_t
sendto(int fd, const void *from, size_t len, int flags, const struct sockaddr *to, socklen_t tolen)
{
	if (fail_sends > 0) {
		fail_sends--;
		errno = fail_with;
		return -1;
	}
	return syscall(SYS_sendto, fd, from, len, flags, to, tolen);
}

ssize_t
recvfrom(int fd, void *to, size_t len, int flags, struct sockaddr *from, socklen_t *fromlen)
{
	if (fail_reads > 0) {
		fail_reads--;
		errno = fail_with;
		return -1;
	}
	return syscall(SYS_recvfrom, fd, to, len, flags, from, fromlen);
}

static const struct {
	int error;
	int read, write; /* what DTLSv1_listen gives */
} errors[] = {
	{ EAGAIN, 0, 0 },
	{ EINTR, 0, 0 },
	{ ECONNREFUSED, 0, 0 },
	{ ECONNRESET, 0, 0 },
	{ EHOSTUNREACH, 0, 0 },
	{ ENETUNREACH, 0, 0 },
	{ EHOSTDOWN, 0, 0 },
	{ ENETDOWN, 0, 0 },
	{ ENONET, 0, 0 },
	{ ENOPROTOOPT, 0, 0 },
	{ EOPNOTSUPP, 0, 0 },
	{ EPROTO, 0, 0 },
	{ EMSGSIZE, 0, 0 },
	{ EACCES, 0, 0 },
	{ EPERM, 0, 0 },
	{ ENOBUFS, 0, 0 },
	{ ENOMEM, 0, 0 },
	{ EADDRNOTAVAIL, -1, 0 },
	{ EINVAL, -1, 0 },
	{ ENOENT, -1, 0 },
	{ EBADF, -1, -1 },
	{ ENOTSOCK, -1, -1 },
	{ EFAULT, -1, -1 },
};

struct server {
	SSL_CTX *ctx;
	SSL *ssl;
	struct address own;
	int fd;
};

static void
server_start(struct server *s, int family)
{
	BIO *b;

	s->fd = net_bound(family, &s->own);
	s->ctx = tls_server_ctx();
	b = BIO_new_dgram(s->fd, BIO_NOCLOSE);
	s->ssl = tls_server(s->ctx);
	SSL_set_bio(s->ssl, b, b);
	(void)counters_changes();
}

static void
server_end(struct server *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	net_close(s->fd, &s->own);
}

/* A client that is there gets its answer. */
static void
serves(struct server *s)
{
	struct address other;
	struct hello h;
	unsigned char hvr[256];
	int client = net_bound(s->own.any.ss_family, &other);

	hello_make(&h, NULL, 0);
	net_send(client, h.byte, h.len, &s->own);
	net_wait(s->fd);
	CHECK_INT(listen_to(s->ssl, NULL), 0);
	CHECK_QUEUED(0);
	net_wait(client);
	CHECK(recv(client, hvr, sizeof hvr, MSG_DONTWAIT) > 0);
	net_close(client, &other);
}

static void
test_each(void)
{
	struct server s;
	struct address other;
	struct hello h;
	unsigned char hvr[256];
	char what[64];
	size_t i;
	int client = net_bound(AF_INET, &other);

	hello_make(&h, NULL, 0);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		server_start(&s, AF_INET);
		net_nonblocking(s.fd);
		fail_with = errors[i].error;
		snprintf(what, sizeof what, "read: %s", strerror(fail_with));
		check_case(what);
		net_send(client, h.byte, h.len, &s.own);
		net_wait(s.fd);
		fail_reads = 1;
		CHECK_INT(listen_to(s.ssl, NULL), errors[i].read);
		if (errors[i].read != 0)
			CHECK_INT(errno, errors[i].error);
		CHECK_QUEUED(0);
		(void)listen_to(s.ssl, NULL);
		net_wait(client); /* the hello behind the error */
		CHECK(recv(client, hvr, sizeof hvr, MSG_DONTWAIT) > 0);

		snprintf(what, sizeof what, "write: %s", strerror(fail_with));
		check_case(what);
		net_send(client, h.byte, h.len, &s.own);
		net_wait(s.fd);
		fail_sends = 1;
		CHECK_INT(listen_to(s.ssl, NULL), errors[i].write);
		if (errors[i].write != 0)
			CHECK_INT(errno, errors[i].error);
		serves(&s);
		check_case(NULL);
		server_end(&s);
	}
	net_close(client, &other);
}

/* Errors without end: what ICMP can cause gives the loop back to the program,
 * a rule of the host's or memory that stays short is a failure. */
static void
test_without_end(void)
{
	struct server s;

	server_start(&s, AF_INET);
	net_nonblocking(s.fd);
	check_case("a peer's");
	fail_with = ECONNREFUSED;
	fail_reads = 1 << 30;
	CHECK_INT(listen_to(s.ssl, NULL), 0);
	CHECK_QUEUED(0);
	CHECK_STR(counters_changes(), "socket_errors 64");
	check_case("the host's");
	fail_with = EACCES;
	CHECK_INT(listen_to(s.ssl, NULL), -1);
	CHECK_INT(errno, EACCES);
	check_case(NULL);
	fail_reads = 0;
	serves(&s);
	server_end(&s);
}

/* With IP_RECVERR a client that is gone is heard of: by a read, and by the
 * write of the next one's answer. */
static void
test_icmp(void)
{
	struct server s;
	struct address other;
	struct hello h;
	int client, on = 1, i;

	server_start(&s, AF_INET);
	net_nonblocking(s.fd);
	NEED(setsockopt(s.fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
	hello_make(&h, NULL, 0);
	for (i = 0; i < 3; i++) {
		client = net_bound(AF_INET, &other);
		net_send(client, h.byte, h.len, &s.own);
		net_close(client, &other);
		net_wait(s.fd);
		CHECK_INT(listen_to(s.ssl, NULL), 0);
		net_settle();
		CHECK_INT(listen_to(s.ssl, NULL), 0);
		CHECK_QUEUED(0);
	}
	serves(&s);
	server_end(&s);
}

/* Unix clients that are gone, with and without their path, or have none. */
static void
test_unix(void)
{
	static const char *const kinds[] = { "closed", "unlinked", "anonymous" };
	struct server s;
	struct address other;
	struct hello h;
	size_t i;
	int client;

	hello_make(&h, NULL, 0);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		check_case(kinds[i]);
		server_start(&s, AF_UNIX);
		net_nonblocking(s.fd);
		if (strcmp(kinds[i], "anonymous") == 0)
			client = socket(AF_UNIX, SOCK_DGRAM, 0);
		else
			client = net_bound(AF_UNIX, &other);
		net_send(client, h.byte, h.len, &s.own);
		close(client);
		if (strcmp(kinds[i], "unlinked") == 0)
			unlink(((struct sockaddr_un *)&other.any)->sun_path);
		net_wait(s.fd);
		CHECK(listen_to(s.ssl, NULL) == 0);
		if (strcmp(kinds[i], "closed") == 0)
			unlink(((struct sockaddr_un *)&other.any)->sun_path);
		serves(&s);
		server_end(&s);
	}
	check_case(NULL);
}

/* shutdown(SHUT_RD) is how a program ends its listener from another thread. */
static void
test_shutdown(void)
{
	int families[] = { AF_INET, AF_UNIX };
	struct server s;
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		server_start(&s, families[i]); /* a read that does not block gives EAGAIN */
		(void)shutdown(s.fd, SHUT_RD); /* ENOTCONN, and done */
		CHECK_INT(listen_to(s.ssl, NULL), -1);
		CHECK_QUEUED(0);
		server_end(&s);
	}
}

int
main(void)
{
	check_begin("socket_errors");
	counters_init();
	test_each();
	test_without_end();
	test_icmp();
	test_unix();
	test_shutdown();
	return check_end();
}
