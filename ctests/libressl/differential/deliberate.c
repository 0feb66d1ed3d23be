#include <stdio.h>
#include <string.h>

#include "deliberate.h"
#include "hello.h"
#include "kinds.h"
#include "run.h"
#include "view.h"

enum { CASES_PER_SIGHT = 4000 };

/* What plain libssl does with a datagram alone. */
enum class { QUIET, ANSWERED, ACCEPTED, ALARMED };

enum {
	AN_ALARM,
	WRONG_COOKIE,
	NOT_SPOKEN,
	BAD_BEHIND,
	A_FRAGMENT,
	OUT_OF_ORDER,
	BEHIND_THE_FIRST,
	SEVERAL_IN_ONE,
	ANOTHER_MESSAGE,
	TOO_LONG,
	RECORD_VERSION,
	ALERT_NUMBER,
	NO_CALLBACKS,
	NO_VERIFY,
	END_OF_DATA,
	BLOCKED,
	DIFFERENCES
};

static struct {
	const char *name, *reason;
	unsigned long seen;
	int may_be_absent; /* in a release */
} differences[DIFFERENCES] = {
	[AN_ALARM] = { "what is no hello is dropped",
	    "libssl ends with an error, and mostly sends an alert, for what "
	    "anybody can send",
	    0, 0 },
	[WRONG_COOKIE] = { "a wrong cookie gets a HelloVerifyRequest",
	    "libssl ends with an error and sends an alert", 0, 0 },
	[NOT_SPOKEN] = { "a hello of another version gets one, too",
	    "libssl sends an alert before it knows to whom", 0, 0 },
	[BAD_BEHIND] = { "so does one with something wrong behind its cookie",
	    "libssl sends an alert before it knows to whom", 0, 0 },
	[A_FRAGMENT] = { "a first fragment with room for the cookie is "
			 "answered",
	    "libssl waits for the others, as long as the call lasts", 0, 0 },
	[OUT_OF_ORDER] = { "a message with another number is dropped",
	    "libssl keeps it for the handshake, unverified", 0, 1 },
	[BEHIND_THE_FIRST] = { "what is behind the first record is not looked "
			       "at",
	    "libssl takes it for one more datagram, and keeps it for the "
	    "handshake",
	    0, 0 },
	[SEVERAL_IN_ONE] = { "a record is one message", "libssl takes several, or a part", 0, 0 },
	[ANOTHER_MESSAGE] = { "a message of another type is dropped",
	    "libssl does not look at the type, and takes it for a ClientHello", 0, 0 },
	[TOO_LONG] = { "a record of more than 16,384 bytes is dropped",
	    "libssl takes more, as much as one that is encrypted", 0, 1 },
	[RECORD_VERSION] = { "the HelloVerifyRequest's record has version "
			     "0xfeff",
	    "libssl's has the version of the handshake to come", 0, 1 },
	[ALERT_NUMBER] = { "libssl's alert about a verified hello is a new "
			   "SSL's",
	    "it goes on from an answer in the same call, to whomever, in "
	    "number and version",
	    0, 1 },
	[NO_CALLBACKS] = { "without a cookie to send, -1 and the reason",
	    "libssl returns 0, and says that there was an internal error", 0, 0 },
	[NO_VERIFY] = { "without a callback that verifies it no cookie is right",
	    "libssl compares it with what it sent last in the call, and before that with zeros", 0,
	    0 },
	[END_OF_DATA] = { "the end of a BIO's data is -1",
	    "libssl returns 0, and in both SSL_get_error() says "
	    "SSL_ERROR_SYSCALL",
	    0, 0 },
	[BLOCKED] = { "an answer that would block is SSL_ERROR_WANT_READ",
	    "libssl says SSL_ERROR_WANT_WRITE, and drops the answer all the "
	    "same",
	    0, 0 },
};

static enum class
class_of(const struct mcase *c, const unsigned char *bytes, size_t len)
{
	static struct mcase alone;
	static struct log log;
	struct ended ended = { 0 };

	memcpy(&alone, c, offsetof(struct mcase, reads));
	alone.nreads = 1;
	alone.calls = 1;
	alone.write_fails = 0;
	alone.reads[0].read = A_DATAGRAM;
	case_replace(&alone, 0, bytes, len);
	run_case(&plain, &alone, 0, &log, &ended);
	if (ended.ret >= 1)
		return ACCEPTED;
	if (ended.error != SSL_ERROR_WANT_READ || ended.queued != 0)
		return ALARMED;
	if (ended.writes == 0)
		return QUIET;
	if (ended.written[0] == 22 && ended.written[AT_TYPE] == 3) {
		differences[RECORD_VERSION].seen +=
		    hello_number(ended.written + AT_VERSION, 2) != 0xfeff;
		return ANSWERED;
	}
	return ALARMED;
}

