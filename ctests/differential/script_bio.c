/*
 * A BIO that answers from the case: each read, write and flush has its scripted result, and all of it is logged.
 * When the script is at its end, reads would block and writes work.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

#include "hello.h"
#include "run.h"

struct script {
	struct run *run;
	int empty;
};

static BIO_METHOD *plain, *named_dgram, *deaf, *mute;

/* Stops a side that would go on for ever. */
static int
runaway(struct run *run, BIO *bio)
{
	if (run->budget-- > 0)
		return 0;
	if (run->budget == -1)
		log_add(run->log, EVENT_RUNAWAY, NULL, 0);
	BIO_clear_retry_flags(bio);
	return 1;
}

/* What a result that is not "it worked" does to the BIO, and returns. */
static int
held_up(struct run *run, BIO *bio, int retry, int stale, int returned)
{
	run->held_up = 1;
	errno = retry ? EAGAIN : ECONNREFUSED;
	if (!stale)
		BIO_clear_retry_flags(bio);
	if (retry == 1)
		BIO_set_retry_read(bio);
	if (retry == 2)
		BIO_set_retry_write(bio);
	return returned;
}

size_t
script_rewrite(const struct run *run, unsigned char *bytes, size_t len)
{
	size_t end;

	if (run->rewrite.refuse_seq_2 && len >= 19 && bytes[17] == 0 && bytes[18] == 2)
		bytes[18] = 3;
	if (run->rewrite.refuse_too_long && hello_claims_too_much(bytes, len))
		bytes[21] = 1;
	if (run->rewrite.first_record_only && len >= 13) {
		end = 13 + ((size_t)bytes[11] << 8 | bytes[12]);
		if (end < len)
			len = end;
	}
	return len;
}

static int
read_datagram(struct run *run, BIO *bio, const struct scripted_read *read, char *buffer, int room)
{
	int len = (int)read->len < room ? (int)read->len : room, kept = len;

	memcpy(run->read_copy, run->c->pool + read->at, (size_t)len);
	if (run->listening) {
		run->trace.datagram = run->c->pool + read->at;
		run->trace.len = (size_t)len;
		kept = (int)script_rewrite(run, run->read_copy, (size_t)len);
	}
	memcpy(buffer, run->read_copy, (size_t)kept);
	BIO_clear_retry_flags(bio);
	LOG(run->log, EVENT_READ, NULL, 0, (long)(run->next_read - 1), len);
	return kept;
}

static int
script_read(BIO *bio, char *buffer, int room)
{
	static const struct scripted_read past_the_end = { READ_BLOCK, 0, 0 };
	struct script *script = BIO_get_data(bio);
	struct run *run = script->run;
	const struct scripted_read *read = &past_the_end;
	int returned = -1;

	if (runaway(run, bio))
		return -1;
	if (!script->empty && run->next_read < run->c->nreads)
		read = &run->c->reads[run->next_read++];
	run->trace.read_kind = read->kind;
	run->held_up = 0;
	switch (read->kind) {
	case READ_DATA: return read_datagram(run, bio, read, buffer, room);
	case READ_BLOCK: returned = held_up(run, bio, 1, 0, -1); break;
	case READ_BLOCK_ZERO: returned = held_up(run, bio, 1, 0, 0); break;
	case READ_END: returned = held_up(run, bio, 0, 0, 0); break;
	case READ_FAIL: returned = held_up(run, bio, 0, 0, -1); break;
	case READ_FAIL_STALE:
		/* Its meaning hangs on what the flags were: say so to coverage.c. */
		if (BIO_should_retry(bio))
			run->trace.read_kind = READ_BLOCK;
		returned = held_up(run, bio, 0, 1, -1);
		break;
	}
	LOG(run->log, EVENT_READ, NULL, 0, read == &past_the_end ? -1 : (long)(run->next_read - 1),
	    returned);
	return returned;
}

