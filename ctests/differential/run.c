#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "hello.h"
#include "identity.h"
#include "run.h"

enum { REPAIR_FRAGMENTS = 4 }; /* DTLSV1_LISTEN_REPAIR_FRAGMENTS */

struct run *running;
static struct run state;

/* What the message callbacks' arguments point at. */
static const unsigned char marks[] = { 0, 1, 2 };

/* Does any datagram hold a part of a message? */
static int
any_fragment(const struct dcase *c)
{
	static const unsigned char nought[3];

	for (size_t i = 0; i < c->nreads; i++) {
		const unsigned char *bytes = c->pool + c->reads[i].at;

		if (c->reads[i].len >= 25 &&
		    (memcmp(bytes + AT_OFFSET, nought, 3) != 0 ||
			memcmp(bytes + AT_LENGTH, bytes + AT_FRAGMENT, 3) != 0))
			return 1;
	}
	return 0;
}

/*
 * A hello in fragments is put together on datagram BIOs only, and then nothing of libssl's compares with it: its tests
 * are elsewhere. With that repair off, what we do with them is compared there too, and with it on, everything else.
 */
static unsigned int
repairs_of(const struct dcase *c)
{
	return (unsigned int)(bios_on_socket(c) && any_fragment(c) ?
		c->repairs & ~REPAIR_FRAGMENTS :
		c->repairs);
}

static void
set_ctx_callbacks(struct side *side, const struct dcase *c, SSL_CTX *ctx, int decoy)
{
	/* A decoy has exactly the cookie callbacks that the right SSL_CTX lacks. */
	side->set_generate(ctx, (c->generate == GENERATE_ABSENT) == decoy ? app_generate : NULL);
	side->set_verify(ctx, (c->verify == VERIFY_ABSENT) == decoy ? app_verify : NULL);
	SSL_CTX_set_client_hello_cb(ctx, app_client_hello, NULL);
	if (side->set_repairs != NULL && side->set_repairs(ctx, repairs_of(c)) != 1)
		abort();
}

/* From now on the SSL belongs to the case's other SSL_CTX, or, with `decoy`, to its first. */
void
run_belong(struct run *run, int decoy)
{
	const struct dcase *c = run->c;

	int method = decoy || c->switched == 0 ? c->method : c->switched - 1;

	run->ctx = side_context(run->side, method);
	/* From 3.2 on, SSL_clear goes back to the method the SSL was made with, before, to its SSL_CTX's. */
	run->method = OpenSSL_version_num() >= 0x30200000L ? c->method : method;
	run->trace.verify_set = (c->verify == VERIFY_ABSENT) == decoy;
	run->trace.generate_set = (c->generate == GENERATE_ABSENT) == decoy;
}

static void
set_ctx_message(struct side *side, SSL_CTX *ctx, message_fn *message)
{
	side->ctx_set_message(ctx, message);
	side->ctx_ctrl(ctx, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0,
	    message != NULL ? (void *)(uintptr_t)&marks[1] : NULL);
}

static void
set_ssl_message(struct side *side, SSL *ssl, int kind)
{
	if (kind == MSG_SSL || kind == MSG_BOTH)
		side->set_message(ssl, app_message);
	if (kind == MSG_UNSET)
		side->set_message(ssl, NULL);
	if (kind == MSG_SSL || kind == MSG_BOTH || kind == MSG_ARG)
		side->ctrl(ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, (void *)(uintptr_t)&marks[2]);
}

/* No retransmission because the machine was slow. */
static unsigned int
in_an_hour(SSL *ssl, unsigned int last)
{
	(void)ssl;
	(void)last;
	return 3600u * 1000000u;
}

static SSL *
new_ssl(struct run *run, SSL_CTX *first)
{
	const struct dcase *c = run->c;
	struct side *side = run->side;
	SSL *ssl, *copy;
	int from_ctx = c->msg != MSG_NONE && c->msg != MSG_SSL && c->msg != MSG_LATE;

	set_ctx_message(side, first, from_ctx ? app_message : NULL);
	ssl = side->new_ssl(first);
	if (ssl == NULL)
		abort();
	if (c->msg == MSG_LATE)
		set_ctx_message(side, first, app_message);
	set_ssl_message(side, ssl, c->msg);
	if (c->duplicate && (copy = SSL_dup(ssl)) != NULL) {
		SSL_free(ssl);
		ssl = copy;
	}
	if (run->ctx != first)
		SSL_set_SSL_CTX(ssl, run->ctx);
	if (c->method != METHOD_TLS)
		DTLS_set_timer_cb(ssl, in_an_hour);
	if (c->info)
		SSL_set_info_callback(ssl, app_info);
	if (c->role == ROLE_ACCEPT)
		SSL_set_accept_state(ssl);
	if (c->role == ROLE_CONNECT)
		SSL_set_connect_state(ssl);
	if (c->anyconnect)
		SSL_set_options(ssl, SSL_OP_CISCO_ANYCONNECT);
	if (c->exchange)
		SSL_set_options(ssl, SSL_OP_COOKIE_EXCHANGE);
	if (c->bounds > 0) {
		side->ctrl(
		    ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, case_bounds[c->bounds - 1][0], NULL);
		side->ctrl(
		    ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, case_bounds[c->bounds - 1][1], NULL);
	}
	if (c->mtu > 0) {
		SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
		side->ctrl(ssl, SSL_CTRL_SET_MTU, c->mtu, NULL);
	}
	return ssl;
}

/* A new SSL takes the old one's BIOs over, as a program that keeps its socket BIO does. */
void
run_take_over(struct run *run, SSL_CTX *first)
{
	SSL *next = new_ssl(run, first);

	if (run->rbio != NULL)
		BIO_up_ref(run->rbio);
	if (run->wbio != NULL && run->wbio != run->rbio)
		BIO_up_ref(run->wbio);
	SSL_set_bio(next, run->rbio, run->wbio);
	SSL_free(run->ssl);
	run->ssl = next;
}

void
run_case(struct side *side, const struct dcase *c, const struct rewrite *rewrite, struct log *log,
    after_listen_fn *after)
{
	SSL_CTX *first = side_context(side, c->method);
	struct run *run = &state;

	memset(run, 0, offsetof(struct run, read_copy));
	run->side = side;
	run->c = c;
	run->rewrite = *rewrite;
	run->log = log;
	run->budget = 200;
	run->accepted_state = -1;
	if (first == NULL || (c->switched != 0 && side_context(side, c->switched - 1) == NULL))
		abort();
	running = run;
	log_reset(log);
	run_belong(run, 0);
	if (run->ctx != first)
		set_ctx_callbacks(side, c, first, 1);
	set_ctx_callbacks(side, c, run->ctx, 0);
	if (run->ctx != first && strpbrk(c->steps, "ST") != NULL)
		run_belong(run, 1);
	run->ssl = new_ssl(run, first);
	bios_make(run);
	ERR_clear_error();
	for (int i = 0; i < c->stale; i++)
		ERR_put_error(ERR_LIB_USER, 0, 200 + i, __FILE__, __LINE__);
	for (const char *step = c->steps; *step != '\0'; step++) {
		/* Anew for each: what one side drew from it before is nobody's business. */
		identity_reseed(c->seed * 31 + c->number + (uint64_t)(step - c->steps));
		run_step(run, *step, first, after);
	}
	SSL_free(run->ssl);
	ERR_clear_error();
	bios_let_go(run);
	running = NULL;
}