int
deliberate_open(void)
{
	static struct mcase c = { .cookie_len = 20 };
	static const unsigned char sequence[6];
	static unsigned char hello[600];

	for (kinds_version = 0xfefd; kinds_version <= 0xfeff; kinds_version += 2)
		if (class_of(&c, hello, kinds_plain_hello(&c, sequence, 0, hello)) == ANSWERED &&
		    class_of(&c, hello, kinds_plain_hello(&c, sequence, 1, hello)) == ACCEPTED)
			return 1;
	{
		struct log l;
		struct ended e;
		static struct mcase a;
		memcpy(&a, &c, sizeof(a));
		a.nreads = 1;
		a.calls = 1;
		kinds_version = 0xfeff;
		a.reads[0].len = kinds_plain_hello(&c, sequence, 1, a.reads[0].bytes);
		run_case(&plain, &a, 0, &l, &e);
		fputs(l.text, stderr);
	}
	fprintf(stderr, "macro world: libssl takes no hello of ours\n");
	return 0;
}

/* Why ours drops a record that plain libssl does not: a number of the list, DIFFERENCES if it does too, -1. */
static int
why_dropped(const unsigned char *bytes, size_t len, enum class class)
{
	if (class == QUIET)
		return view_may_be_kept(bytes, len) && !view_is_fragment(bytes) ? OUT_OF_ORDER :
										  DIFFERENCES;
	if (class == ALARMED)
		return AN_ALARM;
	if (len < AT_CLIENT_VERSION)
		return -1;
	if (len > 13 + 16384)
		return TOO_LONG;
	if (hello_number(bytes + AT_FRAGMENT, 3) + AT_CLIENT_VERSION != len)
		return SEVERAL_IN_ONE;
	return bytes[AT_TYPE] != 1 ? ANOTHER_MESSAGE : -1;
}

/* Why ours answers one that plain libssl does not. */
static int
why_answered(const struct mcase *c, const unsigned char *bytes, size_t len, enum class class)
{
	size_t cookie_len = 0;

	if (class == ANSWERED)
		return DIFFERENCES;
	if (class == QUIET)
		return view_is_fragment(bytes) ? A_FRAGMENT : -1;
	if (class == ACCEPTED)
		return c->callbacks == ABSENT ? NO_VERIFY : -1;
	(void)view_cookie(bytes, len, &cookie_len);
	if (hello_number(bytes + AT_CLIENT_VERSION, 2) != kinds_version)
		return NOT_SPOKEN;
	return cookie_len > 0 ? WRONG_COOKIE : BAD_BEHIND;
}

/* Gives plain libssl what stands for a datagram; 0 for one that nothing explains. */
static int
exchange(const struct mcase *c, const struct one_read *read, struct mcase *to, size_t *index)
{
	size_t len = view_first_record(read->bytes, read->len);
	enum class class = class_of(c, read->bytes, len);
	enum view view = view_of(c, read);
	unsigned char clean[600];
	int why;

	if (len < read->len) {
		case_replace(to, *index, read->bytes, len);
		differences[BEHIND_THE_FIRST].seen += class_of(c, read->bytes, read->len) != class;
	}
	if (view == ACCEPTS) {
		if (class != QUIET)
			return ++*index, 1;
		differences[A_FRAGMENT].seen++;
		return case_drop(to, *index), view_is_fragment(read->bytes);
	}
	why = view == DROPS ? why_dropped(read->bytes, len, class) :
			      why_answered(c, read->bytes, len, class);
	if (why < 0)
		return 0;
	if (why < DIFFERENCES)
		differences[why].seen++;
	if (view == DROPS)
		return case_drop(to, *index), 1;
	case_replace(to, *index, clean, kinds_plain_hello(c, read->bytes + AT_SEQUENCE, 0, clean));
	return ++*index, 1;
}

int
deliberate_expectation(const struct mcase *c, struct log *expected)
{
	static struct mcase changed;
	struct ended first;
	size_t index = 0;

	changed = *c;
	for (size_t i = 0; i < c->nreads; i++) {
		if (c->reads[i].read != A_DATAGRAM) {
			index++;
		} else if (!exchange(c, &c->reads[i], &changed, &index)) {
			log_clear(expected);
			log_line(expected,
			    "plain libssl does with datagram %zu what is not "
			    "on the list\n",
			    i + 1);
			return 0;
		}
	}
	run_case(&plain, &changed, 0xfeff, expected, &first);
	differences[NO_CALLBACKS].seen += strstr(expected->text, RUN_NO_COOKIE) != NULL;
	differences[ALERT_NUMBER].seen += first.alert_number != 0;
	differences[BLOCKED].seen += strstr(expected->text, RUN_BLOCKED) != NULL;
	differences[END_OF_DATA].seen += first.ret == 0 && first.error == SSL_ERROR_SYSCALL;
	return 1;
}

int
deliberate_report(unsigned long cases)
{
	unsigned long wanted = cases / CASES_PER_SIGHT;
	int fine = 1;

	printf("\ndeliberate differences, and how often they were seen:\n");
	for (size_t i = 0; i < DIFFERENCES; i++) {
		int too_seldom = differences[i].seen < wanted && !differences[i].may_be_absent;

		printf("  %8lu  %s: %s\n", differences[i].seen, differences[i].name,
		    differences[i].reason);
		if (too_seldom)
			printf("  ^ seen too seldom: expected at least %lu\n", wanted);
		fine &= !too_seldom;
	}
	return fine;
}
