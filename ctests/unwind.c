/*
 * The program's control flow is its own: a thread that is cancelled or exits,
 * or a C++ exception, passes through DTLSv1_listen from wherever the program's
 * code runs in it. Nothing is owed then: the SSL has its own BIOs and message
 * callback, no lock is held, no reference lost (valgrind), and the same SSL
 * goes on to a whole handshake, as do others.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/ours.h"
#include "lib/throw.h"
#include "lib/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum place {
	NOWHERE,
	READ,
	HEADER_IN,
	HELLO_IN,
	GENERATE,
	GET_PEER,
	HEADER_OUT,
	SET_PEER,
	WRITE,
	FLUSH,
	VERIFY,
	HANDOFF,
	SECOND_VERIFY,
	PLACES
};
static const char *const place_name[] = { "nowhere", "BIO read", "message callback, record",
	"message callback, hello", "generate callback", "BIO ctrl, get peer",
	"message callback, answer", "BIO ctrl, set peer", "BIO write", "BIO ctrl, flush",
	"verify callback", "BIO ctrl in the handoff", "verify callback in SSL_accept" };

enum how { CANCEL, EXIT, THROW, HOWS };
static const char *const how_name[] = { "cancel", "exit", "throw" };

enum entry { LISTEN, CTRL, PEER, ACCEPT };
static const char *const entry_name[] = { "listen", "ctrl 75", "listen_peer", "accept" };

static struct {
	enum place place; /* NOWHERE: all goes its way */
	enum how how;
	int verified; /* the verify callback has run */
	int messages; /* of the message callback */
} plan;

#define THROWN 42

static void
at(enum place place)
{
	if (place != plan.place)
		return;
	plan.place = NOWHERE;
	switch (plan.how) {
	case CANCEL:
		pthread_cancel(pthread_self());
		pthread_testcancel();
		break;
	case EXIT: pthread_exit(&plan);
	case THROW: throw_it(THROWN); break;
	case HOWS: break;
	}
	CHECK(0); /* not reached */
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	at(GENERATE);
	return app_generate(ssl, cookie, len);
}

static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	at(plan.verified ? SECOND_VERIFY : VERIFY);
	plan.verified = 1;
	return app_verify(ssl, cookie, len);
}

static void
message(
    int write_p, int version, int content_type, const void *buf, size_t len, SSL *ssl, void *arg)
{
	(void)version, (void)buf, (void)len, (void)ssl, (void)arg;
	plan.messages++;
	if (content_type == SSL3_RT_HEADER)
		at(write_p ? HEADER_OUT : HEADER_IN);
	else if (!write_p && content_type == SSL3_RT_HANDSHAKE)
		at(HELLO_IN);
}

static void
wire_hook(int op)
{
	switch (op) {
	case WIRE_READ: at(READ); break;
	case WIRE_WRITE: at(WRITE); break;
	case BIO_CTRL_FLUSH: at(FLUSH); break;
	case BIO_CTRL_DGRAM_SET_PEER: at(SET_PEER); break;
	case BIO_CTRL_DGRAM_GET_PEER: at(plan.verified ? HANDOFF : GET_PEER); break;
	}
}

struct scene {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *bio;
	struct app app;
	struct wire wire;
	struct port port;
	struct stepper client;
	enum entry entry;
	int ret; /* of the entry, if it came back */
};

static void
scene_begin(struct scene *s, int builtin)
{
	memset(&plan, 0, sizeof(plan));
	s->ctx = tls_server_ctx();
	app_init(&s->app);
	app_install(&s->app, s->ctx);
	SSL_CTX_set_cookie_generate_cb(s->ctx, generate);
	SSL_CTX_set_cookie_verify_cb(s->ctx, verify);
	if (builtin)
		CHECK_INT(ours.set_cookie_policy(s->ctx, BUILTIN), 1);
	SSL_CTX_set_msg_callback(s->ctx, message);
	wire_init(&s->wire);
	s->wire.hook = wire_hook;
	s->bio = wire_bio(&s->wire, NULL, 0);
	s->ssl = tls_server_on(s->ctx, s->bio, s->bio);
	memset(&s->port, 0, sizeof(s->port));
	s->port.wire = &s->wire;
	stepper_init(&s->client);
}

