/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct options opt = {
	.patience = 30,
	.messages = 1,
	.spread = 1,
	.seed = 1,
};

static const struct {
	const char *name;
	double *real;
	long *whole;
} names[] = {
	{ "loss", &opt.loss, NULL },
	{ "stay", &opt.stay, NULL },
	{ "every", &opt.every, NULL },
	{ "patience", &opt.patience, NULL },
	{ "double", NULL, &opt.twice },
	{ "parallel", NULL, &opt.parallel },
	{ "messages", NULL, &opt.messages },
	{ "restart", NULL, &opt.restart },
	{ "again", NULL, &opt.again },
	{ "spread", NULL, &opt.spread },
	{ "seed", NULL, &opt.seed },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static void
read_option(const char *text)
{
	size_t k, len;

	for (k = 0; k < NAMES; k++) {
		len = strlen(names[k].name);
		if (strncmp(text, names[k].name, len) != 0 || text[len] != '=')
			continue;
		if (names[k].real != NULL)
			*names[k].real = atof(text + len + 1);
		else
			*names[k].whole = atol(text + len + 1);
		return;
	}
	fprintf(stderr, "clients: what is %s?\n", text);
	exit(2);
}

void
read_options(int argc, char *argv[])
{
	int i;

	for (i = 0; i < argc; i++)
		read_option(argv[i]);
}
