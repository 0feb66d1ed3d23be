#include <stdio.h>
#include <string.h>

#include "answers.h"
#include "deliberate.h"
#include "hello.h"

enum { CASES_PER_SIGHT = 20000 }; /* a difference is seen once in so many */
enum { REPAIR_SEQUENCE = 1, REPAIR_TRAILING = 2 };

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

/* More than libssl puts together, SSL_MAX_CERT_LIST_DEFAULT. */
static int
any_too_long(const struct dcase *c)
{
	for (size_t i = 0; i < c->nreads; i++)
		if (hello_claims_too_much(c->pool + c->reads[i].at, c->reads[i].len))
			return 1;
	return 0;
}

static int
any_trailing(const struct dcase *c)
{
	if ((c->repairs & REPAIR_TRAILING) == 0)
		return 0;
	for (size_t i = 0; i < c->nreads; i++) {
		const unsigned char *bytes = c->pool + c->reads[i].at;

		if (c->reads[i].len >= 13 &&
		    c->reads[i].len > 13 + ((size_t)bytes[11] << 8 | bytes[12]))
			return 1;
	}
	return 0;
}

/* libssl writes to NULL where it would clear the peer, and its own datagram BIO where it would fill it in. */
static int
null_crashes(const struct dcase *c)
{
	return c->null_peer && (answer_peer_unknown(c) || bios_on_socket(c));
}

static int
any_empty(const struct dcase *c)
{
	for (size_t i = 0; i < c->nreads; i++)
		if (c->reads[i].kind == READ_END && bios_on_socket(c))
			return 1;
	return 0;
}

static int
any_accept_state(const struct dcase *c)
{
	return strchr(c->steps, 'P') != NULL;
}

/* First the differences that are made by giving libssl another case. */
static struct {
	const char *name, *reason;
	int (*applies)(const struct dcase *c);
	size_t flag;    /* in struct rewrite */
	int fatal;      /* libssl itself would crash without the rewrite */
	int libssl_has; /* the loaded one is as the reason says */
	unsigned long applied, seen;
} rewrites[] = {
	{ "message_seq 2 is refused",
	    "libssl before 3.5 (and fixes) accepts it and then cannot continue "
	    "the handshake",
	    any_seq_2, offsetof(struct rewrite, refuse_seq_2), 0, 0, 0, 0 },
	{ "a first fragment of more than libssl puts together is dropped",
	    "libssl refuses it in the handshake only, and 3.2.1 then uses "
	    "freed memory",
	    any_too_long, offsetof(struct rewrite, refuse_too_long), 0, 1, 0, 0 },
	{ "only the first record is handed over",
	    "libssl from 3.2 on shows the handshake the unverified rest of the "
	    "datagram",
	    any_trailing, offsetof(struct rewrite, first_record_only), 0, 0, 0, 0 },
	{ "a NULL peer is allowed", "libssl writes to the address it was not given, and crashes",
	    null_crashes, offsetof(struct rewrite, give_room), 1, 1, 0, 0 },
	{ "an empty datagram is a bad one",
	    "libssl takes it for a broken socket and returns -1, and anyone "
	    "can send one",
	    any_empty, offsetof(struct rewrite, empty_is_short), 0, 1, 0, 0 },
	{ "SSL_set_accept_state after success changes nothing",
	    "libssl's begins anew, and SSL_accept waits for a client that has "
	    "said what it had to say",
	    any_accept_state, offsetof(struct rewrite, stay_accepted), 0, 1, 0, 0 },
};
enum { SEQ_2, TOO_LONG, FIRST_RECORD, NULL_PEER, EMPTY, STAY, REWRITES };

static int
resequenced(const struct dcase *c)
{
	return (c->repairs & REPAIR_SEQUENCE) != 0;
}

static int
unknown_family(const struct dcase *c)
{
	return bios_scripted(c) && c->peer == PEER_UNKNOWN;
}

