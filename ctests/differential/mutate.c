#include <string.h>

#include "hello.h"
#include "mutate.h"

/* Values around a length's own, and the ends of its range. */
static void
disturb_number(struct prng *prng, unsigned char *field, size_t len)
{
	unsigned long long old = hello_number(field, len), value;

	switch (prng_below(prng, 8)) {
	case 0: value = old + 1; break;
	case 1: value = old - 1; break;
	case 2: value = 0; break;
	case 3: value = ~0ULL; break;
	case 4: value = old + 1 + prng_below(prng, 40); break;
	case 5: value = old - 1 - prng_below(prng, 40); break;
	case 6: value = prng_below(prng, 64); break;
	default: value = prng_next(prng);
	}
	hello_put(field, len, value);
}

static size_t
truncate_datagram(struct prng *prng, unsigned char *bytes, size_t len)
{
	static const size_t edges[] = { 13, 14, 17, 19, 22, 24, 25, 26, 27, 58, 59, 60 };
	struct hello_fields fields;
	size_t edge;

	switch (prng_below(prng, 4)) {
	case 0: return 1 + prng_below(prng, (unsigned int)len);
	case 1: return 1 + prng_below(prng, len < 14 ? (unsigned int)len : 14);
	case 2:
		if (hello_find(bytes, len, &fields))
			return fields.cookie + prng_below(prng, 3);
		return len;
	default: edge = PRNG_PICK(prng, edges); return edge < len ? edge : len;
	}
}

/* Shorter, with the record and the fragment made to fit: what was cut off is now missing from the message. */
static size_t
truncate_message(struct prng *prng, unsigned char *bytes, size_t len)
{
	struct hello_fields fields;
	size_t to;

	if (!hello_find(bytes, len, &fields) || fields.end != len)
		return truncate_datagram(prng, bytes, len);
	to = prng_chance(prng, 60) ?
	    25 + prng_below(prng, (unsigned int)fields.cookie + 1 + bytes[fields.cookie] - 25 + 3) :
	    13 + prng_below(prng, (unsigned int)len - 13);
	if (to > len)
		to = len;
	hello_put(bytes + AT_RECORD_LENGTH, 2, to - 13);
	if (to >= 25)
		hello_put(bytes + AT_FRAGMENT, 3, to - 25);
	if (to >= 25 && prng_chance(prng, 50))
		hello_put(bytes + AT_LENGTH, 3, to - 25);
	return to;
}

static size_t
flip_bits(struct prng *prng, unsigned char *bytes, size_t len)
{
	unsigned int near = prng_chance(prng, 60) && len > 64 ? 64 : (unsigned int)len;

	for (unsigned int count = 1 + prng_below(prng, 4); count > 0; count--)
		bytes[prng_below(prng, near)] ^= (unsigned char)(1u << prng_below(prng, 8));
	return len;
}

/* A header field of the record or the message. */
static void
change_header(struct prng *prng, unsigned char *bytes)
{
	static const unsigned int types[] = { 20, 21, 23, 24, 25, 0, 255 };
	static const unsigned int versions[] = { 0xfeff, 0xfefd, 0xfefc, 0xfe00, 0x0100, 0x0303,
		0x0301, 0xffff, 0xfdff };
	static const unsigned int messages[] = { 0, 2, 3, 4, 11, 16, 20, 255 };
	static const unsigned int sequences[] = { 0, 1, 2, 2, 2, 3, 256, 512, 65535 };

	switch (prng_below(prng, 9)) {
	case 0: bytes[0] = (unsigned char)PRNG_PICK(prng, types); break;
	case 1: hello_put(bytes + AT_VERSION, 2, PRNG_PICK(prng, versions)); break;
	case 2:
		hello_put(bytes + AT_EPOCH, 2, prng_chance(prng, 50) ? 1 : prng_below(prng, 65536));
		break;
	case 3:
		hello_put(bytes + AT_SEQUENCE, 6, prng_chance(prng, 50) ? ~0ULL : prng_next(prng));
		break;
	case 4: bytes[AT_TYPE] = (unsigned char)PRNG_PICK(prng, messages); break;
	case 5:
	case 6: hello_put(bytes + AT_MESSAGE_SEQ, 2, PRNG_PICK(prng, sequences)); break;
	case 7:
		hello_put(
		    bytes + AT_OFFSET, 3, prng_chance(prng, 50) ? 1 : prng_below(prng, 1 << 24));
		break;
	default: hello_put(bytes + AT_CLIENT_VERSION, 2, PRNG_PICK(prng, versions));
	}
}

