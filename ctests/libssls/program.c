/*
 * A program that loads plugins, each perhaps with a libssl of its own, and has
 * them serve: each at once, all again, and all at the same time. With SERVES it
 * is one of them itself.
 *
 *   program [-c] [-r] CERTIFICATE KEY PLUGIN...
 *
 *   -c  the servers set cookie callbacks
 *   -r  each plugin is copied to the same place, loaded, and unloaded again
 *   deep:PLUGIN   its own libraries come before the program's (RTLD_DEEPBIND)
 *   apart:PLUGIN  it has no library in common with the program (dlmopen)
 *
 * Prints a line for each, and last how many clients our library accepted: 0
 * where it is not in the process.
 */
#define _GNU_SOURCE
#include "serve.h"

#include <dlfcn.h>
#include <dtlsv1_listen.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST 8

struct server {
	const char *name;
	void *handle;
	int apart;
	const char *(*version)(void);
	const char *(*tls)(void);
	const char *(*serve)(const char *, const char *, int);
};

static const char *certificate, *key;
static int with_callbacks, bad;

/* ISO C has no way from void * to a function: copy the bits, as POSIX says. */
static int
find(void *function, void *handle, const char *symbol)
{
	void *at = dlsym(handle, symbol);

	memcpy(function, &at, sizeof(at));
	return at != NULL;
}

static void
load(struct server *server, const char *path, int flags)
{
	server->apart = strncmp(path, "apart:", 6) == 0;
	if (server->apart) {
		path += 6;
		server->handle = dlmopen(LM_ID_NEWLM, path, flags);
	} else {
		server->handle = dlopen(path, flags);
	}
	if (server->handle == NULL || !find(&server->version, server->handle, "serve_version") ||
	    !find(&server->tls, server->handle, "serve_tls") ||
	    !find(&server->serve, server->handle, "serve")) {
		fprintf(stderr, "%s: %s\n", path, dlerror());
		exit(2);
	}
}

static void
say(const struct server *server, const char *what, const char *why)
{
	printf("%s: %s: %s\n", server->name, what, why != NULL ? why : "ok");
	fflush(stdout);
	bad += why != NULL;
}

static void *
in_a_thread(void *argument)
{
	struct server *server = argument;
	const char *why = NULL;
	int i;

	for (i = 0; i < 5 && why == NULL; i++)
		why = server->serve(certificate, key, with_callbacks);
	return (void *)(uintptr_t)why;
}

static void
at_once(struct server *servers, int n)
{
	pthread_t threads[MOST];
	void *why;
	int i;

	for (i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, in_a_thread, &servers[i]);
	for (i = 0; i < n; i++) {
		pthread_join(threads[i], &why);
		say(&servers[i], "with the others", why);
	}
}

static void
one_after_another_here(char **paths, int n)
{
	struct server server;
	char place[256], command[1024];
	int i;

	snprintf(place, sizeof(place), "%s.plugin", certificate);
	for (i = 0; i < 2 * n; i++) {
		snprintf(command, sizeof(command), "rm -f '%s' && cp '%s' '%s'", place,
		    paths[i % n], place);
		if (system(command) != 0)
			exit(2);
		server.name = strrchr(paths[i % n], '/') + 1;
		load(&server, place, RTLD_NOW | RTLD_LOCAL);
		say(&server, server.version(), server.serve(certificate, key, with_callbacks));
		dlclose(server.handle);
	}
}

static unsigned long long
accepted_by(void *handle)
{
	struct dtlsv1_listen_stats stats;
	int (*get)(struct dtlsv1_listen_stats *, size_t);

	if (!find(&get, handle, "dtlsv1_listen_get_stats") || get(&stats, sizeof(stats)) != 1)
		return 0;
	return stats.accepted;
}

static unsigned long long
accepted(const struct server *servers, int n)
{
	unsigned long long sum = accepted_by(RTLD_DEFAULT);

	while (n-- > 0)
		if (servers[n].apart)
			sum += accepted_by(servers[n].handle);
	return sum;
}

int
main(int argc, char **argv)
{
	struct server servers[MOST];
	int n = 0, i, option, again = 0;

	while ((option = getopt(argc, argv, "cr")) != -1) {
		with_callbacks |= option == 'c';
		again |= option == 'r';
	}
	certificate = argv[optind++];
	key = argv[optind++];
	if (again) {
		one_after_another_here(argv + optind, argc - optind);
		printf("accepted %llu\n", accepted(NULL, 0));
		return bad != 0;
	}
#ifdef SERVES
	servers[n++] = (struct server){ "the program", NULL, 0, serve_version, serve_tls, serve };
	say(&servers[0], serve_version(), serve(certificate, key, with_callbacks));
#endif
	for (i = optind; i < argc; i++) {
		int deep = strncmp(argv[i], "deep:", 5) == 0 ? 5 : 0;

		load(&servers[n], argv[i] + deep,
		    RTLD_NOW | RTLD_LOCAL | (deep ? RTLD_DEEPBIND : 0));
		servers[n].name = strrchr(argv[i], '/') + 1;
		say(&servers[n], "TLS", servers[n].tls());
		say(&servers[n], servers[n].version(),
		    servers[n].serve(certificate, key, with_callbacks));
		n++;
	}
	for (i = n; i-- > 0;)
		say(&servers[i], "again", servers[i].serve(certificate, key, with_callbacks));
	/* A second C library does not bear a thread of the first one's. */
	if (!servers[n - 1].apart)
		at_once(servers, n);
	printf("accepted %llu\n", accepted(servers, n));
	return bad != 0;
}
