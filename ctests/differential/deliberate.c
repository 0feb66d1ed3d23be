#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "deliberate.h"
#include "hello.h"

enum {
	CASES_PER_SIGHT = 20000,	/* every difference wants to be seen once in so many cases */
	WRITTEN_BY_LIBSSL = 112,	/* sizeof(BIO_ADDR) */
	PEER_AT = 64			/* where the caller's room begins between its canaries, see run.c */
};

static int
with_scripted_reads(const struct dcase *c)
{
	return c->bios != BIOS_MEMORY && c->bios != BIOS_MEMORY_END;
}

static int
peer_unknown(const struct dcase *c)
{
	return !with_scripted_reads(c) || c->peer == PEER_NONE || c->peer == PEER_REFUSED;
}

static int
any_seq_2(const struct dcase *c)
{
	for (size_t i = 0; i < c->nreads; i++) {
		const unsigned char *bytes = c->pool + c->reads[i].at;

		if (c->reads[i].len >= 19 && bytes[17] == 0 && bytes[18] == 2)
			return 1;
	}
	return 0;
}

static int
any_trailing(const struct dcase *c)
{
	for (size_t i = 0; i < c->nreads; i++) {
		const unsigned char *bytes = c->pool + c->reads[i].at;

		if (c->reads[i].len >= 13 && c->reads[i].len > 13 + ((size_t)bytes[11] << 8 | bytes[12]))
			return 1;
	}
	return 0;
}

static int
null_without_peer(const struct dcase *c)
{
	return c->null_peer && peer_unknown(c);
}

/* First the differences that are made by giving libssl another case. */
static struct {
	const char *name, *reason;
	int (*applies)(const struct dcase *c);
	size_t flag;				/* in struct rewrite */
	int fatal;				/* libssl itself would crash without the rewrite */
	int libssl_has;				/* the loaded one is as the reason says */
	unsigned long applied, seen;
} rewrites[] = {
	{"message_seq 2 is refused", "libssl before 3.5 (and fixes) accepts it and then cannot continue the handshake",
	    any_seq_2, offsetof(struct rewrite, refuse_seq_2), 0, 0, 0, 0},
	{"only the first record is handed over", "libssl from 3.2 on shows the handshake the unverified rest of the datagram",
	    any_trailing, offsetof(struct rewrite, first_record_only), 0, 0, 0, 0},
	{"a NULL peer is allowed", "libssl clears the address it was not given when the BIO knows no peer, and crashes",
	    null_without_peer, offsetof(struct rewrite, give_room), 1, 1, 0, 0},
};
enum { SEQ_2, FIRST_RECORD, NULL_PEER, REWRITES };

/* Then those that are made by reading another answer into libssl's: how much of the caller's room it wrote. */
enum { NO_PEER, NO_FAMILY, ANSWERS };
static struct {
	const char *name, *reason;
	unsigned long applied, seen, libssl_differs;
} answers[ANSWERS] = {
	{"at most sizeof(struct sockaddr) is cleared", "libssl clears 112 bytes when the BIO knows no peer, past the end of a sockaddr_in",
	    0, 0, 0},
	{"sizeof(struct sockaddr) of an unknown family", "libssl has the BIO write to the caller's room, whatever its size", 0, 0, 0},
};

static struct log without;	/* libssl's log without one of the rewrites */

static void
set_flag(struct rewrite *rewrite, size_t flag, int value)
{
	memcpy((char *)rewrite + flag, &value, sizeof(value));
}

static int
accepted(const struct log *log)
{
	for (size_t i = 0; i < log->count; i++)
		if (log->events[i].kind == EVENT_RETURN && log->events[i].values[0] > 0)
			return 1;
	return 0;
}

/* Each difference is seen when libssl, spared that one rewrite, does something else. */
static void
look_for(const struct dcase *c, const struct rewrite *all, int rewrite, const struct log *expected)
{
	struct rewrite less = *all;
	int seen;

	rewrites[rewrite].applied++;
	if (rewrites[rewrite].fatal) {
		seen = accepted(expected);
	} else {
		set_flag(&less, rewrites[rewrite].flag, 0);
		run_case(&reference, c, &less, &without, NULL);
		seen = log_compare(expected, &without) >= 0;
	}
	rewrites[rewrite].seen += seen;
}

/* With libssl on both sides nothing differs; only the crash has to be kept away. */
static int
in_force(int rewrite, const struct dcase *c)
{
	return (!sides_are_control() || rewrites[rewrite].fatal) && rewrites[rewrite].applies(c);
}

