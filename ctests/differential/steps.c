/* The steps of a case, and what is to be seen after each. */

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "run.h"

enum { ROOM = 256, ROOM_BEFORE = 64 }; /* the caller's room for the peer, canaries on both sides */

static void
log_queue(struct run *run, int *reason)
{
	unsigned long error;

	*reason = 0;
	while ((error = ERR_get_error()) != 0) {
		if (*reason == 0)
			*reason = ERR_GET_REASON(error);
		LOG(run->log, EVENT_ERROR, NULL, 0, ERR_GET_LIB(error), ERR_GET_REASON(error));
	}
}

static void
log_outcome(struct run *run, int returned, int *reason)
{
	SSL *ssl = run->ssl;
	int seen = run->held_up || (bios_on_socket(run->c) && returned <= 0) ? errno : 0;
	const char *name;

	LOG(run->log, EVENT_RETURN, NULL, 0, returned, SSL_get_error(ssl, returned), seen);
	log_queue(run, reason);
	name = SSL_state_string_long(ssl);
	log_add(run->log, EVENT_STATE, name, strlen(name));
	LOG(run->log, EVENT_SSL, NULL, 0, (SSL_get_options(ssl) & SSL_OP_COOKIE_EXCHANGE) != 0,
	    SSL_version(ssl), SSL_want(ssl), SSL_has_pending(ssl), SSL_get_shutdown(ssl));
	LOG(run->log, EVENT_BOUNDS, NULL, 0,
	    run->side->ctrl(ssl, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL),
	    run->side->ctrl(ssl, SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL));
	LOG(run->log, EVENT_BIOS, NULL, 0, SSL_get_rbio(ssl) == run->rbio,
	    SSL_get_wbio(ssl) == run->wbio, run->rbio != NULL ? BIO_get_retry_flags(run->rbio) : 0,
	    run->wbio != NULL ? BIO_get_retry_flags(run->wbio) : 0);
	bios_log(run);
}

static void
listen_step(struct run *run, after_listen_fn *after)
{
	const struct dcase *c = run->c;
	_Alignas(16) unsigned char room[ROOM];
	int with_peer = !c->null_peer, returned, reason;
	void *peer = with_peer || run->rewrite.give_room ? room + ROOM_BEFORE : NULL;

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (unsigned char)(0xa5 ^ i);
	run->trace.read_kind = -1;
	run->trace.verified = run->trace.generated = run->trace.write = run->trace.flush = -1;
	bios_feed(run, 1);
	run->listening = 1;
	returned = run->side->listen(run->ssl, peer);
	run->listening = 0;
	run->accepted_state = returned == 1 ? (int)SSL_get_state(run->ssl) : -1;
	log_outcome(run, returned, &reason);
	if (with_peer)
		log_add(run->log, EVENT_PEER, room, sizeof(room));
	if (after != NULL)
		after(run, returned, reason);
}

/* Everything else that may begin a handshake or go on with it. */
static void
call_step(struct run *run, char letter)
{
	unsigned char buffer[64] = "data";
	int returned = 0, reason;

	/* Without its BIOs, libssl's own SSL_get_error crashes after SSL_accept. */
	if (run->rbio == NULL || run->wbio == NULL)
		return;
	bios_feed(run, 0);
	ERR_clear_error();
	if (letter == 'A')
		returned = SSL_accept(run->ssl);
	else if (letter == 'R')
		returned = SSL_read(run->ssl, buffer, sizeof(buffer));
	else if (letter == 'B')
		returned = SSL_write(run->ssl, buffer, 4);
	else if (letter == 'U')
		returned = SSL_shutdown(run->ssl);
	log_outcome(run, returned, &reason);
}

/* What a program may do to its SSL between two calls. */
static void
touch(struct run *run, char letter)
{
	switch (letter) {
	case 'S':
		run_belong(run, 0);
		SSL_set_SSL_CTX(run->ssl, run->ctx);
		break;
	case 'T':
		if (run->c->switched != 0)
			SSL_set_ssl_method(run->ssl, sides_method(run->c->switched - 1));
		break;
	case 'M': run->side->ctrl(run->ssl, SSL_CTRL_SET_MTU, 300, NULL); break;
	case 'K': SSL_set_connect_state(run->ssl); break;
	case 'P':
		if (!run->rewrite.stay_accepted || run->accepted_state == -1 ||
		    SSL_in_before(run->ssl) || (int)SSL_get_state(run->ssl) != run->accepted_state)
			SSL_set_accept_state(run->ssl);
		break;
	case 'H': SSL_set_shutdown(run->ssl, SSL_SENT_SHUTDOWN); break;
	}
}

void
run_step(struct run *run, char letter, SSL_CTX *first, after_listen_fn *after)
{
	LOG(run->log, EVENT_STEP, NULL, 0, letter);
	run->held_up = 0;
	errno = 0;
	switch (letter) {
	case 'L': listen_step(run, after); break;
	case 'A':
	case 'R':
	case 'B':
	case 'U': call_step(run, letter); break;
	case 'C': LOG(run->log, EVENT_RETURN, NULL, 0, SSL_clear(run->ssl)); break;
	case 'E':
		if (run->rbio == NULL || !bios_scripted(run->c))
			break;
		run->rbio = script_new(run, 1);
		bios_hold(run, run->rbio);
		SSL_set0_rbio(run->ssl, run->rbio);
		break;
	case 'V':
	case 'W':
		run->trace.verify_set = letter == 'W';
		run->side->set_verify(run->ctx, letter == 'W' ? app_verify : NULL);
		break;
	case 'D': run_take_over(run, first); break;
	default: touch(run, letter);
	}
}
