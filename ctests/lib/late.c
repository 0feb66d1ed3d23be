#include "late.h"
#include "check.h"

#include <openssl/err.h>
#include <string.h>

enum { SERVER_HELLO = 2 };

struct late late;

static long
watcher(BIO *b, int when, const char *p, size_t len, int i, long l, int ret, size_t *done)
{
	(void)b;
	(void)p;
	(void)len;
	(void)i;
	(void)l;
	(void)done;
	late.freed += when == BIO_CB_FREE;
	return ret;
}

BIO *
late_watched(BIO *b)
{
	NEED(b != NULL);
#ifdef LIBRESSL_VERSION_NUMBER
	(void)watcher; /* it has no such callback, and no test of it is run there */
#else
	BIO_set_callback_ex(b, watcher);
#endif
	return b;
}

uint64_t
late_number_of(const unsigned char *record)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 6; i++)
		n = n << 8 | record[5 + i];
	return n;
}

uint64_t
late_to_server(int earlier)
{
	struct datagram *d = queue_get(&late.client.wire.out);

	NEED(d != NULL && d->len > 13);
	d->byte[10] = (unsigned char)(d->byte[10] + earlier);
	end_give(&late.end, d->byte, d->len);
	return late_number_of(d->byte);
}

/* A client that has sent its hello, once. */
static void
begin(int lost)
{
	int tries, ret;

	for (tries = 0; tries < 20; tries++) {
		stepper_init(&late.client);
		if (lost > 0)
			tls_hasty(late.client.ssl, tries);
		ret = SSL_do_handshake(late.client.ssl);
		if (SSL_get_error(late.client.ssl, ret) == SSL_ERROR_WANT_READ &&
		    queue_len(&late.client.wire.out) == 1)
			return;
		/* It had no processor for longer than its timer, and has sent it again by itself;
		 * or a dozen times, and has given up. */
		ERR_clear_error();
		stepper_free(&late.client);
	}
	NEED(!"a client that sends its hello once");
}

uint64_t
late_accepted_at(SSL *ssl, int lost, int earlier)
{
	unsigned char answer[WIRE_MAX];
	uint64_t number;
	size_t len = 0;
	int i;

	begin(lost);
	for (i = 0; i <= lost; i++) {
		late_to_server(0);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
		CHECK((len = end_take(&late.end, answer, sizeof(answer))) > 0);
		if (i == lost)
			break;
		if (i == lost - 1)
			tls_patient(late.client.ssl);
		tls_time_out(late.client.ssl);
	}
	queue_put(&late.client.wire.in, answer, len);
	CHECK_INT(stepper_step(&late.client), 0);
	number = late_to_server(earlier);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	return number;
}

uint64_t
late_accepted(SSL *ssl, int lost)
{
	return late_accepted_at(ssl, lost, 0);
}

void
late_finished(SSL *ssl, uint64_t number)
{
	unsigned char first[64];
	size_t len = 0;

	end_finish(&late.end, &late.client, ssl, first, sizeof(first), &len);
	CHECK(len > 14);
	CHECK_INT(first[13], SERVER_HELLO);
	CHECK_INT(late_number_of(first), number);
}

SSL *
late_server(SSL_CTX *ctx, enum end_kind kind)
{
	SSL *ssl = end_server(&late.end, kind, ctx);

	app_init(&late.app);
	app_install(&late.app, ctx);
	return ssl;
}
