/*
 * Repair 1 in front of BIOs of every kind: the first record that a server sends
 * has the number of the hello that it answers, with 0, 1 and 2 answers lost; and
 * the application finds its own BIOs, whatever it asks them and wherever it puts
 * them again, with a reference where libssl asks for one.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/end.h"
#include "lib/ours.h"

#include <openssl/err.h>
#include <string.h>

enum { SERVER_HELLO = 2 };

static SSL_CTX *ctx;
static struct app app;
static struct stepper client;
static struct end end;
static int freed;		/* BIOs that were watched and are gone */

static long
watcher(BIO *b, int when, const char *p, size_t len, int i, long l, int ret, size_t *done)
{
	(void)b; (void)p; (void)len; (void)i; (void)l; (void)done;
	freed += when == BIO_CB_FREE;
	return ret;
}

static BIO *
watched(BIO *b)
{
	NEED(b != NULL);
	BIO_set_callback_ex(b, watcher);
	return b;
}

static uint64_t
number_of(const unsigned char *record)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 6; i++)
		n = n << 8 | record[5 + i];
	return n;
}

/* The client's next datagram to the server, numbered as if `earlier` had been lost. */
static uint64_t
to_server(int earlier)
{
	struct datagram *d = queue_get(&client.wire.out);

	NEED(d != NULL && d->len > 13);
	d->byte[10] = (unsigned char)(d->byte[10] + earlier);
	end_give(&end, d->byte, d->len);
	return number_of(d->byte);
}

static uint64_t
accepted_late(SSL *ssl, int lost, int earlier)
{
	unsigned char answer[WIRE_MAX];
	uint64_t number;
	size_t len;
	int i;

	stepper_init(&client);
	if (lost > 0)
		tls_hasty(client.ssl);
	CHECK_INT(stepper_step(&client), 0);
	for (i = 0; i <= lost; i++) {
		to_server(0);
		CHECK_INT(listen_to(ssl, NULL), 0);
		CHECK_QUEUED(0);
		CHECK((len = end_take(&end, answer, sizeof(answer))) > 0);
		if (i == lost)
			break;
		if (i == lost - 1)
			tls_patient(client.ssl);
		tls_time_out(client.ssl);
	}
	queue_put(&client.wire.in, answer, len);
	CHECK_INT(stepper_step(&client), 0);
	number = to_server(earlier);
	CHECK_INT(listen_to(ssl, NULL), 1);
	CHECK_QUEUED(0);
	return number;
}

/* Accepts a client that has lost so many answers; gives its hello's number. */
static uint64_t
accepted(SSL *ssl, int lost)
{
	return accepted_late(ssl, lost, 0);
}

/* The rest of the handshake, and what the first record has. */
static void
finished(SSL *ssl, uint64_t number)
{
	unsigned char first[64];
	size_t len = 0;

	end_finish(&end, &client, ssl, first, sizeof(first), &len);
	CHECK(len > 14);
	CHECK_INT(first[13], SERVER_HELLO);
	CHECK_INT(number_of(first), number);
}

static SSL *
server(enum end_kind kind)
{
	SSL *ssl = end_server(&end, kind, ctx);

	app_init(&app);
	app_install(&app, ctx);
	return ssl;
}

static void
test_numbers(void)
{
	enum end_kind kind;
	uint64_t number;
	SSL *ssl;
	int lost;

	for (kind = 0; kind < END_KINDS; kind++) {
		for (lost = 0; lost < 3; lost++) {
			check_case(end_name(kind));
			ssl = server(kind);
			number = accepted(ssl, lost);
			CHECK_INT(number, lost + 1);
			finished(ssl, number);
			CHECK_APP(&app, lost + 1, 2);
			end_free(&end, ssl);
			stepper_free(&client);
		}
	}
	check_case(NULL);
}

