/*
 * GCC's unwinder, looked up when something unwinds: a thread that is cancelled, an exception of the program's, a panic; and
 * to find who calls one of our own functions. As a library that ours is linked to it would be in every process that ours is
 * preloaded into, and took a third of what an exec costs more. glibc looks it up so for pthread_exit(3), and ends the process
 * likewise where there is none.
 *
 * Of the shared object alone: a program that is linked with the archive has an unwinder of its own. What a system's
 * unwinder has besides (ARM's) is linked to as ever (tools/mk/link.mk).
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void (*function)(void);

static function
look_for(const char *name, _Atomic(function) *known)
{
	function found = atomic_load_explicit(known, memory_order_relaxed);
	void *library, *at;

	if (found != NULL)
		return found;
	library = dlopen("libgcc_s.so.1", RTLD_NOW);
	at = library == NULL ? NULL : dlsym(library, name);
	if (at == NULL)
		return NULL;
	memcpy(&found, &at, sizeof(found));
	atomic_store_explicit(known, found, memory_order_relaxed);
	return found;
}

static function
find(const char *name, _Atomic(function) *known)
{
	static const char lost[] = "dtlsv1_listen: a thread ends or an exception passes, and there "
				   "is no libgcc_s.so.1 to unwind "
				   "with: install libgcc-s1\n";
	function found = look_for(name, known);

	if (found == NULL) {
		(void)!write(STDERR_FILENO, lost, sizeof(lost) - 1);
		abort();
	}
	return found;
}

/* As in the Itanium C++ ABI, "Exception Handling", Level I; to us its structures are addresses. */
#define FORWARD(result, name, parameters, arguments) \
	result name parameters; \
	result name parameters \
	{ \
		static _Atomic(function) known; \
		return ((result(*) parameters)find(#name, &known))arguments; \
	}
#define FORWARD_VOID(name, parameters, arguments) \
	void name parameters; \
	void name parameters \
	{ \
		static _Atomic(function) known; \
		((void(*) parameters)find(#name, &known)) arguments; \
	}

/* Nobody's end: without it a walk up the stack shows nothing. */
int _Unwind_Backtrace(void *, void *);
int
_Unwind_Backtrace(void *trace, void *argument)
{
	enum { END_OF_STACK = 5 };
	static _Atomic(function) known;
	function found = look_for(__func__, &known);

	return found == NULL ? END_OF_STACK : ((int (*)(void *, void *))found)(trace, argument);
}

FORWARD(uintptr_t, _Unwind_GetCFA, (void *context), (context))
FORWARD(void *, _Unwind_FindEnclosingFunction, (void *at), (at))
FORWARD(uintptr_t, _Unwind_GetDataRelBase, (void *context), (context))
FORWARD(uintptr_t, _Unwind_GetIP, (void *context), (context))
FORWARD(uintptr_t, _Unwind_GetIPInfo, (void *context, int *before), (context, before))
FORWARD(void *, _Unwind_GetLanguageSpecificData, (void *context), (context))
FORWARD(uintptr_t, _Unwind_GetRegionStart, (void *context), (context))
FORWARD(uintptr_t, _Unwind_GetTextRelBase, (void *context), (context))
FORWARD(int, _Unwind_RaiseException, (void *exception), (exception))
FORWARD_VOID(_Unwind_DeleteException, (void *exception), (exception))
FORWARD_VOID(_Unwind_Resume, (void *exception), (exception))
FORWARD_VOID(_Unwind_SetGR, (void *context, int index, uintptr_t value), (context, index, value))
FORWARD_VOID(_Unwind_SetIP, (void *context, uintptr_t value), (context, value))
