#define _GNU_SOURCE
#include "counters.h"
#include "check.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int (*get_stats)(struct dtlsv1_listen_stats *, size_t);
int (*set_budget)(SSL_CTX *, unsigned int);

#define MEMBER(name) { #name, offsetof(struct dtlsv1_listen_stats, name) }

static const struct {
	const char *name;
	size_t at;
} members[] = {
	MEMBER(datagrams),
	MEMBER(bytes_in),
	MEMBER(challenges),
	MEMBER(bytes_out),
	MEMBER(challenges_larger),
	MEMBER(cookies_right),
	MEMBER(cookies_previous_secret),
	MEMBER(cookies_expired),
	MEMBER(cookies_forged),
	MEMBER(accepted),
	MEMBER(writes_blocked),
	MEMBER(writes_failed),
	MEMBER(handoffs_failed),
	MEMBER(hellos_gathered),
	MEMBER(sequences_repaired),
	MEMBER(trailing_dropped),
	MEMBER(budgets_spent),
	MEMBER(discards_record_too_small),
	MEMBER(discards_not_handshake),
	MEMBER(discards_record_version),
	MEMBER(discards_record_length),
	MEMBER(discards_epoch),
	MEMBER(discards_handshake_length),
	MEMBER(discards_not_client_hello),
	MEMBER(discards_message_sequence),
	MEMBER(discards_fragment),
	MEMBER(discards_hello_length),
	MEMBER(discards_client_version),
	MEMBER(discards_repeated),
	MEMBER(peers_unknown),
	MEMBER(socket_errors),
	MEMBER(listener_accepted),
	MEMBER(listener_closed),
	MEMBER(listener_replaced),
	MEMBER(listener_overdue),
	MEMBER(listener_detached),
	MEMBER(listener_refused),
	MEMBER(listener_repeated),
	MEMBER(listener_overflows),
	MEMBER(listener_strays),
	MEMBER(listener_unusable),
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))
_Static_assert(offsetof(struct dtlsv1_listen_stats, datagrams) + MEMBERS * sizeof(uint64_t) ==
	sizeof(struct dtlsv1_listen_stats),
    "every member is in the table");

static struct dtlsv1_listen_stats last;

/* ISO C has no way from void * to a function: copy the bits, as POSIX says. */
static void
look_up(void *function, const char *symbol)
{
	void *at = dlsym(RTLD_DEFAULT, symbol);

	NEED(at != NULL);
	memcpy(function, &at, sizeof(at));
}

static uint64_t
member(const struct dtlsv1_listen_stats *stats, size_t i)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + members[i].at, sizeof(value));
	return value;
}

void
counters_init(void)
{
	look_up(&get_stats, "dtlsv1_listen_get_stats");
	look_up(&set_budget, "dtlsv1_listen_set_budget");
	NEED(get_stats(&last, sizeof(last)) == 1);
}

const char *
counters_changes(void)
{
	static char text[1024];
	struct dtlsv1_listen_stats now;
	size_t i, len = 0;

	NEED(get_stats(&now, sizeof(now)) == 1);
	text[0] = '\0';
	for (i = 0; i < MEMBERS; i++)
		if (member(&now, i) != member(&last, i))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s %" PRIu64,
			    len > 0 ? " " : "", members[i].name,
			    member(&now, i) - member(&last, i));
	last = now;
	return text;
}

const char *
counters_name(size_t i)
{
	return i < MEMBERS ? members[i].name : NULL;
}

uint64_t
counters_of(const struct dtlsv1_listen_stats *stats, const char *name)
{
	size_t i;

	for (i = 0; i < MEMBERS && strcmp(members[i].name, name) != 0; i++)
		;
	NEED(i < MEMBERS);
	return member(stats, i);
}
