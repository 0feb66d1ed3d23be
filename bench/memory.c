/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdio.h>

#include "memory.h"

long
peak_kb(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (status != NULL && kb == -1 && fgets(line, sizeof(line), status) != NULL)
		sscanf(line, "VmHWM: %ld kB", &kb);
	if (status != NULL)
		fclose(status);
	return kb;
}