/* A client that is refused is told: its alert is the first record. */
static void
test_alert(void)
{
	enum { FAILED = 40, ALERT = 21 };
	unsigned char alert[WIRE_MAX];
	enum end_kind kind;
	uint64_t number;
	size_t len;
	SSL *ssl;
	int lost;

	for (kind = 0; kind < END_KINDS; kind++) {
		for (lost = 0; lost < 3; lost++) {
			check_case(end_name(kind));
			ssl = server(kind);
			NEED(SSL_set_cipher_list(ssl, "ECDHE-RSA-AES128-GCM-SHA256"));
			number = accepted(ssl, lost);
			CHECK(SSL_accept(ssl) <= 0);
			ERR_clear_error();
			CHECK((len = end_take(&end, alert, sizeof(alert))) >= 15);
			CHECK_INT(alert[0], ALERT);
			CHECK_INT(alert[14], FAILED);
			CHECK_INT(number_of(alert), number);
			queue_put(&client.wire.in, alert, len);
			CHECK(SSL_connect(client.ssl) <= 0);
			CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), 1000 + FAILED);
			ERR_clear_error();
			end_free(&end, ssl);
			stepper_free(&client);
		}
	}
	check_case(NULL);
}

/* The application's BIO may block in a flush, too. */
static void
test_flush_that_blocks(void)
{
	SSL *ssl = server(END_CUSTOM);
	uint64_t number = accepted(ssl, 1);
	int ret;

	end.wire.flush = WIRE_FLUSH_BLOCK;
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret), SSL_ERROR_WANT_WRITE);
	end.wire.flush = WIRE_FLUSH;
	finished(ssl, number);
	end_free(&end, ssl);
	stepper_free(&client);
}

/* In front of a filter, which itself is in front of the sink. */
static void
test_chain(void)
{
	SSL *ssl = server(END_MEMORY);
	BIO *filter = BIO_new(BIO_f_null()), *first;
	uint64_t number;

	NEED(filter != NULL && BIO_up_ref(end.wbio));
	first = BIO_push(filter, end.wbio);
	SSL_set0_wbio(ssl, first);
	number = accepted(ssl, 1);
	CHECK(SSL_get_wbio(ssl) == filter);
	CHECK(BIO_next(SSL_get_wbio(ssl)) == end.wbio);
	CHECK(BIO_find_type(SSL_get_wbio(ssl), BIO_TYPE_MEM) == end.wbio);
	finished(ssl, number);
	end_free(&end, ssl);
	stepper_free(&client);
}

/* What an application sees of its BIO, before and after. */
static void
test_own_bio(void)
{
	enum end_kind kind;
	SSL *ssl;
	BIO *w;
	void *data;
	int fd, type;

	for (kind = 0; kind < END_KINDS; kind++) {
		check_case(end_name(kind));
		ssl = server(kind);
		w = SSL_get_wbio(ssl);
		CHECK(w == end.wbio);
		data = BIO_get_data(w);
		type = BIO_method_type(w);
		fd = SSL_get_wfd(ssl);
		CHECK_INT(fd, kind == END_DATAGRAM ? end.fd : -1);
		finished(ssl, accepted(ssl, 1));
		CHECK(SSL_get_wbio(ssl) == w);
		CHECK(SSL_get_rbio(ssl) == end.rbio);
		CHECK(BIO_get_data(SSL_get_wbio(ssl)) == data);
		CHECK_INT(BIO_method_type(SSL_get_wbio(ssl)), type);
		CHECK_INT(SSL_get_wfd(ssl), fd);
		CHECK_INT(SSL_get_fd(ssl), kind == END_DATAGRAM ? end.fd : -1);
		end_free(&end, ssl);
		stepper_free(&client);
	}
	check_case(NULL);
}

/* SSL_set_bio(3) takes no reference for what stays, one for what is new, and one
 * more for a BIO that was both and becomes one. */
