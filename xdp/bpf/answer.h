/* The cookie of a hello, and the HelloVerifyRequest with it. */
#pragma once

#include "checksum.h"
#include "sha256.h"

/* Puts the MAC's message together, padded, and gives its blocks; 0 if the frame is shorter. */
INLINE __u32
write_message(
    struct scratch *scratch, const __u8 *record, const __u8 *end, const struct datagram *d, int v6)
{
	/* Behind "hello", address, port, version and random with their lengths. */
	const __u32 before = v6 ? 63 : 51;
	const __u8 *hello = record + RECORD + HANDSHAKE;
	__u8 *m = scratch->message, *rest;
	__u32 session_id;

	if (hello + HELLO + 1 > end)
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < 128; i += 8)
		STORE64(m + i, 0);
	m[6] = v6 ? 16 : 4;
	rest = m + 7;
	if (v6) {
#pragma clang loop unroll(full)
		for (int i = 0; i < 3; i++, rest += 4)
			STORE32(rest, d->from.address[i]);
	}
	STORE32(rest, d->from.address[3]);
	rest[4] = 2;
	STORE16(rest + 5, d->from.port);
	rest[7] = 2;
	STORE16(rest + 8, LOAD16(hello));
	rest[10] = 32;
#pragma clang loop unroll(full)
	for (int i = 0; i < 32; i += 8)
		STORE64(rest + 11 + i, LOAD64(hello + 2 + i));
	session_id = hello[HELLO];
	if (session_id > MAX_SESSION_ID)
		return 0;
	m[before - 1] = (__u8)session_id;
	hello += HELLO + 1;
	if (session_id == MAX_SESSION_ID) {
		if (hello + MAX_SESSION_ID > end)
			return 0;
#pragma clang loop unroll(full)
		for (int i = 0; i < MAX_SESSION_ID; i += 8)
			STORE64(m + before + i, LOAD64(hello + i));
	} else {
#pragma clang loop unroll(disable)
		for (__u32 i = 0; i < MAX_SESSION_ID; i++) {
			if (i >= session_id)
				break;
			if (hello + i + 1 > end)
				return 0;
			m[before + i] = hello[i];
		}
	}
	OPAQUE(session_id);
	session_id &= 63;
	m[before + session_id] = 0x80;
	if (before + session_id + 9 <= 64) {
		STORE64(m + 56, be64(8 * (64 + before + session_id)));
		return 1;
	}
	STORE64(m + 120, be64(8 * (64 + before + session_id)));
	return 2;
}

/* Which of the two kinds of cookie the message is for. */
INLINE void
write_kind(struct scratch *scratch, int is_short)
{
	__u8 *m = scratch->message;

	if (is_short) {
		STORE32(m, 5 | 's' << 8 | 'h' << 16 | 'o' << 24);
		STORE16(m + 4, 'r' | 't' << 8);
	} else {
		STORE32(m, 5 | 'h' << 8 | 'e' << 16 | 'l' << 24);
		STORE16(m + 4, 'l' | 'o' << 8);
	}
}

/* Turns the frame into its answer, and gives the answer's bytes; 0 if it has no room. */
INLINE __u32
write_answer(void *ctx, int tc, const struct datagram *d, const struct scratch *scratch, int v6)
{
	const __u32 header = v6 ? IPV6 : IPV4;
	__u8 *data = START(ctx, tc), *end = END(ctx, tc), *ip = data + l2_of(d), *udp, *p;
	__u32 mac_high = LOAD32(scratch->cookie), high;
	__u16 low;
	__u64 sum = 0;
	__u32 cookie = d->cookie == SHORT_COOKIE ? SHORT_COOKIE : COOKIE;
	__u32 datagram = UDP + HEAD + cookie, message = 3 + cookie;

	if (data + ETHERNET > end || ip + header + UDP + REQUEST > end)
		return 0;
	high = LOAD32(data);
	low = LOAD16(data + 4);
	STORE32(data, LOAD32(data + 6));
	STORE16(data + 4, LOAD16(data + 10));
	STORE32(data + 6, high);
	STORE16(data + 10, low);
	if (v6) {
		STORE32(ip, be32(6U << 28));
		STORE16(ip + 4, be16((__u16)datagram));
		ip[6] = IS_UDP;
		ip[7] = 64;
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			STORE32(ip + 8 + 4 * i, d->to.address[i]);
			STORE32(ip + 24 + 4 * i, d->from.address[i]);
		}
	} else {
		STORE32(ip, be32(0x45U << 24 | (IPV4 + datagram)));
		/* Number 0, and not to be fragmented. */
		STORE32(ip + 4, be32(0x4000));
		STORE32(ip + 8, be32(64U << 24 | IS_UDP << 16));
		STORE32(ip + 12, d->to.address[3]);
		STORE32(ip + 16, d->from.address[3]);
#pragma clang loop unroll(full)
		for (int i = 0; i < IPV4; i += 4)
			sum += LOAD32(ip + i);
		STORE16(ip + 10, ~fold(sum));
	}
	udp = ip + header;
	STORE16(udp, d->to.port);
	STORE16(udp + 2, d->from.port);
	STORE32(udp + 4, be32(datagram << 16));
	p = udp + UDP;
	/* The record's epoch and sequence stay where they are: the answer has the same. */
	p[1] = 0xFE;
	p[2] = 0xFF;
	STORE16(p + 11, be16((__u16)(HANDSHAKE + message)));
	STORE32(p + 13, be32(3 << 24 | message));
	STORE32(p + 17, 0);
	STORE32(p + 21, be32(message));
	p[25] = 0xFE;
	p[26] = 0xFF;
	p[27] = (__u8)cookie;
	STORE32(p + 28, mac_high);
#pragma clang loop unroll(full)
	for (int i = 4; i < COOKIE; i += 4)
		STORE32(p + 28 + i, LOAD32(scratch->cookie + i));

	sum = pseudo_header(&d->from, &d->to, datagram, v6);
	if (!d->offloaded || !SKB) {
#pragma clang loop unroll(full)
		for (int i = 0; i < UDP + HEAD + SHORT_COOKIE - 1; i += 4)
			sum += LOAD32(udp + i);
		if (cookie == SHORT_COOKIE) {
			sum += udp[UDP + HEAD + SHORT_COOKIE - 1];
		} else {
#pragma clang loop unroll(full)
			for (int i = UDP + HEAD + SHORT_COOKIE - 1; i < UDP + REQUEST; i += 4)
				sum += LOAD32(udp + i);
		}
		low = (__u16)~fold(sum);
		STORE16(udp + 6, low ? low : 0xFFFF);
	} else {
		STORE16(udp + 6, fold(sum));
	}
	return d->l2 + header + datagram;
}

#define COUNT(what) (counters->of[what]++)
#define END_AS(verdict, what) \
	do { \
		COUNT(what); \
		return verdict; \
	} while (0)
