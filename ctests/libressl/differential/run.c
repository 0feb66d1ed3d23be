#include <string.h>

#include <openssl/err.h>

#include "bios.h"
#include "hello.h"
#include "run.h"

#define LISTEN 75 /* DTLS_CTRL_LISTEN */

#ifndef SSL_R_COOKIE_GEN_CALLBACK_FAILURE
#define SSL_R_COOKIE_GEN_CALLBACK_FAILURE 400
#define SSL_R_NO_VERIFY_COOKIE_CALLBACK   403
#endif

/* The side that is at work: a callback is told of its SSL alone. */
static struct {
	const struct mcase *c;
	struct log *log;
	struct traffic traffic;
	SSL *ssl;
	unsigned int answer_version;
	int accepting; /* what is random is left out */
	int verified, answered;
	unsigned int hello; /* the version that the last one was told of with */
	unsigned int alert_number;
	size_t writes;
	unsigned char written[WRITTEN];
} now;

int
run_open(void)
{
	return bios_open();
}

void
run_close(void)
{
	bios_close();
}

/* The SSL, its BIO and what that knows are the caller's, whoever calls. */
static void
look_around(SSL *ssl)
{
	struct sockaddr_storage known, told;
	socklen_t len = bios_peer(now.c, &known);

	memset(&told, 0, sizeof(told));
	if (ssl != now.ssl || SSL_get_rbio(ssl) != now.traffic.read_bio)
		log_line(now.log, "    called back with another SSL or BIO\n");
	else if (BIO_dgram_get_peer(SSL_get_rbio(ssl), &told) != (int)len ||
	    memcmp(&told, &known, sizeof(known)) != 0)
		log_line(now.log, "    called back with another peer\n");
}

/* The hello that a cookie is made for, or that was accepted: of one that ours drops libssl may tell, and ours too. */
static void
log_hello(void)
{
	/* After an answer in the same call libssl has the version of that, as its alerts: see deliberate.c. */
	if (now.hello != 0)
		log_line(now.log, "    a ClientHello came, version %x\n",
		    now.answer_version != 0 && now.answered ? 0 : now.hello);
	now.hello = 0;
}

static void
message(
    int write_p, int version, int content_type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
	const unsigned char *type = bytes;

	(void)arg;
	if (ssl != now.ssl)
		log_line(now.log, "    a message of another SSL\n");
	if (now.accepting) {
		log_line(now.log, "    message %d, version %x, content %d, type %d\n", write_p,
		    version, content_type, *type);
		return;
	}
	if (content_type == 21) /* ours neither sends nor tells of */
		return;
	if (!write_p && content_type == 22) {
		now.hello = (unsigned int)version;
		return;
	}
	/* An answer's version is that of its record. */
	now.answered |= write_p;
	if (write_p && now.answer_version != 0)
		version = (int)now.answer_version;
	log_line(now.log, "    message %d, version %x, content %d, type %d, %zu bytes\n", write_p,
	    version, content_type, *type, len);
}

static int
generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	look_around(ssl);
	log_hello();
	log_line(now.log, "    generate\n");
	memcpy(cookie, now.c->cookie, now.c->cookie_len);
	*len = (unsigned int)now.c->cookie_len;
	return now.c->callbacks != FAILS;
}

/* Told of the call that succeeds: libssl is not asked where another hello stands for one, see deliberate.c. */
static int
verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	int right = case_has_right_cookies(now.c) && len == now.c->cookie_len &&
	    memcmp(cookie, now.c->cookie, len) == 0;

	look_around(ssl);
	now.verified |= right;
	return right;
}

static void
wrote(void *arg, const unsigned char *bytes, size_t len)
{
	unsigned char copy[WRITTEN];
	size_t kept = len < sizeof(copy) ? len : sizeof(copy);

	(void)arg;
	memcpy(copy, bytes, kept);
	now.writes++;
	memcpy(now.written, copy, kept);
	if (kept > AT_TYPE && copy[0] == 22 && copy[AT_TYPE] == 3 && now.answer_version != 0)
		hello_put(copy + AT_VERSION, 2, now.answer_version);
	if (kept > 13 && copy[0] == 21 && !now.accepting && now.answer_version != 0) {
		now.alert_number = hello_number(copy + AT_SEQUENCE + 3, 3);
		now.alert_number += hello_number(copy + AT_VERSION, 2) != 0xfeff;
		hello_put(copy + AT_VERSION, 2, now.answer_version);
		hello_put(copy + AT_SEQUENCE, 6, 0);
	}
	log_bytes(now.log, "write", copy, now.accepting && kept > 13 ? 13 : kept);
}

/*
 * Without a cookie to send libssl returns 0 for an internal error of its own and is in the middle of an answer; ours is
 * at the beginning, and says which callback.
 */
