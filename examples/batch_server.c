/*
 * A DTLS server for a port that may be flooded: DTLSv1_listen() reads up to 64
 * datagrams with one system call, and answers them with one. It echoes, with a
 * process for each client.
 *
 *	cc batch_server.c -o batch_server -ldtlsv1_listen -lssl -lcrypto
 *	./batch_server IPV4-ADDRESS PORT CERTIFICATE.pem KEY.pem [CLIENTS]
 *
 * ADDRESS is an IPv4 one; PORT 0 takes a free one. With CLIENTS it ends after so many.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <dtlsv1_listen.h>

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static int
udp_socket(struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)addr, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) == -1)
		die("socket");
	return fd;
}

/* Waits for the next client. The BIO keeps what it has read for the one after. */
static SSL *
next_client(SSL_CTX *ctx, BIO *port, struct sockaddr_in *peer)
{
	struct pollfd readable = { .fd = (int)BIO_get_fd(port, NULL), .events = POLLIN };
	SSL *ssl = SSL_new(ctx);
	int ret;

	if (ssl == NULL || BIO_up_ref(port) != 1)
		die("SSL_new");
	SSL_set_bio(ssl, port, port);
	do {
		if (BIO_pending(port) == 0) /* else it would wait for nothing */
			poll(&readable, 1, -1);
		ret = DTLSv1_listen(ssl, peer);
	} while (ret == 0);
	if (ret < 0)
		die("DTLSv1_listen");
	return ssl;
}

static void
echo(SSL *ssl, int client)
{
	char line[2048];
	int n;

	alarm(20);
	if (SSL_accept(ssl) != 1)
		die("SSL_accept");
	printf("client %d: accepted\n", client);
	fflush(stdout);
	while ((n = SSL_read(ssl, line, sizeof(line))) > 0)
		SSL_write(ssl, line, n);
	SSL_shutdown(ssl);
	printf("client %d: closed\n", client);
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in addr = { .sin_family = AF_INET }, peer;
	SSL_CTX *ctx = SSL_CTX_new(DTLS_server_method());
	BIO *port, *bio;
	SSL *ssl;
	int i, fd;

	if (argc < 5 || inet_pton(AF_INET, argv[1], &addr.sin_addr) != 1 ||
	    argv[2][strspn(argv[2], "0123456789")] != '\0') {
		fprintf(stderr,
		    "usage: batch_server IPV4-ADDRESS PORT "
		    "CERTIFICATE.pem KEY.pem [CLIENTS]\n");
		return 2;
	}
	if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1)
		die("loading the certificate and key");
	addr.sin_port = htons((in_port_t)atoi(argv[2]));
	port = dtlsv1_listen_bio_new(udp_socket(&addr));
	if (port == NULL)
		die("dtlsv1_listen_bio_new");
	printf("listening on %s:%d\n", argv[1], ntohs(addr.sin_port));
	fflush(stdout);
	for (i = 0; argc < 6 || i < atoi(argv[5]); i++) {
		ssl = next_client(ctx, port, &peer);
		fd = udp_socket(&addr); /* the client's own */
		if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == -1) {
			perror("cannot connect to the client"); /* the others go on */
			close(fd);
			SSL_free(ssl);
			continue;
		}
		bio = BIO_new_dgram(fd, BIO_CLOSE);
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 1, &peer);
		SSL_set_bio(ssl, bio, bio);
		if (fork() == 0) {
			echo(ssl, i);
			_exit(0);
		}
		SSL_free(ssl);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (wait(NULL) > 0)
		;
	BIO_free(port);
	SSL_CTX_free(ctx);
	return 0;
}
