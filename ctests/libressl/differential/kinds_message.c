#include <string.h>

#include "hello.h"
#include "kinds.h"
#include "mutate.h"

KIND(message_length_off)
{
	return kinds_off_by(prng, bytes, kinds_stock_either(prng, c, bytes), AT_LENGTH, 3);
}

KIND(fragment_length_off)
{
	return kinds_off_by(prng, bytes, kinds_stock_either(prng, c, bytes), AT_FRAGMENT, 3);
}

KIND(fragment_offset_off)
{
	return kinds_off_by(prng, bytes, kinds_stock_either(prng, c, bytes), AT_OFFSET, 3);
}

KIND(half_a_message_header)
{
	size_t len = 13 + 1 + prng_below(prng, 11);

	(void)kinds_stock_either(prng, c, bytes);
	hello_put(bytes + AT_RECORD_LENGTH, 2, len - 13);
	return len;
}

KIND(another_message)
{
	static const unsigned int types[] = { 0, 2, 3, 4, 11, 12, 14, 16, 20, 255 };
	size_t len = kinds_stock_either(prng, c, bytes);

	bytes[AT_TYPE] = (unsigned char)PRNG_PICK(prng, types);
	return len;
}

KIND(another_message_number)
{
	static const unsigned int numbers[] = { 0, 1, 2, 2, 3, 9, 10, 11, 256, 65535 };
	size_t len = kinds_stock_either(prng, c, bytes);

	hello_put(bytes + AT_MESSAGE_SEQ, 2, PRNG_PICK(prng, numbers));
	return len;
}

KIND(a_first_fragment)
{
	unsigned char whole[600];
	size_t len = kinds_stock_either(prng, c, whole);

	return mutate_fragment(
	    whole, len, 0, 1 + prng_below(prng, (unsigned int)len - 26), 0, bytes);
}

KIND(a_later_fragment)
{
	unsigned char whole[600];
	size_t len = kinds_stock_either(prng, c, whole),
	       from = 1 + prng_below(prng, (unsigned int)len - 27);

	return mutate_fragment(whole, len, from, 1 + prng_below(prng, 200), 1, bytes);
}

KIND(another_client_version)
{
	static const unsigned int versions[] = { 0xfeff, 0xfefc, 0xfe00, 0x0100, 0x0303, 0x0302,
		0x0300, 0xffff, 0xfdff, 0 };
	size_t len = kinds_stock_either(prng, c, bytes);

	hello_put(bytes + AT_CLIENT_VERSION, 2, PRNG_PICK(prng, versions));
	return len;
}

static size_t
of_session(struct prng *prng, const struct mcase *c, unsigned char *bytes, size_t session_len)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	memmove(bytes + AT_SESSION + 1 + session_len, bytes + AT_SESSION + 1, len - AT_SESSION - 1);
	bytes[AT_SESSION] = (unsigned char)session_len;
	prng_fill(prng, bytes + AT_SESSION + 1, session_len);
	len += session_len;
	hello_put(bytes + AT_RECORD_LENGTH, 2, len - 13);
	hello_put(bytes + AT_LENGTH, 3, len - 25);
	hello_put(bytes + AT_FRAGMENT, 3, len - 25);
	return len;
}

KIND(a_session)
{
	return of_session(prng, c, bytes, 1 + prng_below(prng, 32));
}

KIND(a_session_too_long)
{
	return of_session(prng, c, bytes, 33 + prng_below(prng, 200));
}

KIND(nothing_in_common)
{
	struct hello_fields fields;
	size_t len = kinds_stock_either(prng, c, bytes);

	if (hello_find(bytes, len, &fields))
		for (size_t i = 0; i < 12; i += 2)
			hello_put(bytes + fields.suites + 2 + i, 2, 0x1234);
	return len;
}

/* A length behind the cookie: what DTLSv1_listen of OpenSSL's never looks at. */
KIND(bad_behind_the_cookie)
{
	struct hello_fields fields;
	size_t len = kinds_stock_either(prng, c, bytes);

	if (!hello_find(bytes, len, &fields))
		return len;
	switch (prng_below(prng, 3)) {
	case 0: return kinds_off_by(prng, bytes, len, fields.suites, 2);
	case 1: return kinds_off_by(prng, bytes, len, fields.compression, 1);
	default: return kinds_off_by(prng, bytes, len, fields.extensions, 2);
	}
}

KIND(bad_before_the_cookie)
{
	size_t len = kinds_stock_either(prng, c, bytes), at = AT_SESSION + prng_below(prng, 2);

	bytes[at] = (unsigned char)prng_below(prng, 256);
	return len;
}
