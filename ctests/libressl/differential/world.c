#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "world.h"

struct world ours = { .name = "ours" }, plain = { .name = "plain" };

enum { POLICY_APP = 1, ALL_REPAIRS_BUT_FRAGMENTS = 3 };

static void
give_up(const char *what)
{
	fprintf(stderr, "macro world: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

/* A function by its name, in this handle; `owner` is a part of the file's name that has to have it. */
static void
find(void *handle, const char *name, const char *owner, void *function)
{
	void *at = dlsym(handle, name);
	Dl_info info;

	if (at == NULL || dladdr(at, &info) == 0 || strstr(info.dli_fname, owner) == NULL) {
		fprintf(stderr, "macro world: %s is not %s's\n", name, owner);
		exit(2);
	}
	memcpy(function, &at, sizeof(at));
}

static void
find_plain(struct world *world, void *libssl)
{
	find(libssl, "SSL_CTX_new", "libssl.so", &world->new_ctx);
	find(libssl, "SSL_new", "libssl.so", &world->new_ssl);
	find(libssl, "SSL_ctrl", "libssl.so", &world->ctrl);
	find(libssl, "SSL_CTX_set_cookie_generate_cb", "libssl.so", &world->set_generate);
	find(libssl, "SSL_CTX_set_cookie_verify_cb", "libssl.so", &world->set_verify);
	find(libssl, "SSL_set_msg_callback", "libssl.so", &world->set_message);
}

/* As the loader has bound this program: a look-up does not find all of it. */
static void
find_ours(struct world *world)
{
	void *at;

	find(RTLD_DEFAULT, "SSL_ctrl", "libdtlsv1_listen.so", &at);
	world->new_ctx = SSL_CTX_new;
	world->new_ssl = SSL_new;
	world->ctrl = SSL_ctrl;
	world->set_generate = SSL_CTX_set_cookie_generate_cb;
	world->set_verify = SSL_CTX_set_cookie_verify_cb;
	world->set_message = SSL_set_msg_callback;
}

static void
make_ctx(struct world *world, const char *certificate, const char *key)
{
	world->ctx = world->new_ctx(DTLS_server_method());
	if (world->ctx == NULL ||
	    SSL_CTX_use_certificate_file(world->ctx, certificate, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(world->ctx, key, SSL_FILETYPE_PEM) != 1)
		give_up("no SSL_CTX");
	/* Without it a record's header is read, and the datagram lost. */
	SSL_CTX_set_read_ahead(world->ctx, 1);
	/* A ticket's length would be the only thing that is not the same twice. */
	SSL_CTX_set_options(world->ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(world->ctx, SSL_SESS_CACHE_OFF);
}

void
worlds_open(const char *certificate, const char *key, int control)
{
	int (*set_policy)(SSL_CTX *ctx, int policy),
	    (*set_repairs)(SSL_CTX *ctx, unsigned int repairs);
	void *libssl;
	Dl_info info;

	/* A function of theirs that we have none of. */
	if (dladdr(dlsym(RTLD_DEFAULT, "SSL_get_SSL_CTX"), &info) == 0)
		give_up("no libssl");
	libssl = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	if (libssl == NULL)
		give_up(dlerror());
	find_plain(&plain, libssl);
	make_ctx(&plain, certificate, key);
	if (control) {
		find_plain(&ours, libssl);
		make_ctx(&ours, certificate, key);
		return;
	}
	find_ours(&ours);
	make_ctx(&ours, certificate, key);
	find(RTLD_DEFAULT, "dtlsv1_listen_set_cookie_policy", "libdtlsv1_listen.so", &set_policy);
	find(RTLD_DEFAULT, "dtlsv1_listen_set_repairs", "libdtlsv1_listen.so", &set_repairs);
	if (set_policy(ours.ctx, POLICY_APP) != 1 ||
	    set_repairs(ours.ctx, ALL_REPAIRS_BUT_FRAGMENTS) != 1)
		give_up("ours takes no settings");
}

void
worlds_close(void)
{
	SSL_CTX_free(ours.ctx);
	SSL_CTX_free(plain.ctx);
}