static void
scene_end(struct scene *s)
{
	stepper_free(&s->client);
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
}

static void
enter(void *arg)
{
	struct scene *s = arg;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	s->ret = -2;
	switch (s->entry) {
	case LISTEN: s->ret = listen_to(s->ssl, &peer); break;
	case CTRL: s->ret = (int)SSL_ctrl(s->ssl, 75, 0, &peer); break;
	case PEER: s->ret = ours.peer(s->ssl, (struct sockaddr *)&peer, &len); break;
	case ACCEPT: s->ret = SSL_accept(s->ssl); break;
	}
}

static void *
enter_and_end(void *arg)
{
	if (plan.how == THROW)
		CHECK_INT(catch_it(enter, arg), THROWN);
	else
		enter(arg);
	return NULL;
}

/* In a thread of its own, which ends at the place. */
static void
end_in(struct scene *s, enum place place, enum how how)
{
	pthread_t thread;
	void *result;

	plan.place = place;
	plan.how = how;
	NEED(pthread_create(&thread, NULL, enter_and_end, s) == 0);
	NEED(pthread_join(thread, &result) == 0);
	CHECK_INT(plan.place, NOWHERE);
	CHECK_INT(s->ret, -2);
	CHECK(result == (how == CANCEL ? PTHREAD_CANCELED : how == EXIT ? (void *)&plan : NULL));
	CHECK(SSL_get_rbio(s->ssl) == s->bio);
	CHECK(SSL_get_wbio(s->ssl) == s->bio);
}

/* What the client has to send, once more after a call that lost it. */
static void
from_client(struct scene *s, int again)
{
	static struct datagram kept;
	struct datagram *d;

	if (!again) {
		stepper_step(&s->client);
		NEED((d = queue_get(&s->client.wire.out)) != NULL);
		kept = *d;
	}
	queue_clear(&s->wire.in);
	port_give(&s->port, kept.byte, kept.len);
}

static void
test_place(struct scene *s, enum place place, enum how how, int builtin)
{
	int messages;

	scene_begin(s, builtin);
	from_client(s, 0);
	if (place < VERIFY) {
		end_in(s, place, how);
		from_client(s, 1);
		queue_clear(&s->wire.out);
	}
	messages = plan.messages;
	CHECK_INT(listen_to(s->ssl, NULL), 0);
	CHECK(plan.messages > messages);
	CHECK_INT(queue_len(&s->wire.out), 1);
	port_to_client(&s->port, &s->client);
	from_client(s, 0);
	if (place == VERIFY || place == HANDOFF) {
		plan.verified = place == HANDOFF;
		end_in(s, place, how);
		plan.verified = 0;
		from_client(s, 1);
	}
	messages = plan.messages;
	CHECK_INT(listen_to(s->ssl, NULL), 1);
	CHECK(plan.messages > messages);
	if (place == SECOND_VERIFY) /* libssl is in the middle of it */
		end_in(s, place, how);
	else
		port_finish(&s->port, &s->client, s->ssl);
	scene_end(s);
}

static void
test_places(void)
{
	static struct scene s;
	static char what[200];
	int place, how, builtin;

	for (builtin = 0; builtin <= 1; builtin++)
		for (place = READ; place < PLACES; place++)
			for (how = 0; how < HOWS; how++) {
				if (builtin &&
				    (place == GENERATE || place == VERIFY ||
					place == SECOND_VERIFY))
					continue;
				/* With the program's own cookies nobody asks
				 * before the answer has to go somewhere. */
				s.entry = place == SECOND_VERIFY ? ACCEPT :
								   (enum entry)((place + how) % 3);
				snprintf(what, sizeof(what), "%s, %s in %s, %s",
				    builtin ? "builtin" : "app", how_name[how], place_name[place],
				    entry_name[s.entry]);
				check_case(what);
				test_place(&s, (enum place)place, (enum how)how, builtin);
			}
	check_case(NULL);
}

int
main(void)
{
	check_begin("unwind");
	test_places();
	return check_end();
}
