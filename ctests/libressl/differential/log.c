#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

void
log_clear(struct log *log)
{
	log->len = 0;
	log->text[0] = '\0';
}

void
log_line(struct log *log, const char *format, ...)
{
	size_t room = sizeof(log->text) - log->len;
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(log->text + log->len, room, format, arguments);
	va_end(arguments);
	/* What does not fit is missing on both sides. */
	log->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

void
log_bytes(struct log *log, const char *what, const unsigned char *bytes, size_t len)
{
	log_line(log, "    %s (%zu): ", what, len);
	for (size_t i = 0; i < len && i < 600; i++)
		log_line(log, "%02x", bytes[i]);
	log_line(log, "\n");
}

int
log_same(const struct log *one, const struct log *other)
{
	return one->len == other->len && memcmp(one->text, other->text, one->len) == 0;
}
