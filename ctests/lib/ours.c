#define _GNU_SOURCE
#include "ours.h"
#include "check.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ours ours;

/* ISO C has no way from void * to a function: copy the bits, as POSIX says. */
static void
look_up(void *function, const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);

	if (at == NULL) {
		fprintf(stderr, "no %s in this process: %s\n", symbol,
		    dlerror());
		exit(3);
	}
	memcpy(function, &at, sizeof(at));
}

void
ours_init(void)
{
	look_up(&ours.peer, "dtlsv1_listen_peer");
	look_up(&ours.set_peer, "dtlsv1_listen_set_peer");
	look_up(&ours.set_cookie_policy, "dtlsv1_listen_set_cookie_policy");
	look_up(&ours.set_repairs, "dtlsv1_listen_set_repairs");
	look_up(&ours.set_secret, "dtlsv1_listen_set_secret");
	look_up(&ours.set_secret_file, "dtlsv1_listen_set_secret_file");
	look_up(&ours.set_cookie_lifetime,
	    "dtlsv1_listen_set_cookie_lifetime");
	look_up(&ours.cookie_generate, "dtlsv1_listen_cookie_generate");
	look_up(&ours.cookie_verify, "dtlsv1_listen_cookie_verify");
	look_up(&ours.version, "dtlsv1_listen_version");
	look_up(&ours.datagram, "dtlsv1_listen_datagram");
	look_up(&ours.adopt, "dtlsv1_listen_adopt");
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
	NEED(dladdr(at, &info) != 0 &&
	    strstr(info.dli_fname, "libdtlsv1_listen.so") == NULL);
	dlclose(libssl);
	return at;
}
