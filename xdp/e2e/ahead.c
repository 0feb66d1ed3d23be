/* Preloaded: a server whose wall clock is ten minutes ahead, as the library asks for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

time_t
time(time_t *at)
{
	time_t (*real)(time_t *) = (time_t (*)(time_t *))dlsym(RTLD_NEXT, "time");
	time_t now = real(NULL) + 600;

	if (at)
		*at = now;
	return now;
}
