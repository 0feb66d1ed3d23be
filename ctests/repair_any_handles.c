/*
 * Repair 1 in front of BIOs of every kind: the application finds its own BIOs,
 * whatever it asks them and wherever it puts them again, with a reference where
 * libssl asks for one.
 */
#include "lib/check.h"
#include "lib/end.h"
#include "lib/late.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static SSL_CTX *ctx;

static SSL *
server(enum end_kind kind)
{
	return late_server(ctx, kind);
}

/* SSL_set_bio(3) takes no reference for what stays, one for what is new, and one
 * more for a BIO that was both and becomes one. */
enum act { SAME, NEW_READ, NEW_WRITE, NEW_BOTH, NEW_ONE, WRITE_FOR_BOTH, ACTS };

static const char *const act_names[ACTS] = { "the same two", "a new read BIO", "a new write BIO",
	"two new ones", "a new one for both", "the write BIO for both" };

static BIO *
new_memory(void)
{
	BIO *b = late_watched(BIO_new(BIO_s_mem()));

	BIO_set_mem_eof_return(b, -1);
	return b;
}

/* Gives how many BIOs it made. */
static int
act_on(SSL *ssl, enum act act)
{
	BIO *r = SSL_get_rbio(ssl), *w = SSL_get_wbio(ssl), *r2, *w2;

	switch (act) {
	case SAME: SSL_set_bio(ssl, r, w); return 0;
	case NEW_READ:
		r2 = new_memory();
		if (r == w)
			NEED(BIO_up_ref(w));
		SSL_set_bio(ssl, r2, w);
		CHECK(SSL_get_rbio(ssl) == r2 && SSL_get_wbio(ssl) == w);
		return 1;
	case NEW_WRITE:
		w2 = new_memory();
		SSL_set_bio(ssl, r, w2);
		CHECK(SSL_get_rbio(ssl) == r && SSL_get_wbio(ssl) == w2);
		return 1;
	case NEW_BOTH:
		r2 = new_memory();
		w2 = new_memory();
		SSL_set_bio(ssl, r2, w2);
		CHECK(SSL_get_rbio(ssl) == r2 && SSL_get_wbio(ssl) == w2);
		return 2;
	case NEW_ONE:
		r2 = new_memory();
		SSL_set_bio(ssl, r2, r2);
		CHECK(SSL_get_rbio(ssl) == r2 && SSL_get_wbio(ssl) == r2);
		return 1;
	default:
		SSL_set_bio(ssl, w, w);
		CHECK(SSL_get_rbio(ssl) == w && SSL_get_wbio(ssl) == w);
		return 0;
	}
}

/* Every BIO is late.freed once, when the SSL is, or before if it was replaced. */
static void
test_references(void)
{
	enum end_kind kind;
	enum act act, again;
	SSL *ssl;
	int made;

	for (kind = 0; kind < END_KINDS; kind++) {
		for (act = 0; act < ACTS; act++) {
			for (again = 0; again < ACTS; again++) {
				char what[100];

				snprintf(what, sizeof(what), "%s: %s, then %s", end_name(kind),
				    act_names[act], act_names[again]);
				check_case(what);
				ssl = server(kind);
				made = 1 + (late.end.rbio != late.end.wbio);
				late.freed = 0;
				late_accepted_at(ssl, 0, 4);
				(void)late_watched(late.end.rbio);
				(void)late_watched(late.end.wbio);
				made += act_on(ssl, act);
				made += act_on(ssl, again);
				(void)SSL_accept(ssl); /* writes, wherever to */
				ERR_clear_error();
				end_free(&late.end, ssl);
				CHECK_INT(late.freed, made);
				stepper_free(&late.client);
			}
		}
	}
	check_case(NULL);
}

/* Other BIOs after listening, as from a server with a socket for each late.client. */
static void
test_other_bios(void)
{
	uint64_t number;
	SSL *ssl;

	check_case("other memory BIOs");
	ssl = server(END_MEMORY);
	number = late_accepted(ssl, 2);
	late.end.rbio = new_memory();
	late.end.wbio = new_memory();
	SSL_set_bio(ssl, late.end.rbio, late.end.wbio);
	late_finished(ssl, number);
	end_free(&late.end, ssl);
	stepper_free(&late.client);
	check_case("another socket's BIO");
	ssl = server(END_DATAGRAM);
	number = late_accepted(ssl, 2);
	late.end.rbio = late.end.wbio = BIO_new_socket(late.end.fd, BIO_NOCLOSE);
	NEED(late.end.rbio != NULL);
	SSL_set_bio(ssl, late.end.rbio, late.end.wbio);
	CHECK_INT(SSL_get_wfd(ssl), late.end.fd);
	late_finished(ssl, number);
	end_free(&late.end, ssl);
	stepper_free(&late.client);
	check_case(NULL);
}

/* A read BIO for each datagram, as those who have datagrams and no socket do. */
static void
test_read_bio_for_each(void)
{
	SSL *ssl = server(END_MEMORY);
	unsigned char first[64], bytes[WIRE_MAX];
	struct datagram *d;
	uint64_t number, seen = 0;
	size_t n;
	int round, ret, done = 0;

	number = late_accepted(ssl, 2);
	for (round = 0; round < 10 && !done; round++) {
		while ((d = queue_get(&late.client.wire.out)) != NULL) {
			BIO *r = new_memory();

			NEED(BIO_write(r, d->byte, (int)d->len) == (int)d->len);
			SSL_set_bio(ssl, r, SSL_get_wbio(ssl));
			ret = SSL_accept(ssl);
			done = ret == 1;
		}
		if (round == 0)
			(void)SSL_accept(ssl);
		while ((n = (size_t)BIO_read(late.end.wbio, bytes, sizeof(bytes))) > 0 &&
		    n <= sizeof(bytes)) {
			if (seen == 0) {
				memcpy(first, bytes, sizeof(first));
				seen = late_number_of(first);
			}
			queue_put(&late.client.wire.in, bytes, n);
		}
		(void)stepper_step(&late.client);
	}
	CHECK(done);
	CHECK_INT(seen, number);
	ERR_clear_error();
	end_free(&late.end, ssl);
	stepper_free(&late.client);
}

int
main(void)
{
	check_begin("repair_any_handles");
	ctx = tls_server_ctx();
	test_references();
	test_other_bios();
	test_read_bio_for_each();
	SSL_CTX_free(ctx);
	return check_end();
}
