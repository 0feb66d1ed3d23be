/*
 * The allocations of faults_inject.h, which includes this: malloc() and its
 * friends, and libcrypto's own by CRYPTO_set_mem_functions().
 */
#ifndef CTESTS_FAULTS_MALLOC_H
#define CTESTS_FAULTS_MALLOC_H

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void *
counted(void *at)
{
	live += at != NULL;
	return at;
}

static int
none_left(void *caller)
{
	if (!fails_for(FAULT_ALLOC, caller))
		return 0;
	errno = ENOMEM;
	return 1;
}

static void *
allocate(size_t size, void *caller)
{
	return none_left(caller) ? NULL : counted(__libc_malloc(size));
}

static void *
reallocate(void *at, size_t size, void *caller)
{
	if (at == NULL)
		return allocate(size, caller);
	return none_left(caller) ? NULL : __libc_realloc(at, size);
}

void *
malloc(size_t size)
{
	return allocate(size, __builtin_return_address(0));
}

void *
calloc(size_t n, size_t size)
{
	return none_left(__builtin_return_address(0)) ? NULL : counted(__libc_calloc(n, size));
}

void *
realloc(void *at, size_t size)
{
	return reallocate(at, size, __builtin_return_address(0));
}

int
posix_memalign(void **to, size_t align, size_t size)
{
	if (none_left(__builtin_return_address(0)))
		return ENOMEM;
	*to = counted(__libc_memalign(align, size));
	return *to == NULL ? ENOMEM : 0;
}

void *
aligned_alloc(size_t align, size_t size)
{
	return none_left(__builtin_return_address(0)) ? NULL :
							counted(__libc_memalign(align, size));
}

void
free(void *at)
{
	live -= at != NULL;
	__libc_free(at);
}

/*
 * The caller is libcrypto. Through malloc() it would be this program, which has
 * the library in it when linked statically, and would pass for it.
 */
static void *
crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return allocate(size, __builtin_return_address(0));
}

static void *
crypto_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return reallocate(at, size, __builtin_return_address(0));
}

static void
crypto_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

#endif