/* Then those that are made by reading another answer into what libssl did. */
static struct {
	const char *name, *reason;
	int (*applies)(const struct dcase *c);
	int (*read)(const struct dcase *c,
	    struct log
		*log); /* 1: it changed the log, 0: not, -1: libssl is not as the reason says */
	int libssl_has;
	unsigned long applied, seen, libssl_differs;
} answers[] = {
	{ "at most sizeof(struct sockaddr) is cleared",
	    "libssl clears 112 bytes when the BIO knows no peer, past the end "
	    "of a sockaddr_in",
	    answer_peer_unknown, answer_narrow, 1, 0, 0, 0 },
	{ "sizeof(struct sockaddr) of an unknown family",
	    "libssl has the BIO write to the caller's room, whatever its size", unknown_family,
	    answer_narrow, 1, 0, 0, 0 },
	{ "the first ServerHello has the hello's sequence",
	    "libssl from 3.2 on begins at 1, which clients drop as a replay", resequenced,
	    answer_resequence, 0, 0, 0, 0 },
};
enum { NO_PEER, NO_FAMILY, SEQUENCE, ANSWERS };

static struct log without; /* libssl's log without one of the rewrites */

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
	struct rewrite none = { .give_room = 0 }, one = none;

	set_flag(&one, rewrites[rewrite].flag, 1);
	run_case(&reference, c, &one, &with, NULL);
	run_case(&reference, c, &none, &without, NULL);
	return log_compare(&with, &without) >= 0;
}

void
deliberate_open(void)
{
	static const unsigned char alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };
	static struct dcase c;
	static unsigned char hello[MAX_DATAGRAM];
	struct prng prng = prng_for(1, 1);
	size_t len = hello_make(&prng, c.cookie, 20, hello, sizeof(hello) - sizeof(alert));

	case_reset(&c);
	c.verify = VERIFY_ALWAYS;
	memcpy(hello + len, alert, sizeof(alert));
	hello_put(hello + AT_SEQUENCE, 6, 7);
	case_add_read(&c, READ_DATA, hello, len + sizeof(alert));
	rewrites[FIRST_RECORD].libssl_has = changes(&c, FIRST_RECORD);
	answers[SEQUENCE].libssl_has = answer_first_sequence(&without) == 1;
	hello_put(c.pool + AT_MESSAGE_SEQ, 2, 2);
	rewrites[SEQ_2].libssl_has = changes(&c, SEQ_2);
}

int
deliberate_libssl_takes_seq_2(void)
{
	return rewrites[SEQ_2].libssl_has;
}

static int
read_answers(const struct dcase *c, struct log *expected)
{
	int as_told = 1;

	for (int i = 0; i < ANSWERS; i++) {
		if (!answers[i].libssl_has || !answers[i].applies(c))
			continue;
		int result = answers[i].read(c, expected);
		answers[i].applied++;
		answers[i].seen += result == 1;
		answers[i].libssl_differs += result < 0;
		as_told &= result >= 0;
	}
	return as_told;
}

int
deliberate_expectation(const struct dcase *c, struct log *expected, after_listen_fn *after)
{
	struct rewrite rewrite = { .give_room = 0 };

	for (int i = 0; i < REWRITES; i++)
		if (in_force(i, c))
			set_flag(&rewrite, rewrites[i].flag, 1);
	run_case(&reference, c, &rewrite, expected, after);
	for (int i = 0; i < REWRITES; i++)
		if (in_force(i, c) && rewrites[i].libssl_has)
			look_for(c, &rewrite, i, expected);
	return sides_are_control() || read_answers(c, expected);
}

static int
report_one(const char *name, const char *reason, int libssl_has, unsigned long applied,
    unsigned long seen, unsigned long wanted)
{
	if (!libssl_has) {
		printf("  this libssl does the same as we:  %s\n", name);
		return 1;
	}
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
	printf("\ndeliberate differences (seen, of the cases that might show "
	       "it; at least %lu):\n",
	    wanted);
	for (int i = 0; i < REWRITES; i++)
		fine &= report_one(rewrites[i].name, rewrites[i].reason, rewrites[i].libssl_has,
		    rewrites[i].applied, rewrites[i].seen, wanted);
	for (int i = 0; i < ANSWERS; i++) {
		fine &= report_one(answers[i].name, answers[i].reason, answers[i].libssl_has,
		    answers[i].applied, answers[i].seen, wanted);
		fine &= answers[i].libssl_differs == 0;
	}
	return fine;
}
