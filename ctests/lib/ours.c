#define _GNU_SOURCE
#include "ours.h"
#include "check.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ours ours;

/* ISO C has no way from void * to a function: copy the bits, as POSIX says. */
void
ours_find(const char *symbol, void *function)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);

	if (at == NULL) {
		fprintf(stderr, "no %s in this process: %s\n", symbol, dlerror());
		exit(3);
	}
	memcpy(function, &at, sizeof(at));
}

void
ours_init(void)
{
	ours_find("dtlsv1_listen_peer", &ours.peer);
	ours_find("dtlsv1_listen_set_peer", &ours.set_peer);
	ours_find("dtlsv1_listen_set_cookie_policy", &ours.set_cookie_policy);
	ours_find("dtlsv1_listen_set_repairs", &ours.set_repairs);
	ours_find("dtlsv1_listen_set_secret", &ours.set_secret);
	ours_find("dtlsv1_listen_set_secret_file", &ours.set_secret_file);
	ours_find("dtlsv1_listen_set_cookie_lifetime", &ours.set_cookie_lifetime);
	ours_find("dtlsv1_listen_cookie_generate", &ours.cookie_generate);
	ours_find("dtlsv1_listen_cookie_verify", &ours.cookie_verify);
	ours_find("dtlsv1_listen_version", &ours.version);
	ours_find("dtlsv1_listen_datagram", &ours.datagram);
	ours_find("dtlsv1_listen_adopt", &ours.adopt);
}

void *
libssl_own(const char *symbol)
{
	void *libssl, *at;
	Dl_info info;

	/* SSL_CTX_new is not among our exports: its owner is libssl. */
	NEED(dladdr(dlsym(RTLD_DEFAULT, "SSL_CTX_new"), &info) != 0);
	libssl = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	NEED(libssl != NULL);
	at = dlsym(libssl, symbol);
	NEED(at != NULL);
	NEED(dladdr(at, &info) != 0 && strstr(info.dli_fname, "libdtlsv1_listen.so") == NULL);
	dlclose(libssl);
	return at;
}
