/* The rows of the table of verdicts: what libssl says of what. */
#ifndef COVERAGE_ROWS_H
#define COVERAGE_ROWS_H

#include <openssl/ssl.h>

enum row {
	NO_BIO,
	NOT_DTLS,
	READ_BLOCKS,
	READ_FAILS,
	TOO_SMALL,
	NOT_HANDSHAKE,
	BAD_MAJOR,
	RECORD_TOO_LONG,
	EPOCH,
	FRAGMENT_LENGTH,
	NOT_HELLO,
	MESSAGE_SEQ,
	MESSAGE_SEQ_2,
	FRAGMENTED,
	NO_VERSION,
	OLD_VERSION,
	CUT_SHORT,
	NO_VERIFY,
	GENERATE_MISSING,
	GENERATE_FAILED,
	GENERATE_LONG,
	WRITE_BLOCKS,
	WRITE_FAILED,
	FLUSH_BLOCKS,
	FLUSH_FAILED,
	ACCEPTED,
	ROWS
};

static const struct {
	const char *name;
	int reason, returned;
} rows[ROWS] = {
	[NO_BIO] = { "no read or write BIO", SSL_R_BIO_NOT_SET, -1 },
	[NOT_DTLS] = { "SSL is not DTLS, or 1.3 alone", SSL_R_UNSUPPORTED_SSL_VERSION, -1 },
	[READ_BLOCKS] = { "read would block", 0, 0 },
	[READ_FAILS] = { "read fails or ends", 0, -1 },
	[TOO_SMALL] = { "shorter than a record header", SSL_R_RECORD_TOO_SMALL, 0 },
	[NOT_HANDSHAKE] = { "content type not 22", SSL_R_UNEXPECTED_MESSAGE, 0 },
	[BAD_MAJOR] = { "record version major not 0xFE", SSL_R_BAD_PROTOCOL_VERSION_NUMBER, 0 },
	[RECORD_TOO_LONG] = { "record length past the datagram", SSL_R_LENGTH_MISMATCH, 0 },
	[EPOCH] = { "epoch not 0", SSL_R_UNEXPECTED_MESSAGE, 0 },
	[FRAGMENT_LENGTH] = { "fragment length not the rest of the record", SSL_R_LENGTH_MISMATCH,
	    0 },
	[NOT_HELLO] = { "not a ClientHello", SSL_R_UNEXPECTED_MESSAGE, 0 },
	[MESSAGE_SEQ] = { "message_seq above 2", SSL_R_INVALID_SEQUENCE_NUMBER, 0 },
	[MESSAGE_SEQ_2] = { "message_seq 2", SSL_R_INVALID_SEQUENCE_NUMBER, 0 },
	[FRAGMENTED] = { "fragment offset, or fragment past the message",
	    SSL_R_FRAGMENTED_CLIENT_HELLO, 0 },
	[NO_VERSION] = { "no room for client_version", SSL_R_LENGTH_MISMATCH, 0 },
	[OLD_VERSION] = { "client older than a fixed-version method", SSL_R_WRONG_VERSION_NUMBER,
	    0 },
	[CUT_SHORT] = { "random, session id or cookie cut short", SSL_R_LENGTH_MISMATCH, 0 },
	[NO_VERIFY] = { "cookie, no verify callback", SSL_R_NO_VERIFY_COOKIE_CALLBACK, -1 },
	[GENERATE_MISSING] = { "generate callback missing", SSL_R_COOKIE_GEN_CALLBACK_FAILURE, -1 },
	[GENERATE_FAILED] = { "generate callback fails", SSL_R_COOKIE_GEN_CALLBACK_FAILURE, -1 },
	[GENERATE_LONG] = { "generate callback gives more than 255 bytes",
	    SSL_R_COOKIE_GEN_CALLBACK_FAILURE, -1 },
	[WRITE_BLOCKS] = { "HelloVerifyRequest: write would block", 0, 0 },
	[WRITE_FAILED] = { "HelloVerifyRequest: write fails or is short", 0, -1 },
	[FLUSH_BLOCKS] = { "HelloVerifyRequest: flush would block", 0, 0 },
	[FLUSH_FAILED] = { "HelloVerifyRequest: flush fails", 0, -1 },
	[ACCEPTED] = { "cookie right", 0, 1 },
};

#endif