static int
is_without_cookie(struct world *world, long ret, unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (now.c->callbacks == BOTH || now.c->callbacks == NONE_RIGHT)
		return 0;
	if (world != &ours)
		return ret == 0 && reason == ERR_R_INTERNAL_ERROR;
	return ret == -1 &&
	    (reason == SSL_R_COOKIE_GEN_CALLBACK_FAILURE ||
		reason == SSL_R_NO_VERIFY_COOKIE_CALLBACK);
}

/* One line for ends that differ on purpose, if they are what is told of them in deliberate.c. */
static int
log_other_end(struct world *world, long ret)
{
	int error = SSL_get_error(now.ssl, (int)ret), is_empty = ERR_peek_error() == 0;
	const char *line = NULL;

	if (is_without_cookie(world, ret, ERR_peek_error()))
		line = RUN_NO_COOKIE;
	else if (ret <= 0 && is_empty && error == SSL_ERROR_SYSCALL)
		line = RUN_FAILED;
	else if (ret == -1 && is_empty && now.traffic.blocked &&
	    error == (world == &ours ? SSL_ERROR_WANT_READ : SSL_ERROR_WANT_WRITE))
		line = RUN_BLOCKED;
	if (line == NULL)
		return 0;
	log_line(now.log, "%s", line);
	ERR_clear_error();
	return 1;
}

static void
log_end(struct world *world, long ret)
{
	unsigned long error;

	bios_collect(&now.traffic);
	if (now.answer_version != 0 && !now.accepting && log_other_end(world, ret))
		return;
	log_line(
	    now.log, "  returned %ld, error %d, queue:", ret, SSL_get_error(now.ssl, (int)ret));
	while ((error = ERR_get_error()) != 0)
		log_line(now.log, " %d/%d", ERR_GET_LIB(error), ERR_GET_REASON(error));
	log_line(now.log, "\n  state %s, want %d, shutdown %d, retry %d, options %d\n",
	    SSL_state_string(now.ssl), SSL_want(now.ssl), SSL_get_shutdown(now.ssl),
	    BIO_should_retry(SSL_get_rbio(now.ssl)) != 0,
	    (SSL_get_options(now.ssl) & SSL_OP_COOKIE_EXCHANGE) != 0);
	if (SSL_get_rbio(now.ssl) != now.traffic.read_bio ||
	    SSL_get_wbio(now.ssl) != now.traffic.write_bio)
		log_line(now.log, "  the SSL has other BIOs\n");
}

static long
listen_once(struct world *world, struct ended *ended)
{
	struct sockaddr_storage peer;
	long ret;

	memset(&peer, 0xa5, sizeof(peer));
	now.writes = 0;
	now.hello = 0;
	now.verified = now.answered = 0;
	now.traffic.blocked = 0;
	log_line(now.log, "DTLSv1_listen\n");
	ret = world->ctrl(now.ssl, LISTEN, 0, &peer);
	ended->ret = ret;
	ended->error = SSL_get_error(now.ssl, (int)ret);
	ended->queued = ERR_peek_error();
	log_end(world, ret);
	if (ret >= 1) {
		log_hello();
		log_line(now.log, "  a cookie was right: %d\n", now.verified);
	}
	ended->alert_number = now.alert_number;
	ended->writes = now.writes;
	memcpy(ended->written, now.written, sizeof(now.written));
	log_bytes(now.log, "peer", (unsigned char *)&peer, sizeof(peer));
	return ret;
}

void
run_case(struct world *world, const struct mcase *c, unsigned int answer_version, struct log *log,
    struct ended *first)
{
	struct ended other;
	long ret = 0;

	log_clear(log);
	ERR_clear_error();
	memset(&now, 0, sizeof(now));
	now.c = c;
	now.log = log;
	now.answer_version = answer_version;
	now.traffic.c = c;
	now.traffic.wrote = wrote;
	world->set_generate(
	    world->ctx, c->callbacks == ABSENT || c->callbacks == VERIFY_ALONE ? NULL : generate);
	world->set_verify(world->ctx, c->callbacks == ABSENT ? NULL : verify);
	now.ssl = world->new_ssl(world->ctx);
	if (now.ssl == NULL || !bios_make(&now.traffic)) {
		log_line(log, "%s: no SSL or BIO\n", world->name);
		return;
	}
	world->set_message(now.ssl, message);
	SSL_set_bio(now.ssl, now.traffic.read_bio, now.traffic.write_bio);
	for (int call = 0; call < c->calls && ret < 1; call++)
		ret = listen_once(world, call == 0 ? first : &other);
	if (ret >= 1) {
		now.accepting = 1;
		bios_end(&now.traffic);
		log_line(log, "SSL_accept\n");
		log_end(world, SSL_accept(now.ssl));
	}
	SSL_free(now.ssl);
	ERR_clear_error();
}
