/*
 * Counts heap allocations; to be preloaded. Apart from the programs, since the
 * counting costs what is measured elsewhere.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <stddef.h>
#include <stdlib.h>

/* glibc's own, by the names it keeps for wrappers like these. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

long count_malloc(void);

/* In the static block: a call for memory while making TLS would recurse. */
static _Thread_local long count __attribute__((tls_model("initial-exec")));

long
count_malloc(void)
{
	return count;
}

void *
malloc(size_t size)
{
	count++;
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	count++;
	return __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	count++;
	return __libc_realloc(old, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	count++;
	return __libc_memalign(alignment, size);
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
	count++;
	*out = __libc_memalign(alignment, size);
	return *out == NULL ? 12 /* ENOMEM */ : 0;
}
