/*
 * A DTLS server with many clients, in one thread: it echoes what they send.
 *
 *	BENCH_PEM=CERTIFICATE-AND-KEY.pem many_server HOW CALLBACKS
 *
 *	HOW	listener	ours: one port, no socket of a client's own; ours has to
 *				be preloaded
 *		connected	as servers do it today: DTLSv1_listen, and then a socket
 *				for each client, bound beside it and connected
 *
 * Prints "port N". On SIGUSR1 prints JSON: clients that are there, CPU seconds up
 * to now, bytes of heap in use, peak resident memory, datagrams that did not fit
 * into the listening sockets, allocations (where count_malloc.so is preloaded). On SIGTERM the same, and ends.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <openssl/err.h>

#include "callbacks.h"
#include "many.h"
#include "memory.h"

static volatile sig_atomic_t stop, asked;
static double begun; /* CPU seconds, before anybody came */
long clients_there;

void
die(const char *what)
{
	fprintf(stderr, "many_server: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void
on_signal(int signal)
{
	if (signal == SIGTERM)
		stop = 1;
	else
		asked = 1;
}

/* Whatever there is to do for one client. Gives 0 when it has gone. */
int
serve(SSL *ssl)
{
	char message[2048];
	int n;

	ERR_clear_error();
	while ((n = SSL_read(ssl, message, sizeof(message))) > 0)
		(void)SSL_write(ssl, message, n);
	n = SSL_get_error(ssl, n);
	return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

/* Of all sockets that are bound to this port, as the kernel counts them. */
static unsigned long
dropped(in_port_t port)
{
	FILE *table = fopen("/proc/net/udp", "r");
	char line[512], *last;
	unsigned int local;
	unsigned long drops = 0;

	while (table != NULL && fgets(line, sizeof(line), table) != NULL) {
		/* number, address:port, ..., drops */
		if (sscanf(line, " %*d: %*8X:%4X", &local) != 1 || local != port)
			continue;
		line[strcspn(line, "\n")] = '\0';
		while (line[0] != '\0' && line[strlen(line) - 1] == ' ')
			line[strlen(line) - 1] = '\0';
		last = strrchr(line, ' ');
		drops += last == NULL ? 0 : strtoul(last, NULL, 10);
	}
	if (table != NULL)
		fclose(table);
	return drops;
}

static double
cpu_seconds(void)
{
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
}

/* count_malloc.c's, where that is preloaded. */
static long
allocations(void)
{
	void *at = dlsym(RTLD_DEFAULT, "count_malloc");
	long (*count)(void);

	if (at == NULL)
		return -1;
	memcpy(&count, &at, sizeof(count));
	return count();
}

static void
tell(in_port_t port)
{
	static long own;
	static double own_cpu;
	long made = allocations();
	double cpu = cpu_seconds();
	/* The clients' sockets stand in that table, too: with 10,000 of them it takes a second. */
	unsigned long drops = dropped(port);

	/* What is done here, and made for a FILE and its buffer, is not the server's. */
	printf("{\"clients\":%ld,\"cpu\":%.6f,\"heap\":%zu,\"peak_kb\":%ld,"
	       "\"dropped\":%lu,\"allocations\":%ld}\n",
	    clients_there, cpu - begun - own_cpu, mallinfo2().uordblks, peak_kb(), drops,
	    made - own);
	fflush(stdout);
	own += allocations() - made;
	own_cpu += cpu_seconds() - cpu;
}

int
main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = on_signal };
	struct rlimit files = { 1048576, 1048576 };
	const struct server *server;
	in_port_t port;

	if (argc != 3) {
		fprintf(stderr, "usage: many_server listener|connected CALLBACKS\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	server = strcmp(argv[1], "listener") == 0 ? &with_listener : &connected;
	port = server->open(context_new(argv[2]));
	begun = cpu_seconds();
	printf("port %d\n", port);
	fflush(stdout);
	while (!stop) {
		server->turn();
		if (asked) {
			asked = 0;
			tell(port);
		}
	}
	tell(port);
	return 0;
}