/* Does the rewrite change what libssl does with this case? */
static int
changes(const struct dcase *c, int rewrite)
{
	static struct log with;
	struct rewrite none = {0, 0, 0}, one = none;

	set_flag(&one, rewrites[rewrite].flag, 1);
	run_case(&reference, c, &one, &with, NULL);
	run_case(&reference, c, &none, &without, NULL);
	return log_compare(&with, &without) >= 0;
}

void
deliberate_open(void)
{
	static const unsigned char alert[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
	static struct dcase c;
	static unsigned char hello[MAX_DATAGRAM];
	struct prng prng = prng_for(1, 1);
	size_t len = hello_make(&prng, c.cookie, 20, hello, sizeof(hello) - sizeof(alert));

	case_reset(&c);
	c.verify = VERIFY_ALWAYS;
	memcpy(hello + len, alert, sizeof(alert));
	case_add_read(&c, READ_DATA, hello, len + sizeof(alert));
	rewrites[FIRST_RECORD].libssl_has = changes(&c, FIRST_RECORD);
	hello_put(c.pool + AT_MESSAGE_SEQ, 2, 2);
	rewrites[SEQ_2].libssl_has = changes(&c, SEQ_2);
}

int
deliberate_libssl_takes_seq_2(void)
{
	return rewrites[SEQ_2].libssl_has;
}

/*
 * Where a DTLSv1_listen succeeded without a peer, libssl zeroed 112 bytes; with one of a family that nobody knows, the
 * BIO wrote 112. Ours are only the first 16, so the canaries behind them have to live.
 */
static int
narrow(const struct dcase *c, struct log *log)
{
	const struct event *returned = NULL;
	int which = peer_unknown(c) ? NO_PEER : c->peer == PEER_UNKNOWN ? NO_FAMILY : ANSWERS, as_told = 1;
	unsigned char told[sizeof(struct sockaddr_storage)] = {0};

	if (which == ANSWERS)
		return 1;
	if (which == NO_FAMILY)
		script_peer(c, told);
	for (size_t i = 0; i < log->count; i++) {
		unsigned char *room = log_bytes(log, &log->events[i]);

		if (log->events[i].kind == EVENT_RETURN)
			returned = &log->events[i];
		if (log->events[i].kind != EVENT_PEER || returned == NULL || returned->values[0] <= 0)
			continue;
		answers[which].applied++;
		if (memcmp(room + PEER_AT, told, WRITTEN_BY_LIBSSL) != 0) {
			answers[which].libssl_differs++;
			as_told = 0;
			continue;
		}
		for (size_t byte = PEER_AT + sizeof(struct sockaddr); byte < PEER_AT + WRITTEN_BY_LIBSSL; byte++)
			room[byte] = (unsigned char)(0xa5 ^ byte);
		answers[which].seen++;
	}
	return as_told;
}

int
deliberate_expectation(const struct dcase *c, struct log *expected, after_listen_fn *after)
{
	struct rewrite rewrite = {0, 0, 0};

	for (int i = 0; i < REWRITES; i++)
		if (in_force(i, c))
			set_flag(&rewrite, rewrites[i].flag, 1);
	run_case(&reference, c, &rewrite, expected, after);
	for (int i = 0; i < REWRITES; i++)
		if (in_force(i, c) && rewrites[i].libssl_has)
			look_for(c, &rewrite, i, expected);
	return sides_are_control() || narrow(c, expected);
}

static int
report_one(const char *name, const char *reason, unsigned long applied, unsigned long seen, unsigned long wanted)
{
	printf("  %9lu  of %9lu  %s: %s\n", seen, applied, name, reason);
	if (seen >= wanted)
		return 1;
	printf("  ^ seen too seldom: expected at least %lu\n", wanted);
	return 0;
}

int
deliberate_report(unsigned long cases)
{
	unsigned long wanted = cases / CASES_PER_SIGHT;
	int fine = 1;

	if (sides_are_control())
		return 1;
	printf("\ndeliberate differences (seen, of the cases that might show it; at least %lu):\n", wanted);
	for (int i = 0; i < REWRITES; i++) {
		if (rewrites[i].libssl_has)
			fine &= report_one(rewrites[i].name, rewrites[i].reason, rewrites[i].applied, rewrites[i].seen, wanted);
		else
			printf("  this libssl does the same as we:  %s\n", rewrites[i].name);
	}
	for (int i = 0; i < ANSWERS; i++) {
		fine &= report_one(answers[i].name, answers[i].reason, answers[i].applied, answers[i].seen, wanted);
		fine &= answers[i].libssl_differs == 0;
	}
	return fine;
}
