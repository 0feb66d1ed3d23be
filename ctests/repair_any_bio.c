/*
 * Repair 1 in front of BIOs of every kind: the first record that a server sends
 * has the number of the hello that it answers, with 0, 1 and 2 answers lost.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/end.h"
#include "lib/late.h"

#include <openssl/err.h>

static SSL_CTX *ctx;

static SSL *
server(enum end_kind kind)
{
	return late_server(ctx, kind);
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
			number = late_accepted(ssl, lost);
			CHECK_INT(number, lost + 1);
			late_finished(ssl, number);
			CHECK_APP(&late.app, lost + 1, 2);
			end_free(&late.end, ssl);
			stepper_free(&late.client);
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
			number = late_accepted(ssl, lost);
			CHECK(SSL_accept(ssl) <= 0);
			ERR_clear_error();
			CHECK((len = end_take(&late.end, alert, sizeof(alert))) >= 15);
			CHECK_INT(alert[0], ALERT);
			CHECK_INT(alert[14], FAILED);
			CHECK_INT(late_number_of(alert), number);
			queue_put(&late.client.wire.in, alert, len);
			CHECK(SSL_connect(late.client.ssl) <= 0);
			CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), 1000 + FAILED);
			ERR_clear_error();
			end_free(&late.end, ssl);
			stepper_free(&late.client);
		}
	}
	check_case(NULL);
}

/*
 * The application's BIO may block in a flush, too. Before 3.2 libcrypto's own
 * buffer in front of it does not tell why.
 */
static void
test_flush_that_blocks(void)
{
	SSL *ssl = server(END_CUSTOM);
	uint64_t number = late_accepted(ssl, 1);
	int ret;

	late.end.wire.flush = WIRE_FLUSH_BLOCK;
	ret = SSL_accept(ssl);
	CHECK_INT(SSL_get_error(ssl, ret),
	    OPENSSL_VERSION_NUMBER >= 0x30200000L ? SSL_ERROR_WANT_WRITE : SSL_ERROR_SYSCALL);
	late.end.wire.flush = WIRE_FLUSH;
	late_finished(ssl, number);
	end_free(&late.end, ssl);
	stepper_free(&late.client);
}

/* In front of a filter, which itself is in front of the sink. */
static void
test_chain(void)
{
	SSL *ssl = server(END_MEMORY);
	BIO *filter = BIO_new(BIO_f_null()), *first;
	uint64_t number;

	NEED(filter != NULL && BIO_up_ref(late.end.wbio));
	first = BIO_push(filter, late.end.wbio);
	SSL_set0_wbio(ssl, first);
	number = late_accepted(ssl, 1);
	CHECK(SSL_get_wbio(ssl) == filter);
	CHECK(BIO_next(SSL_get_wbio(ssl)) == late.end.wbio);
	CHECK(BIO_find_type(SSL_get_wbio(ssl), BIO_TYPE_MEM) == late.end.wbio);
	late_finished(ssl, number);
	end_free(&late.end, ssl);
	stepper_free(&late.client);
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
		CHECK(w == late.end.wbio);
		data = BIO_get_data(w);
		type = BIO_method_type(w);
		fd = SSL_get_wfd(ssl);
		CHECK_INT(fd, kind == END_DATAGRAM ? late.end.fd : -1);
		late_finished(ssl, late_accepted(ssl, 1));
		CHECK(SSL_get_wbio(ssl) == w);
		CHECK(SSL_get_rbio(ssl) == late.end.rbio);
		CHECK(BIO_get_data(SSL_get_wbio(ssl)) == data);
		CHECK_INT(BIO_method_type(SSL_get_wbio(ssl)), type);
		CHECK_INT(SSL_get_wfd(ssl), fd);
		CHECK_INT(SSL_get_fd(ssl), kind == END_DATAGRAM ? late.end.fd : -1);
		end_free(&late.end, ssl);
		stepper_free(&late.client);
	}
	check_case(NULL);
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
	SSL_CTX_free(ctx);
	return check_end();
}
