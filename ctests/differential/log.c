#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const struct {
	const char *name;
	const char *values[EVENT_VALUES];
} kinds[EVENT_KINDS] = {
	[EVENT_STEP] = { "----", { "step" } },
	[EVENT_READ] = { "read", { "number", "returned" } },
	[EVENT_WRITE] = { "write", { "returned" } },
	[EVENT_FLUSH] = { "flush", { "returned" } },
	[EVENT_SET_PEER] = { "set peer", { "family" } },
	[EVENT_GENERATE] = { "generate callback",
	    { "returned", "length", "same-ssl", "same-bio", "peer" } },
	[EVENT_VERIFY] = { "verify callback", { "returned", "same-ssl", "same-bio" } },
	[EVENT_VERIFY_PEER] = { "verify callback's peer", { "peer" } },
	[EVENT_MSG] = { "message callback", { "sent", "version", "type", "argument", "same-bio" } },
	[EVENT_INFO] = { "info callback", { "where", "value" } },
	[EVENT_HELLO] = { "client hello callback", { "same-ssl", "same-bio" } },
	[EVENT_RETURN] = { "returned", { "value", "SSL_get_error", "errno" } },
	[EVENT_ERROR] = { "error queue", { "library", "reason" } },
	[EVENT_STATE] = { "state", { NULL } },
	[EVENT_BOUNDS] = { "bounds", { "lowest", "highest" } },
	[EVENT_SSL] = { "ssl", { "cookie-exchange", "version", "want", "pending", "shutdown" } },
	[EVENT_BIOS] = { "bios", { "read-back", "write-back", "read-flags", "write-flags" } },
	[EVENT_MEMORY] = { "memory", { "left" } },
	[EVENT_PEER] = { "peer", { NULL } },
	[EVENT_ALIVE] = { "bios alive", { "count" } },
	[EVENT_RUNAWAY] = { "RAN AWAY", { NULL } },
};

static void *
grown(void *old, size_t *room, size_t need, size_t each)
{
	size_t size = *room;

	if (need <= size)
		return old;
	while (size < need)
		size = size == 0 ? 64 : size * 2;
	old = realloc(old, size * each);
	if (old == NULL) {
		fprintf(stderr, "differential: out of memory\n");
		exit(2);
	}
	*room = size;
	return old;
}

void
log_reset(struct log *log)
{
	log->count = 0;
	log->used = 0;
}

struct event *
log_add(struct log *log, enum event_kind kind, const void *bytes, size_t len)
{
	struct event *event;

	log->events = grown(log->events, &log->room, log->count + 1, sizeof(*event));
	log->bytes = grown(log->bytes, &log->size, log->used + len, 1);
	event = &log->events[log->count++];
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->at = log->used;
	event->len = len;
	if (len > 0)
		memcpy(log->bytes + log->used, bytes, len);
	log->used += len;
	return event;
}

void
log_values(struct event *event, const long *values)
{
	memcpy(event->values, values, sizeof(event->values));
}

unsigned char *
log_bytes(const struct log *log, const struct event *event)
{
	return log->bytes + event->at;
}

static int
same(const struct log *a, const struct event *x, const struct log *b, const struct event *y)
{
	return x->kind == y->kind && memcmp(x->values, y->values, sizeof(x->values)) == 0 &&
	    x->len == y->len &&
	    (x->len == 0 || memcmp(log_bytes(a, x), log_bytes(b, y), x->len) == 0);
}

long
log_compare(const struct log *a, const struct log *b)
{
	size_t common = a->count < b->count ? a->count : b->count;

	for (size_t i = 0; i < common; i++)
		if (!same(a, &a->events[i], b, &b->events[i]))
			return (long)i;
	return a->count == b->count ? -1 : (long)common;
}

static void
print_event(const struct log *log, const struct event *event)
{
	const unsigned char *bytes = log_bytes(log, event);

	printf("%s", kinds[event->kind].name);
	if (event->kind == EVENT_STEP) {
		printf(" %c", (int)event->values[0]);
	} else {
		for (int i = 0; i < EVENT_VALUES && kinds[event->kind].values[i] != NULL; i++)
			printf(" %s=%ld", kinds[event->kind].values[i], event->values[i]);
	}
	if (event->kind == EVENT_STATE) {
		printf(" '%.*s'", (int)event->len, (const char *)bytes);
	} else if (event->len > 0) {
		printf(" [%zu] ", event->len);
		for (size_t i = 0; i < event->len; i++)
			printf("%02x", bytes[i]);
	}
	printf("\n");
}

void
log_print(const struct log *log, long mark)
{
	for (size_t i = 0; i < log->count; i++) {
		printf("%s", (long)i == mark ? "  > " : "    ");
		print_event(log, &log->events[i]);
	}
	if (mark == (long)log->count)
		printf("  > (nothing more)\n");
}
