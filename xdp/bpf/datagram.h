/* What is known of a datagram, and which are for one of ours. */
#pragma once

#include "maps.h"

enum verdict { PASS, DROP, ANSWER };

enum {
	ETHERNET = 14,
	VLAN = 4,
	IPV4 = 20,
	IPV6 = 40,
	UDP = 8,
	RECORD = 13,
	HANDSHAKE = 12,
	/* In front of the session id's length: version and random. */
	HELLO = 34,
	COOKIE = 32,
	/* For a client whose first fragment has no room for more. */
	SHORT_COOKIE = 17,
	/* A HelloVerifyRequest up to its cookie, and with a long one. */
	HEAD = RECORD + HANDSHAKE + 3,
	REQUEST = HEAD + COOKIE,
	MAX_SESSION_ID = 32,
	/* The loop over a datagram has to end; no path over the Internet carries longer ones. */
	MAX_DATAGRAM = 2048,
};

/* What is known of a datagram, all within the frame. */
struct datagram {
	/* Bytes of the frame in front of the IP header, and of the IP header. */
	__u32 l2, l3;
	/* Bytes of the UDP payload. */
	__u32 length;
	/* The device is left to fill the checksum in, of the question and so of the answer. */
	__u32 offloaded;
	/* Why the kernel would not take it; 0 where it would. */
	__u32 broken;
	/* Bytes of the answer's cookie. */
	__u32 cookie;
	struct endpoint from, to;
};

#define IS_UDP 17

/* 14, 18 or 22, in a way that the verifier sees: it forgets the range of what was in memory. */
INLINE __u64
l2_of(const struct datagram *d)
{
	__u64 l2 = d->l2;

	__asm__ volatile("%0 &= 31" : "+r"(l2));
	return l2;
}

#define START(ctx, tc) \
	((void *)(long)((tc) ? ((struct __sk_buff *)(ctx))->data : ((struct xdp_md *)(ctx))->data))
#define END(ctx, tc) \
	((void *)(long)((tc) ? ((struct __sk_buff *)(ctx))->data_end : \
			       ((struct xdp_md *)(ctx))->data_end))

/* Bytes of the frame that lie in one piece. Both pointers are whole, or the verifier refuses. */
INLINE __u64
bytes_of(void *ctx, int tc)
{
	__u64 bytes = (__u64)(END(ctx, tc) - START(ctx, tc));

	OPAQUE(bytes);
	return bytes;
}

INLINE int
is_mapped(const struct endpoint *e)
{
	return !e->address[0] && !e->address[1] && e->address[2] == be32(0xFFFF);
}

/* Finds what is known of a UDP datagram to one of ours; 0 for everything else. */
INLINE int
find(void *ctx, int tc, struct datagram *d)
{
	__u8 *data = START(ctx, tc), *end = END(ctx, tc), *ip, *udp;
	__u32 total, room, header;
	__u16 kind;
	int v6;

	if (data + ETHERNET > end)
		return 0;
	d->l2 = ETHERNET;
	kind = LOAD16(data + 12);
#pragma clang loop unroll(full)
	for (int i = 0; i < 2; i++) {
		if (kind != be16(0x8100) && kind != be16(0x88A8))
			break;
		if (data + d->l2 + VLAN > end)
			return 0;
		kind = LOAD16(data + d->l2 + 2);
		d->l2 += VLAN;
	}
	ip = data + d->l2;
	v6 = kind == be16(0x86DD);
	if (v6) {
		/* An extension header is not looked behind. */
		if (ip + IPV6 + UDP > end || ip[0] >> 4 != 6 || ip[6] != IS_UDP)
			return 0;
		header = IPV6;
		for (int i = 0; i < 4; i++) {
			d->from.address[i] = LOAD32(ip + 8 + 4 * i);
			d->to.address[i] = LOAD32(ip + 24 + 4 * i);
		}
		if (is_mapped(&d->to))
			return 0;
		total = be16(LOAD16(ip + 4)) + IPV6;
	} else if (kind == be16(0x0800)) {
		if (ip + IPV4 + UDP > end || ip[0] >> 4 != 4 || ip[9] != IS_UDP)
			return 0;
		/* A fragment has no ports, or not the whole datagram. */
		if (LOAD16(ip + 6) & be16(0x3FFF))
			return 0;
		header = (ip[0] & 15) * 4;
		if (header < IPV4)
			return 0;
		d->from.address[2] = d->to.address[2] = be32(0xFFFF);
		d->from.address[3] = LOAD32(ip + 12);
		d->to.address[3] = LOAD32(ip + 16);
		total = be16(LOAD16(ip + 2));
	} else {
		return 0;
	}
	d->l3 = header;
	udp = ip + header;
	if (udp + UDP > end)
		return 0;
	d->from.port = LOAD16(udp);
	d->to.port = LOAD16(udp + 2);
	if (!map_lookup(&LISTENING, &d->to))
		return 0;
	room = tc ? ((struct __sk_buff *)ctx)->len - d->l2 : (__u32)(end - ip);
	d->length = be16(LOAD16(udp + 4));
	if (!v6 && header != IPV4)
		d->broken = DROP_OPTIONS;
	else if (total > room || d->length < UDP || d->length + header > total)
		d->broken = DROP_MALFORMED;
	else
		d->length -= UDP;
	return v6 ? 6 : 4;
}
