/*
 * Makes one of the things that DTLSv1_listen asks of others fail: the n-th of
 * its kind, once or from then on. The functions of those names in this file
 * take the place of libc's and OpenSSL's in the program that includes it, and
 * in the libraries below: so it is no part of lib/, which every program has.
 */
#ifndef CTESTS_FAULTS_INJECT_H
#define CTESTS_FAULTS_INJECT_H

#include <dlfcn.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "lib/check.h"

enum fault {
	FAULT_ALLOC, /* malloc, calloc, realloc, aligned ones; libcrypto's too */
	FAULT_BIO_NEW,
	FAULT_BIO_METH_NEW,
	FAULT_BIO_UP_REF,
	FAULT_EX_INDEX,
	FAULT_EX_DATA,
	FAULT_DLSYM,
	FAULT_RANDOM,
	FAULTS
};

static const char *const fault_names[FAULTS] = { "allocation", "BIO_new", "BIO_meth_new",
	"BIO_up_ref", "CRYPTO_get_ex_new_index", "SSL_set_ex_data", "dlsym", "getrandom" };

/* Set while one thread runs; the tests that use this have no other. */
static enum fault kind;
static long nth, seen, live;
static int begun, on, always, paused;

/* In the functions that take another's place: who called? */
#define fails(what) fails_for((what), __builtin_return_address(0))

/*
 * From 3.2 on libssl does not survive every failure of what it asks for itself
 * (seen on 3.5.5 and 4.0.3: the process crashes). There only what our library
 * asks for fails.
 */
static int
asked_by_us(void *caller)
{
	Dl_info of_caller, ours;
	int (*listen)(SSL *, BIO_ADDR *) = DTLSv1_listen;
	void *at;

	memcpy(&at, &listen, sizeof(at));
	return dladdr(caller, &of_caller) != 0 && dladdr(at, &ours) != 0 &&
	    of_caller.dli_fbase == ours.dli_fbase;
}

static int
fails_for(enum fault what, void *caller)
{
	if (!on || paused || what != kind)
		return 0;
	if (OpenSSL_version_num() >= 0x30200000L && !asked_by_us(caller))
		return 0;
	seen++;
	return seen == nth || (always && seen > nth);
}

/* From now on the n-th (from 1) of a kind fails, and with `ever` all later ones. */
static void
faults_set(enum fault what, long n, int ever)
{
	kind = what;
	nth = n;
	seen = 0;
	always = ever;
	on = 1;
}

/* Nothing fails; how many of the kind were asked for since faults_set(). */
static long
faults_clear(void)
{
	on = 0;
	return seen;
}

/* While paused nothing fails and nothing counts. */
static void
faults_pause(int now)
{
	paused = now;
}

/* Allocations not given back yet. */
static long
faults_live(void)
{
	return live;
}

/* The function of that name which this program's own hides. */
static void *
hidden(const char *library_of, const char *name)
{
	static void *(*look_up)(void *, const char *);
	Dl_info info;
	void *owner, *at;

	if (look_up == NULL) {
		void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

		NEED(libc != NULL);
		at = dlvsym(libc, "dlsym", "GLIBC_2.34");
		if (at == NULL) /* glibc before 2.34 has it in libdl */
			at = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
		NEED(at != NULL);
		*(void **)&look_up = at;
	}
	NEED(dladdr(look_up(RTLD_DEFAULT, library_of), &info) != 0);
	owner = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	NEED(owner != NULL);
	return look_up(owner, name);
}

/* One of libssl's or libcrypto's, told by a function that is not hidden. */
#define HIDDEN(of, name) \
	static __typeof__(name) *real; \
	if (real == NULL) \
	*(void **)&real = hidden(of, #name)

BIO *
BIO_new(const BIO_METHOD *method)
{
	HIDDEN("BIO_s_mem", BIO_new);
	return fails(FAULT_BIO_NEW) ? NULL : real(method);
}

BIO_METHOD *
BIO_meth_new(int type, const char *name)
{
	HIDDEN("BIO_s_mem", BIO_meth_new);
	return fails(FAULT_BIO_METH_NEW) ? NULL : real(type, name);
}

int
BIO_up_ref(BIO *bio)
{
	HIDDEN("BIO_s_mem", BIO_up_ref);
	return fails(FAULT_BIO_UP_REF) ? 0 : real(bio);
}

int
CRYPTO_get_ex_new_index(int class_index, long argl, void *argp, CRYPTO_EX_new *made,
    CRYPTO_EX_dup *dup, CRYPTO_EX_free *gone)
{
	HIDDEN("BIO_s_mem", CRYPTO_get_ex_new_index);
	return fails(FAULT_EX_INDEX) ? -1 : real(class_index, argl, argp, made, dup, gone);
}

int
SSL_set_ex_data(SSL *ssl, int index, void *data)
{
	HIDDEN("SSL_CTX_new", SSL_set_ex_data);
	return fails(FAULT_EX_DATA) ? 0 : real(ssl, index, data);
}

/*
 * RTLD_NEXT means "behind the caller", and the caller is the library: libssl is
 * what it looks for there.
 */
void *
dlsym(void *handle, const char *name)
{
	static void *(*real)(void *, const char *);
	static void *libssl;

	if (real == NULL) {
		Dl_info info;

		*(void **)&real = hidden("malloc_usable_size", "dlsym");
		NEED(dladdr(real(RTLD_DEFAULT, "SSL_CTX_new"), &info) != 0);
		libssl = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
		NEED(libssl != NULL);
	}
	if (fails(FAULT_DLSYM))
		return NULL;
	return real(handle == RTLD_NEXT ? libssl : handle, name);
}

ssize_t
getrandom(void *to, size_t len, unsigned int flags)
{
	static ssize_t (*real)(void *, size_t, unsigned int);

	/* Not yet there when the library is loaded: so it asks again at need. */
	if (!begun) {
		errno = EAGAIN;
		return -1;
	}
	if (real == NULL)
		*(void **)&real = hidden("malloc_usable_size", "getrandom");
	if (fails(FAULT_RANDOM)) {
		errno = EIO;
		return -1;
	}
	return real(to, len, flags);
}

#include "faults_malloc.h"

/* Before libcrypto's first allocation: they count, and fail, as well. */
static void
faults_init(void)
{
	begun = 1;
	NEED(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1);
}

#endif
