/*
 * The check table: a datagram with one fault in, the reason out, return value
 * 0, nothing sent. Two faults: the check that comes first decides.
 */
#include "lib/app.h"
#include "lib/check.h"
#include "lib/hello.h"
#include "lib/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#define REST ((size_t)-1)

/* Which length fields follow after the cut, so that only one rule breaks. */
enum fix { NOTHING, RECORD, FRAGMENT, ALL };

struct row {
	const char *what;
	size_t cut; /* bytes kept, REST: all */
	enum fix fix;
	struct {
		size_t at;
		unsigned int value;
		size_t width;
	} put[2];
	size_t extra; /* bytes behind the record */
	int reason;
};

#define PUT(at, value, width) { { at, value, width }, { 0, 0, 0 } }
#define PUT2(a, v, w, b, x, y) \
	{ \
		{ a, v, w }, \
		{ \
			b, x, y \
		} \
	}
#define NO_PUT PUT(0, 0, 0)

static const struct row rows[] = {
	{ "one byte", 1, NOTHING, NO_PUT, 0, SSL_R_RECORD_TOO_SMALL },
	{ "a record header less one", 12, NOTHING, NO_PUT, 0, SSL_R_RECORD_TOO_SMALL },
	{ "short and no handshake", 12, NOTHING, PUT(AT_TYPE, 23, 1), 0, SSL_R_RECORD_TOO_SMALL },

	{ "an alert", REST, NOTHING, PUT(AT_TYPE, 21, 1), 0, SSL_R_UNEXPECTED_MESSAGE },
	{ "application data", REST, NOTHING, PUT(AT_TYPE, 23, 1), 0, SSL_R_UNEXPECTED_MESSAGE },
	{ "type before version", REST, NOTHING, PUT2(AT_TYPE, 20, 1, AT_VERSION, 0x0303, 2), 0,
	    SSL_R_UNEXPECTED_MESSAGE },

	{ "a TLS record", REST, NOTHING, PUT(AT_VERSION, 0x0303, 2), 0,
	    SSL_R_BAD_PROTOCOL_VERSION_NUMBER },
	{ "version before length", REST, NOTHING, PUT2(AT_VERSION, 0xfdff, 2, AT_LENGTH, 0xffff, 2),
	    0, SSL_R_BAD_PROTOCOL_VERSION_NUMBER },

	{ "a record header alone", 13, NOTHING, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "the datagram less one", REST - 1, NOTHING, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "the longest record length", REST, NOTHING, PUT(AT_LENGTH, 0xffff, 2), 0,
	    SSL_R_LENGTH_MISMATCH },
	{ "length before epoch", REST - 1, NOTHING, PUT(AT_EPOCH, 1, 2), 0, SSL_R_LENGTH_MISMATCH },

	{ "epoch 1", REST, NOTHING, PUT(AT_EPOCH, 1, 2), 0, SSL_R_UNEXPECTED_MESSAGE },
	{ "epoch 256", REST, NOTHING, PUT(AT_EPOCH, 256, 2), 0, SSL_R_UNEXPECTED_MESSAGE },

	{ "an empty record", 13, RECORD, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a handshake header less one", 24, RECORD, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a fragment longer than the record", REST - 1, RECORD, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a fragment shorter than the record", REST, NOTHING,
	    PUT2(AT_FRAG_LEN, 10, 3, AT_MSG_LEN, 10, 3), 0, SSL_R_LENGTH_MISMATCH },
	{ "fragment length before message type", REST, NOTHING,
	    PUT2(AT_FRAG_LEN, 10, 3, AT_MSG_TYPE, 2, 1), 0, SSL_R_LENGTH_MISMATCH },

	{ "a ServerHello", REST, NOTHING, PUT(AT_MSG_TYPE, 2, 1), 0, SSL_R_UNEXPECTED_MESSAGE },
	{ "message type before sequence", REST, NOTHING, PUT2(AT_MSG_TYPE, 0, 1, AT_MSG_SEQ, 9, 2),
	    0, SSL_R_UNEXPECTED_MESSAGE },

	{ "message_seq 2", REST, NOTHING, PUT(AT_MSG_SEQ, 2, 2), 0, SSL_R_INVALID_SEQUENCE_NUMBER },
	{ "message_seq 3", REST, NOTHING, PUT(AT_MSG_SEQ, 3, 2), 0, SSL_R_INVALID_SEQUENCE_NUMBER },
	{ "message_seq 256", REST, NOTHING, PUT(AT_MSG_SEQ, 256, 2), 0,
	    SSL_R_INVALID_SEQUENCE_NUMBER },
	{ "sequence before fragment", REST, NOTHING, PUT2(AT_MSG_SEQ, 3, 2, AT_FRAG_OFF, 1, 3), 0,
	    SSL_R_INVALID_SEQUENCE_NUMBER },

	{ "a fragment offset", REST, NOTHING, PUT(AT_FRAG_OFF, 1, 3), 0,
	    SSL_R_FRAGMENTED_CLIENT_HELLO },
	{ "a message shorter than its fragment", REST, NOTHING, PUT(AT_MSG_LEN, 10, 3), 0,
	    SSL_R_FRAGMENTED_CLIENT_HELLO },
	{ "fragment before version", 26, FRAGMENT, PUT(AT_FRAG_OFF, 1, 3), 0,
	    SSL_R_FRAGMENTED_CLIENT_HELLO },

	{ "an empty hello", 25, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "half a version", 26, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "no random", 27, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a random less one", 58, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "no session id", 59, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a session id past the end", REST, NOTHING, PUT(AT_SESSION_ID, 255, 1), 0,
	    SSL_R_LENGTH_MISMATCH },
	{ "no cookie field", 60, ALL, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a cookie past the end", REST, NOTHING, PUT(AT_COOKIE, 255, 1), 0,
	    SSL_R_LENGTH_MISMATCH },
	{ "a cookie past the end by one", 80, ALL, PUT(AT_COOKIE, 20, 1), 0,
	    SSL_R_LENGTH_MISMATCH },
	{ "a first fragment without the cookie", 60, FRAGMENT, NO_PUT, 0, SSL_R_LENGTH_MISMATCH },
	{ "a broken record before a good one", 25, ALL, NO_PUT, 100, SSL_R_LENGTH_MISMATCH },
};

