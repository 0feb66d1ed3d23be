#include <string.h>
#include <sys/socket.h>

#include "answers.h"
#include "hello.h"

#define LAST_SEQUENCE 0xffffffffffffULL

enum {
	WRITTEN_BY_LIBSSL = 112, /* sizeof(BIO_ADDR) */
	PEER_AT = 64 /* where the caller's room begins between its canaries, see steps.c */
};

int
answer_peer_unknown(const struct dcase *c)
{
	return bios_in_memory(c) ||
	    (bios_scripted(c) && (c->peer == PEER_NONE || c->peer == PEER_REFUSED));
}

/*
 * Where a DTLSv1_listen succeeded without a peer, libssl zeroed 112 bytes; with one of a family that nobody knows, the
 * BIO wrote 112. Ours are only the first 16, so the canaries behind them have to live.
 */
int
answer_narrow(const struct dcase *c, struct log *log)
{
	const struct event *returned = NULL;
	unsigned char told[sizeof(struct sockaddr_storage)] = { 0 };
	int changed = 0;

	script_peer(c, told);
	if (answer_peer_unknown(c))
		memset(told, 0, sizeof(told));
	for (size_t i = 0; i < log->count; i++) {
		unsigned char *room = log_bytes(log, &log->events[i]);

		if (log->events[i].kind == EVENT_RETURN)
			returned = &log->events[i];
		if (log->events[i].kind != EVENT_PEER || returned == NULL ||
		    returned->values[0] <= 0)
			continue;
		if (memcmp(room + PEER_AT, told, WRITTEN_BY_LIBSSL) != 0)
			return -1;
		for (size_t byte = PEER_AT + sizeof(struct sockaddr);
		    byte < PEER_AT + WRITTEN_BY_LIBSSL; byte++)
			room[byte] = (unsigned char)(0xa5 ^ byte);
		changed = 1;
	}
	return changed;
}

/* Adds to the sequence of every record of epoch 0 in a datagram. */
static void
add_to_sequences(unsigned char *bytes, size_t len, unsigned long long more)
{
	for (size_t at = 0; at + 13 <= len;
	    at += 13 + hello_number(bytes + at + AT_RECORD_LENGTH, 2)) {
		unsigned char *sequence = bytes + at + AT_SEQUENCE;
		unsigned long long old = (unsigned long long)hello_number(sequence, 2) << 32 |
		    hello_number(sequence + 2, 4);

		/* Past the last number there is no right one: those stay. So does what has another
		 * version than DTLS's: an alert about a hello's, which no client takes. */
		if (bytes[at + 1] == 0xfe && hello_number(bytes + at + AT_EPOCH, 2) == 0 &&
		    old + more <= LAST_SEQUENCE)
			hello_put(sequence, 6, old + more);
	}
}

int
answer_resequence(const struct dcase *c, struct log *log)
{
	unsigned long long more = 0;
	const unsigned char *sequence = NULL;
	int changed = 0;
	char step = 0;

	for (size_t i = 0; i < log->count; i++) {
		struct event *event = &log->events[i];

		switch (event->kind) {
		case EVENT_STEP:
			step = (char)event->values[0];
			/* Whatever begins another connection ends it. */
			if (strchr("LCDKP", step) != NULL)
				more = 0;
			break;
		case EVENT_READ:
			sequence = c->pool + c->reads[event->values[0]].at + AT_SEQUENCE;
			break;
		case EVENT_RETURN:
			if (step != 'L' || event->values[0] <= 0 || sequence == NULL)
				break;
			more = (unsigned long long)hello_number(sequence, 2) << 32 |
			    hello_number(sequence + 2, 4);
			more = more > 1 ? more - 1 : 0;
			break;
		case EVENT_WRITE:
		case EVENT_MEMORY: /* what a memory BIO was written */
			if (step != 'L' && more != 0) {
				add_to_sequences(log_bytes(log, event), event->len, more);
				changed = 1;
			}
			break;
		default: break;
		}
	}
	return changed;
}

long
answer_first_sequence(const struct log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		const unsigned char *bytes = log_bytes(log, &log->events[i]);

		if (log->events[i].kind == EVENT_WRITE && log->events[i].len > 13 &&
		    bytes[AT_TYPE] == 2)
			return (long)hello_number(bytes + AT_SEQUENCE + 2, 4);
	}
	return -1;
}
