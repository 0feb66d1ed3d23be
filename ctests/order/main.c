/* Whose DTLSv1_listen does this program call? */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

int
main(void)
{
	int (*call)(SSL *, BIO_ADDR *) = DTLSv1_listen;
	void *at;
	Dl_info info;

	memcpy(&at, &call, sizeof(at));
	if (dladdr(at, &info) == 0)
		return 1;
	puts(strrchr(info.dli_fname, '/') != NULL ? strrchr(info.dli_fname, '/') + 1 :
						    info.dli_fname);
	return 0;
}