/* These are answered: the table ends where it should. */
static const struct row good[] = {
	{ "a whole hello", REST, NOTHING, NO_PUT, 0, 0 },
	{ "the smallest hello", 61, ALL, NO_PUT, 0, 0 },
	{ "any minor record version", REST, NOTHING, PUT(AT_VERSION, 0xfe00, 2), 0, 0 },
	{ "any version from an any-version method", REST, NOTHING,
	    PUT(AT_CLIENT_VERSION, 0x0102, 2), 0, 0 },
	{ "message_seq 1", REST, NOTHING, PUT(AT_MSG_SEQ, 1, 2), 0, 0 },
	{ "bytes behind the record", REST, NOTHING, NO_PUT, 100, 0 },
	{ "the highest sequence", REST, NOTHING, PUT2(AT_SEQ, 0xffff, 2, AT_SEQ + 2, 0xffffffff, 4),
	    0, 0 },
};

static void
build(struct hello *h, const struct row *row)
{
	size_t i;

	hello_make(h, NULL, 0);
	if (row->cut > REST / 2)
		h->len -= REST - row->cut;
	else
		h->len = row->cut;
	switch (row->fix) {
	case ALL: hello_fix_message(h); break;
	case FRAGMENT: hello_fix_fragment(h); break;
	case RECORD: hello_fix_record(h); break;
	case NOTHING: break;
	}
	for (i = 0; i < 2; i++)
		hello_put(h, row->put[i].at, row->put[i].value, row->put[i].width);
	memset(h->byte + h->len, 0x16, row->extra);
	h->len += row->extra;
}

