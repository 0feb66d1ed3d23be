/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "mark.h"

static volatile int nobody;
static volatile int *counting = &nobody;

void
mark_init(void)
{
	const char *fd = getenv(MARK_FD_ENV);
	void *page;

	if (fd == NULL)
		return;
	page = mmap(NULL, sizeof(*counting), PROT_READ | PROT_WRITE, MAP_SHARED,
	    atoi(fd), 0);
	if (page == MAP_FAILED) {
		perror("mapping stepcount's page");
		exit(1);
	}
	counting = page;
	mark_begin();
	mark_end();
}

/* stepcount steps from the stop on, and counts from the store on. */
void
mark_begin(void)
{
	if (counting != &nobody)
		raise(SIGSTOP);
	*counting = 1;
}

void
mark_end(void)
{
	*counting = 0;
}