enum act { SAME, NEW_READ, NEW_WRITE, NEW_BOTH, NEW_ONE, WRITE_FOR_BOTH, ACTS };

static const char *const act_names[ACTS] = { "the same two", "a new read BIO", "a new write BIO",
	"two new ones", "a new one for both", "the write BIO for both" };

static BIO *
new_memory(void)
{
	BIO *b = watched(BIO_new(BIO_s_mem()));

	BIO_set_mem_eof_return(b, -1);
	return b;
}

/* Gives how many BIOs it made. */
static int
act_on(SSL *ssl, enum act act)
{
	BIO *r = SSL_get_rbio(ssl), *w = SSL_get_wbio(ssl), *r2, *w2;

	switch (act) {
	case SAME:
		SSL_set_bio(ssl, r, w);
		return 0;
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

/* Every BIO is freed once, when the SSL is, or before if it was replaced. */
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

				snprintf(what, sizeof(what), "%s: %s, then %s", end_name(kind), act_names[act],
				    act_names[again]);
				check_case(what);
				ssl = server(kind);
				made = 1 + (end.rbio != end.wbio);
				freed = 0;
				accepted_late(ssl, 0, 4);
				BIO_set_callback_ex(end.rbio, watcher);
				BIO_set_callback_ex(end.wbio, watcher);
				made += act_on(ssl, act);
				made += act_on(ssl, again);
				(void)SSL_accept(ssl);	/* writes, wherever to */
				ERR_clear_error();
				end_free(&end, ssl);
				CHECK_INT(freed, made);
				stepper_free(&client);
			}
		}
	}
	check_case(NULL);
}

/* Other BIOs after listening, as from a server with a socket for each client. */
static void
test_other_bios(void)
{
	uint64_t number;
	SSL *ssl;

	check_case("other memory BIOs");
	ssl = server(END_MEMORY);
	number = accepted(ssl, 2);
	end.rbio = new_memory();
	end.wbio = new_memory();
	SSL_set_bio(ssl, end.rbio, end.wbio);
	finished(ssl, number);
	end_free(&end, ssl);
	stepper_free(&client);
	check_case("another socket's BIO");
	ssl = server(END_DATAGRAM);
	number = accepted(ssl, 2);
	end.rbio = end.wbio = BIO_new_socket(end.fd, BIO_NOCLOSE);
	NEED(end.rbio != NULL);
	SSL_set_bio(ssl, end.rbio, end.wbio);
	CHECK_INT(SSL_get_wfd(ssl), end.fd);
	finished(ssl, number);
	end_free(&end, ssl);
	stepper_free(&client);
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

	number = accepted(ssl, 2);
	for (round = 0; round < 10 && !done; round++) {
		while ((d = queue_get(&client.wire.out)) != NULL) {
			BIO *r = new_memory();

			NEED(BIO_write(r, d->byte, (int)d->len) == (int)d->len);
			SSL_set_bio(ssl, r, SSL_get_wbio(ssl));
			ret = SSL_accept(ssl);
			done = ret == 1;
		}
		if (round == 0)
			(void)SSL_accept(ssl);
		while ((n = (size_t)BIO_read(end.wbio, bytes, sizeof(bytes))) > 0 && n <= sizeof(bytes)) {
			if (seen == 0) {
				memcpy(first, bytes, sizeof(first));
				seen = number_of(first);
			}
			queue_put(&client.wire.in, bytes, n);
		}
		(void)stepper_step(&client);
	}
	CHECK(done);
	CHECK_INT(seen, number);
	ERR_clear_error();
	end_free(&end, ssl);
	stepper_free(&client);
}

int
main(void)
{
	check_begin("repair_any_bio");
	ctx = tls_server_ctx();
	test_numbers();
	test_alert();
	test_flush_that_blocks();
	test_chain();
	test_own_bio();
	test_references();
	test_other_bios();
	test_read_bio_for_each();
	SSL_CTX_free(ctx);
	return check_end();
}
