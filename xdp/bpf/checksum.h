/* Is a frame as it was sent? */
#pragma once

#include "datagram.h"

INLINE __u32
fold(__u64 sum)
{
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return (sum & 0xFFFF) + (sum >> 16);
}

/* The sum of the bytes of a frame from `at` on; negative where they are not there. */
INLINE __s64
sum_of(void *ctx, int tc, __u32 at, __u32 length)
{
	__u8 *data = START(ctx, tc), *end = END(ctx, tc), *p;
	__u64 sum = 0;
	__u32 done = 0;

	if (at > 128 || length > MAX_DATAGRAM + UDP)
		return -1;
	p = data + at;
#pragma clang loop unroll(disable)
	for (int i = 0; i < (MAX_DATAGRAM + UDP) / 8; i++) {
		if (done + 8 > length)
			break;
		if (p + 8 > end)
			return -1;
		sum += LOAD32(p);
		sum += LOAD32(p + 4);
		p += 8;
		done += 8;
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < 8; i++) {
		if (done >= length)
			break;
		if (p + 1 > end)
			return -1;
		sum += i & 1 ? *p << 8 : *p;
		p++;
		done++;
	}
	return sum;
}

/* Each is the other but for what it takes; the verifier sees a loop once and not once a path. */
CHECKED_ALONE __s64
sum_in_frame(struct xdp_md *ctx, __u32 at, __u32 length)
{
	return sum_of(ctx, 0, at, length);
}

CHECKED_ALONE __s64
sum_in_skb(struct __sk_buff *ctx, __u32 at, __u32 length)
{
	return sum_of(ctx, 1, at, length);
}

/* The sum of the pseudo-header (RFC 768, RFC 8200 section 8.1). */
INLINE __u64
pseudo_header(const struct endpoint *a, const struct endpoint *b, __u32 udp, int v6)
{
	__u64 sum = be16(IS_UDP) + be16((__u16)udp);

	sum += (__u64)a->address[3] + b->address[3];
	if (v6) {
		sum += (__u64)a->address[0] + a->address[1] + a->address[2];
		sum += (__u64)b->address[0] + b->address[1] + b->address[2];
	}
	return sum;
}

/* Is the frame as it was sent? Says as well where the checksum is left to the device. */
INLINE int
is_undamaged(void *ctx, int tc, struct datagram *d, int v6)
{
	__u8 *data = START(ctx, tc), *end = END(ctx, tc), *ip = data + l2_of(d);
	__u32 header = v6 ? IPV6 : IPV4, udp = d->length + UDP;
	__u64 pseudo = pseudo_header(&d->from, &d->to, udp, v6);
	__u16 checksum;
	__s64 sum;

	if (ip + header + UDP > end)
		return 0;
	if (!v6) {
		sum = 0;
#pragma clang loop unroll(full)
		for (int i = 0; i < IPV4; i += 4)
			sum += LOAD32(ip + i);
		if (fold(sum) != 0xFFFF)
			return 0;
	}
	checksum = LOAD16(ip + header + 6);
	if (!checksum)
		return !v6;
	sum = tc ? sum_in_skb(ctx, d->l2 + header, udp) : sum_in_frame(ctx, d->l2 + header, udp);
	if (sum >= 0 && fold(pseudo + sum) == 0xFFFF)
		return 1;
	/* The device was to fill in the rest: the frame was on no wire yet. */
	d->offloaded = sum >= 0 && checksum == fold(pseudo);
	return d->offloaded;
}
