#include <string.h>

#include "hello.h"
#include "kinds.h"

KIND(noise)
{
	size_t len = 1 + prng_below(prng, 300);

	(void)c;
	prng_fill(prng, bytes, len);
	return len;
}

KIND(shorter_than_a_header)
{
	return 1 + prng_below(prng, 12) + 0 * noise(prng, c, bytes);
}

KIND(cut_off)
{
	return 1 + prng_below(prng, (unsigned int)kinds_stock_either(prng, c, bytes) - 1);
}

static size_t
of_content(struct prng *prng, const struct mcase *c, unsigned char *bytes, unsigned int type)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	bytes[0] = (unsigned char)type;
	return len;
}

KIND(application_data)
{
	return of_content(prng, c, bytes, 23);
}

KIND(change_cipher_spec)
{
	static const unsigned char ccs[] = { 20, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 1 };

	(void)c;
	memcpy(bytes, ccs, sizeof(ccs));
	bytes[10] = (unsigned char)prng_below(prng, 8);
	return sizeof(ccs);
}

KIND(unknown_content)
{
	static const unsigned int types[] = { 0, 19, 24, 25, 26, 255 };

	return of_content(prng, c, bytes, PRNG_PICK(prng, types));
}

static size_t
alert(struct prng *prng, unsigned char *bytes, unsigned int level)
{
	static const unsigned char made[] = { 21, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 40 };
	static const unsigned int reasons[] = { 0, 10, 40, 80, 90, 100 };

	memcpy(bytes, made, sizeof(made));
	bytes[10] = (unsigned char)prng_below(prng, 8);
	bytes[13] = (unsigned char)level;
	bytes[14] = (unsigned char)PRNG_PICK(prng, reasons);
	return sizeof(made);
}

KIND(a_warning)
{
	(void)c;
	return alert(prng, bytes, 1);
}

KIND(a_fatal_alert)
{
	(void)c;
	return alert(prng, bytes, 2);
}

KIND(another_record_version)
{
	static const unsigned int versions[] = { 0xfefd, 0xfefc, 0xfe00, 0x0100, 0x0303, 0x0301,
		0xffff, 0xfdff };
	size_t len = kinds_stock_either(prng, c, bytes);

	hello_put(bytes + AT_VERSION, 2, PRNG_PICK(prng, versions));
	return len;
}

KIND(another_epoch)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	hello_put(bytes + AT_EPOCH, 2, prng_chance(prng, 60) ? 1 : prng_below(prng, 65536));
	return len;
}

KIND(a_high_sequence)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	prng_fill(prng, bytes + AT_SEQUENCE, 6);
	return len;
}

KIND(record_length_off)
{
	return kinds_off_by(prng, bytes, kinds_stock_either(prng, c, bytes), AT_RECORD_LENGTH, 2);
}

KIND(an_empty_record)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	hello_put(bytes + AT_RECORD_LENGTH, 2, 0);
	return prng_chance(prng, 50) ? 13 : len;
}

KIND(two_records)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	return len + kinds_stock_either(prng, c, bytes + len);
}

KIND(a_hello_behind_junk)
{
	size_t len = prng_chance(prng, 50) ? alert(prng, bytes, 1) : of_content(prng, c, bytes, 23);

	return len + kinds_stock_either(prng, c, bytes + len);
}

KIND(junk_behind_a_hello)
{
	size_t len = kinds_stock_either(prng, c, bytes);

	if (prng_chance(prng, 50))
		return len + alert(prng, bytes + len, 2);
	return len + noise(prng, c, bytes + len);
}

/* As long as a record may be, and longer. */
KIND(a_very_long_one)
{
	size_t len = kinds_stock_either(prng, c, bytes), to = 16384 + 13 - 2 + prng_below(prng, 5);

	prng_fill(prng, bytes + len, to - len);
	hello_put(bytes + AT_RECORD_LENGTH, 2, to - 13);
	hello_put(bytes + AT_LENGTH, 3, to - 25);
	hello_put(bytes + AT_FRAGMENT, 3, to - 25);
	return to;
}
