/* What one side did, as text: to be compared, and to be read. */

#ifndef MACRO_LOG_H
#define MACRO_LOG_H

#include <stddef.h>

struct log {
	size_t len;
	char text[64 * 1024];
};

void log_clear(struct log *log);
void log_line(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_bytes(struct log *log, const char *what, const unsigned char *bytes, size_t len);
int log_same(const struct log *one, const struct log *other);

#endif
