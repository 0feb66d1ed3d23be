/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include "hello.h"

#ifndef HELLO_VERSION
#define HELLO_VERSION 0xFEFD /* DTLS 1.2; LibreSSL knew no more than 1.0 for long */
#endif

enum {
	RECORD = 13,
	HANDSHAKE = 12,
	RANDOM = RECORD + HANDSHAKE + 2,
	HVR_HEAD = RECORD + HANDSHAKE + 2 + 1,
};

static unsigned char *
put16(unsigned char *p, size_t n)
{
	*p++ = (unsigned char)(n >> 8);
	*p++ = (unsigned char)n;
	return p;
}

size_t
hello_make(unsigned char *out, size_t size, const unsigned char *cookie, size_t cookie_len)
{
	/* What s_client offers first; enough for a real handshake's shape. */
	static const unsigned char suites[] = {
		0xC0,
		0x2B,
		0xC0,
		0x2F,
		0xC0,
		0x2C,
		0xC0,
		0x30,
		0xC0,
		0x09,
	};
	static const unsigned char groups[] = {
		0,
		10,
		0,
		4,
		0,
		2,
		0,
		23, /* supported_groups: P-256 */
		0,
		13,
		0,
		4,
		0,
		2,
		4,
		3, /* signature_algorithms: ECDSA, SHA-256 */
	};
	unsigned char *p, *extensions;
	size_t fixed, padding;

	fixed = RECORD + HANDSHAKE + 2 + 32 + 1 + 1 + cookie_len + 2 + sizeof(suites) + 2 + 2;
	if (size < fixed || cookie_len > 255)
		return 0;
	memset(out, 0, size);
	out[0] = 22;
	out[1] = 0xFE;
	out[2] = 0xFF;
	put16(out + 11, size - RECORD);
	out[13] = 1;
	put16(out + 15, size - RECORD - HANDSHAKE);
	out[18] = cookie_len != 0;
	put16(out + 23, size - RECORD - HANDSHAKE);
	put16(out + 25, HELLO_VERSION);
	memset(out + RANDOM, 0x5A, 32);
	p = out + RANDOM + 32;
	*p++ = 0;
	*p++ = (unsigned char)cookie_len;
	if (cookie_len != 0)
		memcpy(p, cookie, cookie_len);
	p = put16(p + cookie_len, sizeof(suites));
	memcpy(p, suites, sizeof(suites));
	p += sizeof(suites);
	*p++ = 1;
	*p++ = 0;
	extensions = p;
	p = put16(p, size - fixed);
	padding = size - fixed;
	if (padding == 0)
		return size;
	if (padding >= sizeof(groups) + 4) {
		memcpy(p, groups, sizeof(groups));
		p += sizeof(groups);
		padding -= sizeof(groups);
	}
	if (padding < 4) { /* no room for an extension: none at all */
		put16(extensions, 0);
		return size;
	}
	p = put16(p, 21); /* padding, RFC 7685 */
	put16(p, padding - 4);
	return size;
}

void
hello_number(unsigned char *hello, unsigned long number)
{
	memcpy(hello + RANDOM, &number, sizeof(number));
}

size_t
hvr_cookie(const unsigned char *hvr, size_t len, const unsigned char **cookie)
{
	if (len < HVR_HEAD || hvr[0] != 22 || hvr[13] != 3 ||
	    len != (size_t)HVR_HEAD + hvr[HVR_HEAD - 1])
		return 0;
	*cookie = hvr + HVR_HEAD;
	return hvr[HVR_HEAD - 1];
}
