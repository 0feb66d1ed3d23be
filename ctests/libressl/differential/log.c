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
	enum { SHOWN = 600 };
	static const char digits[] = "0123456789abcdef";
	char hex[2 * SHOWN + 1];
	size_t shown = len < SHOWN ? len : SHOWN;

	/* Not by printf: most of a run's time went there. */
	for (size_t i = 0; i < shown; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * shown] = '\0';
	log_line(log, "    %s (%zu): %s\n", what, len, hex);
}

int
log_same(const struct log *one, const struct log *other)
{
	return one->len == other->len && memcmp(one->text, other->text, one->len) == 0;
}
