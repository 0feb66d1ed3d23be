#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"
#include "side.h"

enum { POLICY_APP = 1 }; /* DTLSV1_LISTEN_COOKIES_APP */

struct side ours, reference;
static int control_run;

static const char *const method_names[METHODS] = {
	[METHOD_DTLS] = "DTLS_method",
	[METHOD_DTLS_SERVER] = "DTLS_server_method",
	[METHOD_DTLS_CLIENT] = "DTLS_client_method",
	[METHOD_DTLS12] = "DTLSv1_2_method",
	[METHOD_DTLS12_SERVER] = "DTLSv1_2_server_method",
	[METHOD_DTLS10] = "DTLSv1_method",
	[METHOD_DTLS10_SERVER] = "DTLSv1_server_method",
	[METHOD_TLS] = "TLS_method",
};
static const SSL_METHOD *(*methods[METHODS])(void);

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the bytes do. */
static int
look_up(void *handle, const char *name, void *function, size_t size)
{
	void *found = dlsym(handle, name);

	memcpy(function, &found, size);
	return found != NULL;
}
#define LOOK_UP(handle, name, function) look_up(handle, name, &(function), sizeof(function))

static const char *
object_of(int (*listen)(SSL *, BIO_ADDR *))
{
	Dl_info info;
	void *address;

	memcpy(&address, &listen, sizeof(address));
	return dladdr(address, &info) != 0 ? info.dli_fname : "?";
}

/* The libssl that this program runs on, whatever its soname. */
static void *
libssl_handle(void)
{
	/* One that is not among our exports. */
	SSL_CTX *(*new)(const SSL_METHOD *) = SSL_CTX_new;
	Dl_info info;
	void *address;

	memcpy(&address, &new, sizeof(address));
	return dladdr(address, &info) != 0 ? dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY) : NULL;
}

static int
open_reference(void *libssl)
{
	for (int i = 0; i < METHODS; i++)
		LOOK_UP(libssl, method_names[i], methods[i]);
	reference.name = "libssl";
	return LOOK_UP(libssl, "DTLSv1_listen", reference.listen) &&
	    LOOK_UP(libssl, "SSL_CTX_set_cookie_generate_cb", reference.set_generate) &&
	    LOOK_UP(libssl, "SSL_CTX_set_cookie_verify_cb", reference.set_verify) &&
	    LOOK_UP(libssl, "SSL_new", reference.new_ssl) &&
	    LOOK_UP(libssl, "SSL_ctrl", reference.ctrl) &&
	    LOOK_UP(libssl, "SSL_CTX_ctrl", reference.ctx_ctrl) &&
	    LOOK_UP(libssl, "SSL_set_msg_callback", reference.set_message) &&
	    LOOK_UP(libssl, "SSL_CTX_set_msg_callback", reference.ctx_set_message);
}

static int
open_ours(void)
{
	ours.name = "ours";
	ours.listen = DTLSv1_listen;
	ours.set_generate = SSL_CTX_set_cookie_generate_cb;
	ours.set_verify = SSL_CTX_set_cookie_verify_cb;
	ours.new_ssl = SSL_new;
	ours.ctrl = SSL_ctrl;
	ours.ctx_ctrl = SSL_CTX_ctrl;
	ours.set_message = SSL_set_msg_callback;
	ours.ctx_set_message = SSL_CTX_set_msg_callback;
	if (strstr(object_of(ours.listen), "/libdtlsv1_listen") == NULL) {
		fprintf(stderr,
		    "differential: DTLSv1_listen comes from %s, not from "
		    "libdtlsv1_listen: link it before -lssl\n",
		    object_of(ours.listen));
		return 0;
	}
	if (!LOOK_UP(RTLD_DEFAULT, "dtlsv1_listen_set_cookie_policy", ours.set_policy) ||
	    !LOOK_UP(RTLD_DEFAULT, "dtlsv1_listen_set_repairs", ours.set_repairs) ||
	    !LOOK_UP(RTLD_DEFAULT, "dtlsv1_listen_datagram", ours.datagram) ||
	    !LOOK_UP(RTLD_DEFAULT, "dtlsv1_listen_adopt", ours.adopt)) {
		fprintf(stderr, "differential: %s lacks one of its own functions: %s\n",
		    object_of(ours.listen), dlerror());
		return 0;
	}
	return 1;
}

int
sides_open(int control)
{
	void *libssl = libssl_handle();

	if (libssl == NULL || !open_reference(libssl)) {
		fprintf(
		    stderr, "differential: the loaded libssl lacks a function: %s\n", dlerror());
		return 0;
	}
	control_run = control;
	if (control) {
		ours = reference;
		ours.name = "libssl again";
	} else if (!open_ours()) {
		return 0;
	}
	printf("ours:   %s\nlibssl: %s (%s)\n", object_of(ours.listen), object_of(reference.listen),
	    OpenSSL_version(OPENSSL_VERSION));
	if (!control && strcmp(object_of(ours.listen), object_of(reference.listen)) == 0) {
		fprintf(stderr, "differential: both sides are the same object\n");
		return 0;
	}
	return 1;
}

int
sides_are_control(void)
{
	return control_run;
}

int
sides_have_method(int method)
{
	return methods[method] != NULL;
}

const SSL_METHOD *
sides_method(int method)
{
	return methods[method]();
}

SSL_CTX *
side_context(struct side *side, int method)
{
	SSL_CTX *ctx = side->contexts[method];

	if (ctx != NULL || methods[method] == NULL)
		return ctx;
	ctx = SSL_CTX_new(methods[method]());
	if (ctx == NULL || !identity_install(ctx) ||
	    (side->set_policy != NULL && side->set_policy(ctx, POLICY_APP) != 1)) {
		fprintf(stderr, "differential: cannot set up an SSL_CTX for %s\n",
		    method_names[method]);
		SSL_CTX_free(ctx);
		return NULL;
	}
	side->ctx_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
	return side->contexts[method] = ctx;
}

void
sides_close(void)
{
	for (int i = 0; i < METHODS; i++) {
		SSL_CTX_free(ours.contexts[i]);
		SSL_CTX_free(reference.contexts[i]);
		ours.contexts[i] = reference.contexts[i] = NULL;
	}
}
