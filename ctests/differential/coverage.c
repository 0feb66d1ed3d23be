#include <stdio.h>

#include <openssl/err.h>

#include "coverage.h"
#include "coverage_rows.h"
#include "deliberate.h"
#include "hello.h"

enum { CASES_PER_HIT = 2000 }; /* every row wants one hit in so many cases */

static unsigned long hits[ROWS], mismatches, flights;

static unsigned int
number(const unsigned char *bytes, int len)
{
	unsigned int value = 0;

	while (len-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

/* 0: any version. */
static unsigned int
fixed_version(const struct run *run)
{
	switch (run->method) {
	case METHOD_DTLS12:
	case METHOD_DTLS12_SERVER: return DTLS1_2_VERSION;
	case METHOD_DTLS10:
	case METHOD_DTLS10_SERVER: return DTLS1_VERSION;
	default: return 0;
	}
}

/* DTLS versions count downwards, and the pre-standard 0x0100 is the oldest. */
static int
older(unsigned int version, unsigned int than)
{
	return (version == DTLS1_BAD_VER ? 0xff00 : version) > than;
}

static int
row_of_verdict(const struct run *run, int with_cookie)
{
	const struct trace *trace = &run->trace;

	if (with_cookie && !trace->verify_set)
		return NO_VERIFY;
	if (with_cookie && trace->verified == 1)
		return ACCEPTED;
	if (trace->generated != 1)
		return !trace->generate_set ? GENERATE_MISSING :
		    run->c->generate == GENERATE_FAILS || run->c->generate_result == 0 ?
					      GENERATE_FAILED :
					      GENERATE_LONG;
	if (trace->write != RESULT_OK)
		return trace->write == RESULT_BLOCK || trace->write == RESULT_SHORT_BLOCK ?
		    WRITE_BLOCKS :
		    WRITE_FAILED;
	return trace->flush == RESULT_BLOCK ? FLUSH_BLOCKS : FLUSH_FAILED;
}

static int
row_of_hello(const struct run *run, const unsigned char *body, size_t len)
{
	unsigned int fixed = fixed_version(run);
	size_t at = 2 + 32;

	if (len < 2)
		return NO_VERSION;
	if (fixed != 0 && older(number(body, 2), fixed))
		return OLD_VERSION;
	if (len < at + 1 || len < at + 1 + body[at])
		return CUT_SHORT;
	at += 1 + (size_t)body[at];
	if (len < at + 1 || len < at + 1 + body[at])
		return CUT_SHORT;
	return row_of_verdict(run, body[at] != 0);
}

static int
row_of_datagram(const struct run *run, const unsigned char *bytes, size_t len)
{
	unsigned int record, fragment;
	unsigned int most = deliberate_libssl_takes_seq_2() && !run->rewrite.refuse_seq_2 ? 2 : 1;

	if (len < 13)
		return TOO_SMALL;
	if (bytes[0] != 22)
		return NOT_HANDSHAKE;
	if (bytes[1] != 0xfe)
		return BAD_MAJOR;
	record = number(bytes + 11, 2);
	if (record > len - 13)
		return RECORD_TOO_LONG;
	if (number(bytes + 3, 2) != 0)
		return EPOCH;
	fragment = record >= 12 ? number(bytes + 22, 3) : 0;
	if (record < 12 || fragment != record - 12)
		return FRAGMENT_LENGTH;
	if (bytes[13] != 1)
		return NOT_HELLO;
	if (number(bytes + 17, 2) > most)
		return number(bytes + 17, 2) == 2 ? MESSAGE_SEQ_2 : MESSAGE_SEQ;
	if (number(bytes + 19, 3) != 0 || fragment > number(bytes + 14, 3))
		return FRAGMENTED;
	if (run->rewrite.refuse_too_long && hello_claims_too_much(bytes, len))
		return FRAGMENTED;
	return row_of_hello(run, bytes + 25, fragment);
}

/* No version of DTLS that has a HelloVerifyRequest: refused by a libssl that knows 1.3. */
static int
only_1_3(const struct run *run)
{
	long min = run->side->ctrl(run->ssl, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL);
	long max = run->side->ctrl(run->ssl, SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL);

	return min == 0xfefc && (max == 0 || max == 0xfefc);
}

static int
row_of(const struct run *run)
{
	const struct dcase *c = run->c;
	const struct trace *trace = &run->trace;

	if (run->rbio == NULL || run->wbio == NULL)
		return NO_BIO;
	if (run->method == METHOD_TLS || (c->anyconnect && fixed_version(run) != 0))
		return NOT_DTLS;
	if (only_1_3(run))
		return NOT_DTLS;
	switch (trace->read_kind) {
	case READ_BLOCK:
	case READ_BLOCK_ZERO: return READ_BLOCKS;
	case READ_DATA: break;
	default: return READ_FAILS;
	}
	return row_of_datagram(run, trace->datagram, trace->len);
}

/* What is not scripted does not tell that it was read again after an answer. */
static int
row_unscripted(const struct run *run, int row)
{
	if (row != FLUSH_FAILED && row != WRITE_FAILED)
		return row;
	return run->c->bios == BIOS_MEMORY_END ? READ_FAILS : READ_BLOCKS;
}

void
coverage_note(const struct run *run, int returned, int reason)
{
	const struct dcase *c = run->c;
	int row = row_of(run);
	int others_errors = c->generate_raises || c->verify_raises || c->bios == BIOS_DEAF ||
	    c->bios == BIOS_MUTE || c->bios == BIOS_UNREADY;

	if (!bios_scripted(c))
		row = row_unscripted(run, row);
	hits[row]++;
	if (returned == rows[row].returned && (others_errors || reason == rows[row].reason))
		return;
	if (mismatches++ < 5) {
		printf("libssl returned %d with reason %d where the table of "
		       "checks says '%s', %d with %d:\n",
		    returned, reason, rows[row].name, rows[row].returned, rows[row].reason);
		printf("  seed %llu, case %llu: ", (unsigned long long)c->seed,
		    (unsigned long long)c->number);
		case_print_command(c);
	}
}

void
coverage_flights(const struct log *log)
{
	int listened = 0;

	for (size_t i = 0; i < log->count; i++) {
		const struct event *event = &log->events[i];
		const unsigned char *bytes = log_bytes(log, event);

		if (event->kind == EVENT_STEP)
			listened = event->values[0] == 'L';
		/* A handshake record with a ServerHello in it. */
		if (event->kind == EVENT_WRITE && !listened && event->len > 13 && bytes[0] == 22 &&
		    bytes[13] == 2)
			flights++;
	}
}

/* Rows that this run could not reach. */
static int
out_of_reach(int row)
{
	if (row == OLD_VERSION)
		return !sides_have_method(METHOD_DTLS12) && !sides_have_method(METHOD_DTLS10);
	if (row == MESSAGE_SEQ_2) /* libssl on both sides takes it, up to 3.4 */
		return sides_are_control() && deliberate_libssl_takes_seq_2();
	return 0;
}

int
coverage_report(unsigned long cases)
{
	unsigned long wanted = cases / CASES_PER_HIT;
	int fine = mismatches == 0;

	printf("\nreturns of DTLSv1_listen by row of the table of checks (at "
	       "least %lu each):\n",
	    wanted);
	for (int i = 0; i < ROWS; i++) {
		const char *note = out_of_reach(i) ? "  not on this release" : "";

		if (hits[i] < wanted && !out_of_reach(i)) {
			note = "  TOO FEW: the generator is blind here";
			fine = 0;
		}
		printf("  %9lu  %2d  %s%s\n", hits[i], rows[i].returned, rows[i].name, note);
	}
	printf("  %9lu      first flights of SSL_accept%s\n", flights,
	    flights < wanted ? "  TOO FEW" : "");
	if (mismatches != 0)
		printf("%lu answers of libssl were not those of the table\n", mismatches);
	return fine && flights >= wanted;
}
