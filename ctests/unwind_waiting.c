/*
 * Threads that are cancelled while they wait for a datagram.
 */
#define _DEFAULT_SOURCE /* usleep() */
#include "lib/check.h"
#include "lib/client.h"
#include "lib/net.h"
#include "lib/tls.h"

#include <pthread.h>
#include <unistd.h>

/* Cancelled while they wait for a datagram: more threads than have a place of
 * their own in the library, and the socket, the SSLs and the SSL_CTX go on. */
#define WAITING 40

static void *
wait_for_client(void *ssl)
{
	(void)listen_to(ssl, NULL);
	return NULL;
}

static void
test_waiting(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	SSL *ssl[WAITING];
	pthread_t thread[WAITING];
	struct address own;
	struct client client;
	BIO_ADDR *peer = BIO_ADDR_new();
	int fd = net_bound(AF_INET, &own), round, i;
	void *result;
	BIO *b;

	check_case("cancelled while they wait");
	for (i = 0; i < WAITING; i++) {
		NEED((b = BIO_new_dgram(fd, BIO_NOCLOSE)) != NULL);
		ssl[i] = tls_server_on(ctx, b, b);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < WAITING; i++)
			NEED(pthread_create(&thread[i], NULL, wait_for_client, ssl[i]) == 0);
		usleep(50000);
		for (i = 0; i < WAITING; i++)
			pthread_cancel(thread[i]);
		for (i = 0; i < WAITING; i++) {
			NEED(pthread_join(thread[i], &result) == 0);
			CHECK(result == PTHREAD_CANCELED);
		}
	}
	client_start(&client, &own);
	while (listen_to(ssl[0], peer) == 0)
		;
	serve(ssl[0]);
	client_join(&client);
	for (i = 0; i < WAITING; i++)
		SSL_free(ssl[i]);
	BIO_ADDR_free(peer);
	SSL_CTX_free(ctx);
	net_close(fd, &own);
	check_case(NULL);
}

int
main(void)
{
	check_begin("unwind_waiting");
	test_waiting();
	return check_end();
}