static int
script_write(BIO *bio, const char *bytes, int len)
{
	struct script *script = BIO_get_data(bio);
	struct run *run = script->run;
	int result = RESULT_OK, returned = len;

	if (runaway(run, bio))
		return -1;
	if (run->next_write < run->c->nwrites)
		result = run->c->writes[run->next_write++];
	run->held_up = 0;
	switch (result) {
	case RESULT_OK: BIO_clear_retry_flags(bio); break;
	case RESULT_BLOCK: returned = held_up(run, bio, 2, 0, -1); break;
	case RESULT_FAIL: returned = held_up(run, bio, 0, 0, -1); break;
	case RESULT_FAIL_STALE:
		if (BIO_should_retry(bio))
			result = RESULT_BLOCK;
		returned = held_up(run, bio, 0, 1, -1);
		break;
	case RESULT_ZERO: returned = held_up(run, bio, 0, 0, 0); break;
	case RESULT_SHORT: returned = held_up(run, bio, 0, 0, len - 1); break;
	case RESULT_SHORT_BLOCK: returned = held_up(run, bio, 2, 0, len - 1); break;
	}
	run->trace.write = result;
	LOG(run->log, EVENT_WRITE, bytes, (size_t)len, returned);
	return returned;
}

static long
script_flush(struct run *run, BIO *bio)
{
	int result = RESULT_OK, returned = 1;

	if (run->next_flush < run->c->nflushes)
		result = run->c->flushes[run->next_flush++];
	run->held_up = 0;
	switch (result) {
	case RESULT_OK: break;
	case RESULT_BLOCK:
	case RESULT_SHORT_BLOCK:
		result = RESULT_BLOCK;
		returned = held_up(run, bio, 2, 0, -1);
		break;
	case RESULT_FAIL_STALE:
		if (BIO_should_retry(bio))
			result = RESULT_BLOCK;
		returned = held_up(run, bio, 0, 1, -1);
		break;
	default: returned = held_up(run, bio, 0, 0, result == RESULT_FAIL ? -1 : 0);
	}
	run->trace.flush = result;
	LOG(run->log, EVENT_FLUSH, NULL, 0, returned);
	return returned;
}

static long
script_ctrl(BIO *bio, int command, long number, void *pointer)
{
	struct script *script = BIO_get_data(bio);

	(void)number;
	switch (command) {
	case BIO_CTRL_FLUSH: return script_flush(script->run, bio);
	case BIO_CTRL_DGRAM_GET_PEER: return script_get_peer(script->run->c, pointer);
	case BIO_CTRL_DGRAM_SET_PEER: script_set_peer(script->run, pointer); return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU: return 1472;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return 28;
	case BIO_CTRL_DUP: return 1;
	default: return 0;
	}
}

static int
script_destroy(BIO *bio)
{
	struct script *script = BIO_get_data(bio);

	if (script != NULL)
		script->run->alive--;
	OPENSSL_free(script);
	BIO_set_data(bio, NULL);
	return 1;
}

static BIO_METHOD *
make_method(int type, const char *name, int reads, int writes)
{
	BIO_METHOD *method = BIO_meth_new(type, name);

	if (method == NULL)
		return NULL;
	if (reads)
		BIO_meth_set_read(method, script_read);
	if (writes)
		BIO_meth_set_write(method, script_write);
	BIO_meth_set_ctrl(method, script_ctrl);
	BIO_meth_set_destroy(method, script_destroy);
	return method;
}

int
script_open(void)
{
	int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;

	plain = make_method(type, "scripted", 1, 1);
	named_dgram = make_method(BIO_TYPE_DGRAM, "scripted datagrams", 1, 1);
	deaf = make_method(type, "scripted, no read", 0, 1);
	mute = make_method(type, "scripted, no write", 1, 0);
	return plain != NULL && named_dgram != NULL && deaf != NULL && mute != NULL;
}

void
script_close(void)
{
	BIO_meth_free(plain);
	BIO_meth_free(named_dgram);
	BIO_meth_free(deaf);
	BIO_meth_free(mute);
}

static BIO *
make_bio(struct run *run, BIO_METHOD *method, int empty)
{
	BIO *bio = BIO_new(method);
	struct script *script = OPENSSL_malloc(sizeof(*script));

	if (bio == NULL || script == NULL)
		abort();
	*script = (struct script){ run, empty };
	BIO_set_data(bio, script);
	BIO_set_init(bio, 1);
	run->alive++;
	return bio;
}

BIO *
script_new(struct run *run, int empty)
{
	return make_bio(run, run->c->claims_dgram ? named_dgram : plain, empty);
}

BIO *
script_new_deaf(struct run *run)
{
	return make_bio(run, deaf, 0);
}

BIO *
script_new_mute(struct run *run)
{
	return make_bio(run, mute, 0);
}