static void
change_length(struct prng *prng, unsigned char *bytes, const struct hello_fields *fields)
{
	const struct {
		size_t at, len;
	} lengths[] = {
		{ AT_RECORD_LENGTH, 2 },
		{ AT_LENGTH, 3 },
		{ AT_FRAGMENT, 3 },
		{ AT_SESSION, 1 },
		{ fields->cookie, 1 },
		{ fields->suites, 2 },
		{ fields->compression, 1 },
		{ fields->extensions, 2 },
		{ fields->first_extension != 0 ? fields->first_extension + 2 : 0, 2 },
	};
	size_t which = prng_below(prng, sizeof(lengths) / sizeof(lengths[0]));

	if (lengths[which].at != 0)
		disturb_number(prng, bytes + lengths[which].at, lengths[which].len);
}

/* A second record behind the first: an alert, data, a copy of the hello, or noise. */
static size_t
append(struct prng *prng, unsigned char *bytes, size_t len, size_t room)
{
	static const unsigned char alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };
	static const unsigned char data[] = { 23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 4, 'd',
		'a', 't', 'a' };
	size_t more = 1 + prng_below(prng, 40);

	switch (prng_below(prng, 4)) {
	case 0:
		if (len + sizeof(alert) > room)
			return len;
		memcpy(bytes + len, alert, sizeof(alert));
		return len + sizeof(alert);
	case 1:
		if (len + sizeof(data) > room)
			return len;
		memcpy(bytes + len, data, sizeof(data));
		return len + sizeof(data);
	case 2:
		if (2 * len > room)
			return len;
		memcpy(bytes + len, bytes, len);
		if (prng_chance(prng, 50) && len > AT_SEQUENCE + 6)
			bytes[len + AT_SEQUENCE + 5]++;
		return 2 * len;
	default:
		if (len + more > room)
			return len;
		prng_fill(prng, bytes + len, more);
		return len + more;
	}
}

/* A second message inside the first record. */
static size_t
append_message(struct prng *prng, unsigned char *bytes, size_t len, size_t room)
{
	size_t more = 12 + prng_below(prng, 30);
	unsigned int record = hello_number(bytes + AT_RECORD_LENGTH, 2);

	if (len + more > room || 13 + record != len)
		return append(prng, bytes, len, room);
	prng_fill(prng, bytes + len, more);
	hello_put(bytes + AT_RECORD_LENGTH, 2, record + more);
	return len + more;
}

static size_t
shorten_to_fragment(struct prng *prng, unsigned char *bytes, size_t len)
{
	unsigned char fragment[9000];
	size_t message = len - 25;
	size_t from = prng_chance(prng, 70) ? 0 : prng_below(prng, (unsigned int)message);
	size_t made = len > sizeof(fragment) ?
	    0 :
	    mutate_fragment(
		bytes, len, from, 1 + prng_below(prng, (unsigned int)message), 0, fragment);

	if (made == 0)
		return len;
	memcpy(bytes, fragment, made);
	return made;
}

size_t
mutate(struct prng *prng, unsigned char *bytes, size_t len, size_t room)
{
	struct hello_fields fields;
	int hello = hello_find(bytes, len, &fields);

	switch (prng_below(prng, hello ? 20 : 6)) {
	case 0:
	case 1: return truncate_datagram(prng, bytes, len);
	case 2:
	case 3: return flip_bits(prng, bytes, len);
	case 4:
	case 5: return append(prng, bytes, len, room);
	case 6:
	case 7:
	case 8: return truncate_message(prng, bytes, len);
	case 9: return append_message(prng, bytes, len, room);
	case 10:
	case 11: return shorten_to_fragment(prng, bytes, len);
	case 12:
	case 13:
	case 14:
	case 15: change_length(prng, bytes, &fields); return len;
	default: change_header(prng, bytes); return len;
	}
}

size_t
mutate_fragment(const unsigned char *hello, size_t len, size_t from, size_t most,
    unsigned int extra, unsigned char *bytes)
{
	size_t rest = len > 25 + from ? len - 25 - from : 0, size = most < rest ? most : rest;

	if (size == 0)
		return 0;
	memcpy(bytes, hello, 25);
	memcpy(bytes + 25, hello + 25 + from, size);
	hello_put(bytes + AT_SEQUENCE + 3, 3, hello_number(bytes + AT_SEQUENCE + 3, 3) + extra);
	hello_put(bytes + AT_RECORD_LENGTH, 2, size + 12);
	hello_put(bytes + AT_OFFSET, 3, from);
	hello_put(bytes + AT_FRAGMENT, 3, size);
	return size + 25;
}