static void
try(SSL_CTX *ctx, const struct row *row, int is_good)
{
	static struct wire wire;
	unsigned char peer[128], before[128];
	struct hello h;
	SSL *ssl;
	BIO *b;

	check_case(row->what);
	wire_init(&wire);
	ssl = tls_server_wire(ctx, &wire);
	b = SSL_get_rbio(ssl);
	build(&h, row);
	queue_put(&wire.in, h.byte, h.len);
	memset(peer, 0xa5, sizeof(peer));
	memcpy(before, peer, sizeof(peer));

	CHECK_INT(listen_to(ssl, peer), 0);
	/* On a refusal it returns at once; after an answer it reads on. */
	CHECK_INT(wire.reads, is_good ? 2 : 1);
	CHECK_INT(wire.writes, is_good);
	CHECK_INT(wire.flushes, is_good);
	CHECK_INT(queue_len(&wire.out), is_good);
	CHECK_INT(SSL_get_error(ssl, 0), is_good ? SSL_ERROR_SYSCALL : ERROR_OF_A_DROP);
	CHECK_QUEUED(row->reason);
	CHECK_BYTES(peer, before, sizeof(peer));
	CHECK(SSL_get_rbio(ssl) == b && SSL_get_wbio(ssl) == b);
	SSL_free(ssl);
	check_case(NULL);
}

static void
test_rows(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct app app;
	size_t i;

	app_init(&app);
	app_install(&app, ctx);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try(ctx, &rows[i], 0);
	CHECK_APP(&app, 0, 0); /* no callback for a bad datagram */
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		try(ctx, &good[i], 1);
	CHECK_APP(&app, (int)i, 0);
	SSL_CTX_free(ctx);
}

/* Every truncation of a whole hello is refused, for one of two reasons. */
static void
test_truncations(void)
{
	SSL_CTX *ctx = tls_server_ctx();
	struct row row = { "", 0, NOTHING, NO_PUT, 0, 0 };
	struct hello h;

	hello_make(&h, NULL, 0);
	for (row.cut = 1; row.cut < h.len; row.cut++) {
		row.reason = row.cut < 13 ? SSL_R_RECORD_TOO_SMALL : SSL_R_LENGTH_MISMATCH;
		try(ctx, &row, 0);
	}
	SSL_CTX_free(ctx);
}

/* A method of one version compares it with the client's. */
static void
test_fixed_version(void)
{
	static const struct row older = { "DTLS 1.0 to DTLS 1.2", REST, NOTHING,
		PUT(AT_CLIENT_VERSION, 0xfeff, 2), 0, SSL_R_WRONG_VERSION_NUMBER };
	static const struct row older_and_cut = { "version before random", 27, ALL,
		PUT(AT_CLIENT_VERSION, 0xfeff, 2), 0, SSL_R_WRONG_VERSION_NUMBER };
	static const struct row same = { "DTLS 1.2 to DTLS 1.2", REST, NOTHING, NO_PUT, 0, 0 };
	static const struct row newer = { "DTLS 1.3 to DTLS 1.2", REST, NOTHING,
		PUT(AT_CLIENT_VERSION, 0xfefc, 2), 0, 0 };
	SSL_CTX *ctx;
	struct app app;

	if (tls_dtls12_method() == NULL)
		return; /* OpenSSL 4.0: no SSL can have such a one */
	ctx = tls_server_ctx_of(tls_dtls12_method());
	app_init(&app);
	app_install(&app, ctx);
	try(ctx, &older, 0);
	try(ctx, &older_and_cut, 0);
	try(ctx, &same, 1);
	try(ctx, &newer, 1);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	check_begin("table");
	test_rows();
	test_truncations();
	test_fixed_version();
	return check_end();
}
