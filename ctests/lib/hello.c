#include "hello.h"
#include "check.h"

#include <string.h>

void
hello_put(struct hello *h, size_t at, uint64_t value, size_t width)
{
	NEED(at + width <= sizeof(h->byte));
	while (width-- > 0) {
		h->byte[at + width] = (unsigned char)value;
		value >>= 8;
	}
}

static void
add(struct hello *h, const void *bytes, size_t len)
{
	NEED(h->len + len <= sizeof(h->byte));
	memcpy(h->byte + h->len, bytes, len);
	h->len += len;
}

static void
add8(struct hello *h, unsigned int value)
{
	unsigned char byte = (unsigned char)value;

	add(h, &byte, 1);
}

void
hello_fix_record(struct hello *h)
{
	hello_put(h, AT_LENGTH, h->len - AT_MSG_TYPE, 2);
}

void
hello_fix_fragment(struct hello *h)
{
	hello_put(h, AT_FRAG_LEN, h->len - AT_CLIENT_VERSION, 3);
	hello_fix_record(h);
}

void
hello_fix_message(struct hello *h)
{
	hello_put(h, AT_MSG_LEN, h->len - AT_CLIENT_VERSION, 3);
	hello_fix_fragment(h);
}

void
hello_make(struct hello *h, const void *cookie, size_t cookielen)
{
	static const unsigned char rest[] = { 0x00, 0x02, 0xc0,
		0x2b,                                           /* ECDHE-ECDSA-AES128-GCM-SHA256 */
		0x01, 0x00,                                     /* no compression */
		0x00, 0x16,                                     /* extensions */
		0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17, /* P-256 */
		0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03, 0x00, 0x0b, 0x00, 0x02, 0x01,
		0x00 };

	memset(h, 0, sizeof(*h));
	h->len = AT_RANDOM;
	hello_put(h, AT_TYPE, 22, 1);
	hello_put(h, AT_VERSION, 0xfeff, 2);
	hello_put(h, AT_SEQ, cookielen > 0 ? 1 : 0, 6);
	hello_put(h, AT_MSG_TYPE, 1, 1);
	hello_put(h, AT_MSG_SEQ, cookielen > 0 ? 1 : 0, 2);
	hello_put(h, AT_CLIENT_VERSION, 0xfefd, 2);
	while (h->len < AT_SESSION_ID)
		add8(h, (unsigned int)h->len);
	add8(h, 0);
	NEED(cookielen < 256);
	add8(h, (unsigned int)cookielen);
	if (cookielen > 0)
		add(h, cookie, cookielen);
	add(h, rest, sizeof(rest));
	hello_fix_message(h);
}

size_t
hvr_make(unsigned char *out, uint64_t seq, const void *cookie, size_t cookielen)
{
	struct hello h;
	unsigned char len = (unsigned char)cookielen;

	memset(&h, 0, sizeof(h));
	h.len = AT_RANDOM;
	hello_put(&h, AT_TYPE, 22, 1);
	hello_put(&h, AT_VERSION, 0xfeff, 2);
	hello_put(&h, AT_SEQ, seq, 6);
	hello_put(&h, AT_MSG_TYPE, 3, 1);
	hello_put(&h, AT_CLIENT_VERSION, 0xfeff, 2);
	add(&h, &len, 1);
	add(&h, cookie, cookielen);
	hello_fix_message(&h);
	memcpy(out, h.byte, h.len);
	return h.len;
}

static uint64_t
number(const unsigned char *at, size_t width)
{
	uint64_t value = 0;

	while (width-- > 0)
		value = value << 8 | *at++;
	return value;
}

void
hvr_parse(struct hvr *v, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	memset(v, 0, sizeof(*v));
	v->bad = "too short";
	if (len < 28)
		return;
	v->record_version = (unsigned int)number(p + 1, 2);
	v->seq = number(p + 5, 6);
	v->message_seq = (unsigned int)number(p + 17, 2);
	v->body_version = (unsigned int)number(p + 25, 2);
	v->cookielen = p[27];
	v->bad = "a cookie that does not fill the message";
	if (len != 28 + v->cookielen)
		return;
	memcpy(v->cookie, p + 28, v->cookielen);
	v->bad = p[0] != 22               ? "not a handshake record" :
	    number(p + 3, 2) != 0         ? "an epoch" :
	    number(p + 11, 2) != len - 13 ? "a wrong record length" :
	    p[13] != 3                    ? "not a HelloVerifyRequest" :
	    number(p + 14, 3) != len - 25 ? "a wrong message length" :
	    number(p + 19, 3) != 0        ? "a fragment offset" :
	    number(p + 22, 3) != len - 25 ? "a wrong fragment length" :
					    NULL;
}
