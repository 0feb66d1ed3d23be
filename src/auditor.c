/*
 * For programs that look libssl's functions up with dlsym(3), as Qt, Python's
 * ctypes and many plugins do: what they find is libssl's own, whatever stands in
 * front of it. The loader asks this module (rtld-audit(7), LD_AUDIT) what a name
 * is to be bound to, and where libdtlsv1_listen is in the process too it gives
 * its function, one for each libssl.
 *
 * It has a namespace of its own in the process: it uses no library, so that none
 * is loaded a second time.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>

#define OURS 1 /* the cookie of libdtlsv1_listen; any other object has 0 */

/* dtlsv1_listen_symbind(): what to give for a definition of libssl's. */
static void *(*bind)(const char *name, void *definition);

static int
begins(const char *text, const char *start)
{
	while (*start != '\0' && *text == *start)
		text++, start++;
	return *start == '\0';
}

unsigned int
la_version(unsigned int version)
{
	return version < LAV_CURRENT ? version : LAV_CURRENT;
}

unsigned int
la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
	const char *base, *at;

	for (base = at = map->l_name; *at != '\0'; at++)
		if (*at == '/')
			base = at + 1;
	*cookie = 0;
	if (space != LM_ID_BASE)
		return 0;
	if (begins(base, "libdtlsv1_listen.so")) {
		*cookie = OURS;
		return LA_FLG_BINDTO | LA_FLG_BINDFROM;
	}
	return begins(base, "libssl") ? LA_FLG_BINDTO | LA_FLG_BINDFROM : LA_FLG_BINDFROM;
}

/* Ours, when it is loaded, looks its own function up: so it is found here. */
static uintptr_t
symbind(
    uintptr_t at, const uintptr_t *from, const uintptr_t *to, unsigned int flags, const char *name)
{
	void *definition = (void *)at;

	if ((flags & LA_SYMB_DLSYM) == 0)
		return at;
	if (*from == OURS) {
		if (*to == OURS && begins(name, "dtlsv1_listen_symbind"))
			bind = (void *(*)(const char *, void *))at;
		return at;
	}
	return bind == NULL || *to == OURS ? at : (uintptr_t)bind(name, definition);
}

uintptr_t
la_symbind64(Elf64_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to,
    unsigned int *flags, const char *name)
{
	(void)index;
	return symbind((uintptr_t)symbol->st_value, from, to, *flags, name);
}

uintptr_t
la_symbind32(Elf32_Sym *symbol, unsigned int index, uintptr_t *from, uintptr_t *to,
    unsigned int *flags, const char *name)
{
	(void)index;
	return symbind((uintptr_t)symbol->st_value, from, to, *flags, name);
}
