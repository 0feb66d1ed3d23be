#include <string.h>

#include "hello.h"
#include "view.h"

enum { LONGEST_HELLO = 1024 * 100 };

size_t
view_first_record(const unsigned char *bytes, size_t len)
{
	size_t end = len < 13 ? len : 13 + hello_number(bytes + AT_RECORD_LENGTH, 2);

	return end < len ? end : len;
}

/* OpenSSL's checks, in words of our own: the cookie of a hello that passes them, else NULL. */
const unsigned char *
view_cookie(const unsigned char *bytes, size_t len, size_t *cookie_len)
{
	size_t record, message, session, at;

	if (len < 13 || bytes[0] != 22 || bytes[AT_VERSION] != 0xfe)
		return NULL;
	record = hello_number(bytes + AT_RECORD_LENGTH, 2);
	if (13 + record > len || hello_number(bytes + AT_EPOCH, 2) != 0 || record < 12)
		return NULL;
	message = hello_number(bytes + AT_LENGTH, 3);
	if (hello_number(bytes + AT_FRAGMENT, 3) + 12 != record || bytes[AT_TYPE] != 1 ||
	    hello_number(bytes + AT_MESSAGE_SEQ, 2) > 1 ||
	    hello_number(bytes + AT_OFFSET, 3) != 0 || record - 12 > message ||
	    record < 12 + 2 + 32 + 1 + 1)
		return NULL;
	session = bytes[AT_SESSION];
	at = AT_SESSION + 1 + session;
	if (at >= 13 + record || at + 1 + bytes[at] > 13 + record)
		return NULL;
	*cookie_len = bytes[at];
	/* One that libssl would never put together is not handed over. */
	return message > LONGEST_HELLO && record - 12 < message ? NULL : bytes + at + 1;
}

enum view
view_of(const struct mcase *c, const struct one_read *read)
{
	size_t len = 0, record = read->len < 16384 + 13 ? read->len : 16384 + 13;
	const unsigned char *cookie = view_cookie(read->bytes, record, &len);

	if (cookie == NULL)
		return DROPS;
	return case_has_right_cookies(c) && len == c->cookie_len &&
		memcmp(cookie, c->cookie, len) == 0 ?
	    ACCEPTS :
	    ASKS;
}

int
view_is_fragment(const unsigned char *bytes)
{
	return hello_number(bytes + AT_FRAGMENT, 3) < hello_number(bytes + AT_LENGTH, 3) ||
	    hello_number(bytes + AT_OFFSET, 3) != 0;
}

/* A message that libssl may keep although it does nothing about it now. */
int
view_may_be_kept(const unsigned char *bytes, size_t len)
{
	return len >= AT_CLIENT_VERSION && bytes[0] == 22 &&
	    (view_is_fragment(bytes) || hello_number(bytes + AT_MESSAGE_SEQ, 2) > 1);
}
