/* The first datagrams of real clients: lines "> HEX" in a text file. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hello.h"

enum { MAX_CORPUS = 400 };

static struct {
	unsigned char *bytes;
	size_t len;
} datagrams[MAX_CORPUS];
static size_t count;

static int
add_line(const char *hex)
{
	size_t digits = strspn(hex, "0123456789abcdef");
	unsigned char *bytes = malloc(digits / 2 + 1);

	if (bytes == NULL || count == MAX_CORPUS || digits % 2 != 0 || digits == 0) {
		free(bytes);
		return 0;
	}
	for (size_t i = 0; i < digits / 2; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	datagrams[count].bytes = bytes;
	datagrams[count++].len = digits / 2;
	return 1;
}

int
corpus_open(const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	int fine = 1;

	if (file == NULL) {
		fprintf(stderr,
		    "differential: cannot open the corpus %s (--corpus names "
		    "another)\n",
		    path);
		return 0;
	}
	while (fine && getline(&line, &room, file) > 0)
		if (strncmp(line, "> ", 2) == 0)
			fine = add_line(line + 2);
	free(line);
	fclose(file);
	if (!fine || count == 0)
		fprintf(stderr,
		    "differential: %s does not hold datagrams as lines of '> "
		    "HEX'\n",
		    path);
	return fine && count > 0;
}

size_t
corpus_count(void)
{
	return count;
}

size_t
corpus_get(size_t index, unsigned char *bytes, size_t room)
{
	size_t len = datagrams[index].len < room ? datagrams[index].len : room;

	memcpy(bytes, datagrams[index].bytes, len);
	return len;
}
