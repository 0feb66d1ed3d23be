/* The BIOs of a case: made, fed, and counted at the end. */

#include <string.h>

#include "run.h"

enum { MOST_READ = 16384 + 13 };	/* libssl asks a BIO for no more */

int
bios_in_memory(const struct dcase *c)
{
	return c->bios == BIOS_MEMORY || c->bios == BIOS_MEMORY_END;
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
	int expected = bios_in_memory(run->c) ? 0 : (int)run->nheld;

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

/* A memory BIO is a stream: it is given one scripted datagram a step. */
void
bios_feed(struct run *run, int listening)
{
	const struct dcase *c = run->c;
	struct trace *trace = &run->trace;
	static unsigned char copy[MAX_DATAGRAM];
	const struct scripted_read *read;
	size_t len;

	trace->read_kind = c->bios == BIOS_MEMORY ? READ_BLOCK : READ_END;
	trace->datagram = NULL;
	while (run->next_read < c->nreads && c->reads[run->next_read].kind != READ_DATA)
		run->next_read++;
	run->cut = 0;
	(void)BIO_reset(run->rbio);	/* what SSL_accept may have left */
	if (run->next_read == c->nreads)
		return;
	read = &c->reads[run->next_read++];
	trace->read_kind = READ_DATA;
	trace->datagram = c->pool + read->at;
	trace->len = read->len < MOST_READ ? read->len : MOST_READ;
	memcpy(copy, trace->datagram, trace->len);
	len = listening ? script_rewrite(run, copy, trace->len) : trace->len;
	run->cut = trace->len - len;
	BIO_write(run->rbio, copy, (int)len);
}
