/*
 * What a server sends to somebody who may not be there: one answer to a datagram,
 * never larger than it, and none to what is no hello.
 */
#include "lib/check.h"
#include "lib/door.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define SECRET 1

static struct door door;

/* From nothing to a long hello, cut behind every byte. */
static void
test_never_larger(void)
{
	struct hello whole, h;
	struct answer a;
	size_t len, cookielen;
	unsigned char cookie[255];
	char what[60];

	memset(cookie, 'c', sizeof(cookie));
	for (cookielen = 0; cookielen <= sizeof(cookie); cookielen += 51) {
		hello_make(&whole, cookie, cookielen);
		for (len = 1; len <= whole.len; len++) {
			snprintf(what, sizeof(what), "%zu bytes, cookie %zu", len, cookielen);
			check_case(what);
			h = whole;
			h.len = len;
			if (len >= AT_CLIENT_VERSION)
				hello_fix_message(&h);
			else if (len >= AT_MSG_TYPE)
				hello_fix_record(&h);
			door_ask(&door, &h, &a);
			CHECK(a.count <= 1);
			CHECK(a.len <= h.len);
			CHECK(a.ret == 0);
			CHECK_INT(a.count, len > AT_COOKIE + cookielen);
			ERR_clear_error();
		}
	}
	check_case(NULL);
}

/* Botan 1833, MatrixSSL 31: as many answers as records in one datagram. */
static void
test_one_answer_each(void)
{
	struct hello one, h;
	struct answer a;

	hello_make(&one, NULL, 0);
	for (h.len = 0; h.len + one.len <= sizeof(h.byte); h.len += one.len)
		memcpy(h.byte + h.len, one.byte, one.len);
	door_ask(&door, &h, &a);
	CHECK_INT(a.ret, 0);
	CHECK_INT(a.count, 1);
	CHECK_INT(a.len, ANSWER_LEN);
}

int
main(void)
{
	check_begin("amplification");
	door_open(&door, SECRET);
	test_never_larger();
	test_one_answer_each();
	door_close(&door);
	return check_end();
}
