/* Loads plugins, each on a libssl of its own (listens.c), and prints for how many it went well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char *argv[])
{
	int (*refused)(void), i, sum = 0;
	void *handle, *at;

	for (i = 1; i < argc; i++) {
		handle = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		if (handle == NULL || (at = dlsym(handle, "refused")) == NULL) {
			printf("%s\n", dlerror());
			return 1;
		}
		memcpy(&refused, &at, sizeof(at));
		sum += refused();
	}
	printf("%d\n", sum);
	return 0;
}
