/*
 * dtlsv1_listen_bio_new(): a datagram BIO with which DTLSv1_listen reads many
 * datagrams at once and answers them at once. What it gives and sends is what
 * libssl's own datagram BIO would; what is read already is never lost, but to
 * another socket.
 */
#define _GNU_SOURCE
#include "lib/batch.h"
#include "lib/check.h"
#include "lib/client.h"
#include "lib/hello.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 5

static void
send_hello(int fd, const struct batch_port *port, const void *cookie, size_t len)
{
	struct hello h;

	hello_make(&h, cookie, len);
	net_send(fd, h.byte, h.len, &port->own);
}

/* One answer is there, and it is a HelloVerifyRequest. */
static void
check_answered(int fd, struct hvr *hvr)
{
	unsigned char answer[512];
	ssize_t n;

	CHECK(net_readable(fd, 2000));
	n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	hvr_parse(hvr, answer, n > 0 ? (size_t)n : 0);
	CHECK(hvr->bad == NULL);
	CHECK_INT(hvr->cookielen, 32);
	CHECK(recv(fd, answer, sizeof(answer), MSG_DONTWAIT) == -1);
}

/* Good and bad ones at once: one call answers them all. */
static void
test_one_call(int family)
{
	struct address own[CLIENTS];
	struct sockaddr_storage peer;
	struct batch_port port;
	struct hvr hvr;
	int fd[CLIENTS], i;

	batch_open(&port, family);
	for (i = 0; i < CLIENTS; i++) {
		fd[i] = net_bound(family, &own[i]);
		send_hello(fd[i], &port, NULL, 0);
		net_send(fd[i], "garbage", 7, &port.own);
		net_send(fd[i], "", 0, &port.own);
	}
	net_settle();
	CHECK_INT(BIO_pending(port.bio), 0);
	CHECK_INT(listen_to(port.ssl, &peer), 0);
	CHECK_INT(BIO_pending(port.bio), 0);
	CHECK(!net_readable(port.fd, 0));
	for (i = 0; i < CLIENTS; i++)
		check_answered(fd[i], &hvr);
	/* Nothing is left of it. */
	CHECK_INT(listen_to(port.ssl, &peer), 0);
	CHECK_QUEUED(0);
	for (i = 0; i < CLIENTS; i++)
		net_close(fd[i], &own[i]);
	batch_close(&port);
}

/* One of several is accepted: those before it are answered, those behind it wait for the next SSL. */
static void
test_accepted_among_others(void)
{
	struct address own[3];
	struct sockaddr_storage peer;
	struct batch_port port;
	struct hvr hvr;
	SSL *accepted;
	int fd[3], i;

	batch_open(&port, AF_INET);
	for (i = 0; i < 3; i++)
		fd[i] = net_bound(AF_INET, &own[i]);
	send_hello(fd[1], &port, NULL, 0);
	net_settle();
	CHECK_INT(listen_to(port.ssl, &peer), 0);
	check_answered(fd[1], &hvr);

	send_hello(fd[0], &port, NULL, 0);
	send_hello(fd[1], &port, hvr.cookie, hvr.cookielen);
	send_hello(fd[2], &port, NULL, 0);
	net_settle();
	memset(&peer, 0, sizeof(peer));
	CHECK_INT(listen_to(port.ssl, &peer), 1);
	CHECK_BYTES(&peer, &own[1].any, own[1].len);
	check_answered(fd[0], &hvr);
	CHECK(BIO_pending(port.bio) > 0);
	CHECK(!net_readable(port.fd, 0));
	CHECK(recv(fd[2], &hvr, sizeof(hvr), MSG_DONTWAIT) == -1);
	accepted = port.ssl;
	SSL_set_bio(accepted, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	port.ssl = batch_next_ssl(&port);
	CHECK_INT(listen_to(port.ssl, &peer), 0);
	check_answered(fd[2], &hvr);
	CHECK_INT(BIO_pending(port.bio), 0);
	SSL_free(accepted);
	for (i = 0; i < 3; i++)
		net_close(fd[i], &own[i]);
	batch_close(&port);
}

/* What came with an accepted client's hello goes when the BIO gets another socket. */
static void
test_another_socket(void)
{
	struct address own, away;
	struct sockaddr_storage peer;
	struct batch_port port;
	struct hvr hvr;
	int fd = net_bound(AF_INET, &own), other = net_bound(AF_INET, &away);

	batch_open(&port, AF_INET);
	send_hello(fd, &port, NULL, 0);
	net_settle();
	CHECK_INT(listen_to(port.ssl, &peer), 0);
	check_answered(fd, &hvr);
	send_hello(fd, &port, hvr.cookie, hvr.cookielen);
	send_hello(fd, &port, NULL, 0);
	net_settle();
	CHECK_INT(listen_to(port.ssl, &peer), 1);
	CHECK(BIO_pending(port.bio) > 0);
	BIO_set_fd(port.bio, other, BIO_NOCLOSE);
	CHECK_INT(BIO_pending(port.bio), 0);
	CHECK_INT(BIO_get_fd(port.bio, NULL), other);
	batch_close(&port);
	net_close(other, &away);
	net_close(fd, &own);
}

/* Answers leave from the address that was written to. */
static void
test_wildcard(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET }, second = any;
	socklen_t len = sizeof(second);
	struct address to, own;
	struct sockaddr_storage peer;
	SSL_CTX *ctx = tls_server_ctx();
	struct hello h;
	struct hvr hvr;
	int fd = net_nonblocking(socket(AF_INET, SOCK_DGRAM, 0)), client;
	BIO *bio;
	SSL *ssl;

	NEED(bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	NEED(getsockname(fd, (struct sockaddr *)&second, &len) == 0);
	bio = batch_bio(fd);
	NEED(bio != NULL);
	ssl = tls_server_on(ctx, bio, bio);
	second.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	to = net_address(&second, sizeof(second));
	client = net_bound(AF_INET, &own);
	net_connect(client, &to);
	hello_make(&h, NULL, 0);
	NEED(send(client, h.byte, h.len, 0) == (ssize_t)h.len);
	net_settle();
	CHECK_INT(listen_to(ssl, &peer), 0);
	check_answered(client, &hvr);
	/* It closes the socket, if that is asked for. */
	CHECK_INT(BIO_set_close(bio, BIO_CLOSE), 1);
	SSL_free(ssl);
	CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	SSL_CTX_free(ctx);
	net_close(client, &own);
}

static void
check_refused(int fd)
{
	unsigned long error;

	CHECK(batch_bio(fd) == NULL);
	error = ERR_get_error();
	CHECK(error != 0 && ERR_get_error() == 0);
	CHECK_INT(ERR_GET_LIB(error), ERR_LIB_SYS);
}

static void
test_refused(void)
{
	struct address own;
	int fd = net_bound(AF_INET, &own);

	net_connect(fd, &own);
	check_refused(fd);
	net_close(fd, &own);
	check_refused(-1);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check_refused(fd);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	check_refused(fd); /* not bound */
	close(fd);
	fd = net_bound(AF_UNIX, &own);
	check_refused(fd);
	net_close(fd, &own);
}

int
main(void)
{
	check_begin("bio_batch");
	test_one_call(AF_INET);
	test_accepted_among_others();
	if (net_has_ipv6("bio_batch over IPv6"))
		test_one_call(AF_INET6);
	test_another_socket();
	test_wildcard();
	test_refused();
	return check_end();
}
