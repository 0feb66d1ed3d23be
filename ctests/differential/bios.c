/* The BIOs of a case: made, fed, and counted at the end. */

#include <string.h>

#include "run.h"
#include "sockets.h"

enum { MOST_READ = 16384 + 13 }; /* libssl asks a BIO for no more */

int
bios_in_memory(const struct dcase *c)
{
	return c->bios == BIOS_MEMORY || c->bios == BIOS_MEMORY_END;
}

int
bios_on_socket(const struct dcase *c)
{
	return c->bios == BIOS_DATAGRAM || c->bios == BIOS_DATAGRAM_SPLIT;
}

int
bios_scripted(const struct dcase *c)
{
	return !bios_in_memory(c) && !bios_on_socket(c);
}

void
bios_hold(struct run *run, BIO *bio)
{
	if (bio == NULL)
		return;
	BIO_up_ref(bio);
	run->held[run->nheld++] = bio;
}

/* How many scripted BIOs outlive the SSL has to be how many are held here; if not, some are not ours to free any more. */
void
bios_let_go(struct run *run)
{
	int expected = bios_scripted(run->c) ? (int)run->nheld : 0;

	LOG(run->log, EVENT_ALIVE, NULL, 0, run->alive - expected);
	if (run->alive < expected)
		return;
	while (run->nheld > 0)
		BIO_free(run->held[--run->nheld]);
	LOG(run->log, EVENT_ALIVE, NULL, 0, run->alive);
}

static BIO *
new_memory(int at_end)
{
	BIO *bio = BIO_new(BIO_s_mem());

	BIO_set_mem_eof_return(bio, at_end);
	return bio;
}

void
bios_make(struct run *run)
{
	const struct dcase *c = run->c;

	run->rbio = run->wbio = NULL;
	if (bios_in_memory(c)) {
		run->rbio = new_memory(c->bios == BIOS_MEMORY ? -1 : 0);
		run->wbio = new_memory(-1);
	} else if (bios_on_socket(c)) {
		sockets_drain(c->peer == PEER_INET6);
		run->rbio = run->wbio =
		    BIO_new_dgram(sockets_server(c->peer == PEER_INET6), BIO_NOCLOSE);
		if (c->bios == BIOS_DATAGRAM_SPLIT)
			run->wbio =
			    BIO_new_dgram(sockets_server(c->peer == PEER_INET6), BIO_NOCLOSE);
	} else if (c->bios == BIOS_SAME) {
		run->rbio = run->wbio = script_new(run, 0);
	} else if (c->bios != BIOS_NONE) {
		if (c->bios == BIOS_DEAF)
			run->rbio = script_new_deaf(run);
		else if (c->bios != BIOS_NO_READ)
			run->rbio = script_new(run, 0);
		if (c->bios == BIOS_MUTE)
			run->wbio = script_new_mute(run);
		else if (c->bios != BIOS_NO_WRITE)
			run->wbio = script_new(run, 0);
		if (c->bios == BIOS_UNREADY)
			BIO_set_init(run->rbio, 0);
	}
	bios_hold(run, run->rbio);
	if (run->wbio != run->rbio)
		bios_hold(run, run->wbio);
	SSL_set_bio(run->ssl, run->rbio, run->wbio);
}

/* The next read that can be acted out: on a socket, an end is a datagram of no bytes. */
static const struct scripted_read *
next_read(struct run *run)
{
	const struct dcase *c = run->c;

	while (run->next_read < c->nreads) {
		const struct scripted_read *read = &c->reads[run->next_read++];

		if (read->kind == READ_DATA || (read->kind == READ_END && bios_on_socket(c)))
			return read;
	}
	return NULL;
}

static void
feed_socket(struct run *run, const struct scripted_read *read, const unsigned char *bytes,
    size_t len, int listening)
{
	static const unsigned char one_byte[1];
	struct trace *trace = &run->trace;
	int inet6 = run->c->peer == PEER_INET6;

	trace->read_kind = read->kind;
	if (read->kind == READ_DATA) {
		sockets_send(inet6, bytes, len);
	} else if (run->rewrite.empty_is_short && listening) {
		trace->read_kind = READ_DATA;
		trace->datagram = one_byte;
		run->cut = -1;
		trace->len = sizeof(one_byte);
		sockets_send(inet6, one_byte, sizeof(one_byte));
	} else {
		sockets_send(inet6, one_byte, 0);
	}
}

void
bios_feed(struct run *run, int listening)
{
	const struct dcase *c = run->c;
	struct trace *trace = &run->trace;
	static unsigned char copy[MAX_DATAGRAM];
	const struct scripted_read *read;
	size_t len;

	if (bios_scripted(c))
		return;
	trace->read_kind = c->bios == BIOS_MEMORY_END ? READ_END : READ_BLOCK;
	trace->datagram = NULL;
	run->cut = 0;
	/* What a call before this may have left. */
	if (bios_in_memory(c))
		(void)BIO_reset(run->rbio);
	else
		sockets_drain(c->peer == PEER_INET6);
	read = next_read(run);
	if (read == NULL)
		return;
	trace->read_kind = READ_DATA;
	trace->datagram = c->pool + read->at;
	trace->len = read->len < MOST_READ ? read->len : MOST_READ;
	memcpy(copy, trace->datagram, trace->len);
	len = listening ? script_rewrite(run, copy, trace->len) : trace->len;
	run->cut = (long)(trace->len - len);
	LOG(run->log, EVENT_READ, NULL, 0, (long)(read - c->reads));
	if (bios_on_socket(c))
		feed_socket(run, read, copy, len, listening);
	else
		BIO_write(run->rbio, copy, (int)len);
}

void
bios_log(struct run *run)
{
	static unsigned char bytes[65536];
	int inet6 = run->c->peer == PEER_INET6;
	char *written;
	long len, left;

	if (bios_in_memory(run->c)) {
		len = BIO_get_mem_data(run->wbio, &written);
		left = BIO_pending(run->rbio);
		LOG(run->log, EVENT_MEMORY, written, (size_t)len, left > 0 ? left + run->cut : 0);
		(void)BIO_reset(run->wbio);
	} else if (bios_on_socket(run->c)) {
		while ((len = sockets_receive(inet6, bytes, sizeof(bytes))) >= 0)
			LOG(run->log, EVENT_WRITE, bytes, (size_t)len, len);
		left = sockets_waiting(inet6);
		LOG(run->log, EVENT_MEMORY, NULL, 0, left > 0 ? left + run->cut : 0);
	}
}
