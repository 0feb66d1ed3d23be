/*
 * Answers ClientHellos as DTLSv1_listen does, before the kernel's network stack sees them: with the
 * library's own cookies, which the server behind it takes for its own.
 *
 * A verdict is PASS wherever there is doubt: the server is complete without this program.
 */
#include "maps.h"
#include "sha256.h"

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
INLINE __u64 l2_of(const struct datagram *d)
{
	__u64 l2 = d->l2;

	__asm__ volatile("%0 &= 31" : "+r"(l2));
	return l2;
}

#define START(ctx, tc)                                                                             \
	((void *)(long)((tc) ? ((struct __sk_buff *)(ctx))->data : ((struct xdp_md *)(ctx))->data))
#define END(ctx, tc)                                                                               \
	((void *)(long)((tc) ? ((struct __sk_buff *)(ctx))->data_end                               \
			     : ((struct xdp_md *)(ctx))->data_end))

/* Bytes of the frame that lie in one piece. Both pointers are whole, or the verifier refuses. */
INLINE __u64 bytes_of(void *ctx, int tc)
{
	__u64 bytes = (__u64)(END(ctx, tc) - START(ctx, tc));

	OPAQUE(bytes);
	return bytes;
}

INLINE __u32 fold(__u64 sum)
{
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return (sum & 0xFFFF) + (sum >> 16);
}

/* The sum of the bytes of a frame from `at` on; negative where they are not there. */
INLINE __s64 sum_of(void *ctx, int tc, __u32 at, __u32 length)
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
CHECKED_ALONE __s64 sum_in_frame(struct xdp_md *ctx, __u32 at, __u32 length)
{
	return sum_of(ctx, 0, at, length);
}

CHECKED_ALONE __s64 sum_in_skb(struct __sk_buff *ctx, __u32 at, __u32 length)
{
	return sum_of(ctx, 1, at, length);
}

/* The sum of the pseudo-header (RFC 768, RFC 8200 section 8.1). */
INLINE __u64 pseudo_header(const struct endpoint *a, const struct endpoint *b, __u32 udp, int v6)
{
	__u64 sum = be16(IS_UDP) + be16((__u16)udp);

	sum += (__u64)a->address[3] + b->address[3];
	if (v6) {
		sum += (__u64)a->address[0] + a->address[1] + a->address[2];
		sum += (__u64)b->address[0] + b->address[1] + b->address[2];
	}
	return sum;
}

INLINE int is_mapped(const struct endpoint *e)
{
	return !e->address[0] && !e->address[1] && e->address[2] == be32(0xFFFF);
}

/* Finds what is known of a UDP datagram to one of ours; 0 for everything else. */
INLINE int find(void *ctx, int tc, struct datagram *d)
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

/* A source that no answer may go to. */
INLINE int is_no_source(const struct endpoint *from, const struct endpoint *to, int v6)
{
	const __u32 *a = from->address;
	__u8 first = (__u8)a[v6 ? 0 : 3];

	if (!from->port)
		return 1;
	if (a[0] == to->address[0] && a[1] == to->address[1] && a[2] == to->address[2] &&
	    a[3] == to->address[3])
		return !LOOPBACK;
	if (!v6)
		return first == 0 || first >= 224 || (first == 127 && !LOOPBACK);
	if (first == 0xFF)
		return 1;
	if (a[0] || a[1])
		return 0;
	/* ::, ::1, mapped, and the whole ::/96 that nobody has. */
	return !(a[2] == 0 && a[3] == be32(1) && LOOPBACK) && (!a[2] || a[2] == be32(0xFFFF));
}

INLINE int is_never_answered(const struct endpoint *from)
{
	struct endpoint address = *from;

	address.port = 0;
	return !LOOPBACK && map_lookup(&NEVER, &address);
}

/* Is the frame as it was sent? Says as well where the checksum is left to the device. */
INLINE int is_undamaged(void *ctx, int tc, struct datagram *d, int v6)
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

/* May a record that is of no first contact go to the server? */
INLINE int is_known(void *ctx, const struct datagram *d, int v6)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sock;
	int connected;

	if (STRANGERS == STRANGERS_PASS)
		return 1;
	if (STRANGERS == STRANGERS_PROVED)
		return map_lookup(&PROVED, &d->from) != 0;
	if (v6) {
		for (int i = 0; i < 4; i++) {
			tuple.ipv6.saddr[i] = d->from.address[i];
			tuple.ipv6.daddr[i] = d->to.address[i];
		}
		tuple.ipv6.sport = d->from.port;
		tuple.ipv6.dport = d->to.port;
		sock = sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	} else {
		tuple.ipv4.saddr = d->from.address[3];
		tuple.ipv4.daddr = d->to.address[3];
		tuple.ipv4.sport = d->from.port;
		tuple.ipv4.dport = d->to.port;
		sock = sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sock)
		return 0;
	connected = sock->state == BPF_TCP_ESTABLISHED;
	sk_release(sock);
	return connected;
}

/* One more answer to this destination in this second? */
INLINE int is_within_limit(const struct endpoint *to, int v6, __u64 now)
{
	struct endpoint key = *to;
	struct window *window, first = { .second = now / 1000000000, .answers = 1 };

	if (!ANSWERS_PER_SECOND)
		return 1;
	key.port = 0;
	if (v6)
		key.address[2] = key.address[3] = 0;
	window = map_lookup(&WINDOWS, &key);
	if (!window) {
		map_update(&WINDOWS, &key, &first, BPF_ANY);
		return 1;
	}
	if (window->second != first.second) {
		*window = first;
		return 1;
	}
	return __sync_fetch_and_add(&window->answers, 1) < ANSWERS_PER_SECOND;
}

/* Puts the MAC's message together, padded, and gives its blocks; 0 if the frame is shorter. */
INLINE __u32 write_message(
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
INLINE void write_kind(struct scratch *scratch, int is_short)
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
INLINE __u32 write_answer(
	void *ctx, int tc, const struct datagram *d, const struct scratch *scratch, int v6)
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
#define END_AS(verdict, what)                                                                      	do {                                                                                       		COUNT(what);                                                                       		return verdict;                                                                    	} while (0)

/*
 * A ClientHello's first fragment, the record's header judged: PASS with a right cookie, ANSWER, or
 * DROP. The order of the checks is the library's.
 */
INLINE enum verdict judge_hello(void *ctx, int tc, struct datagram *d, struct counters *counters,
	const struct keys *ring, struct scratch *scratch, __u64 now, __u32 fragment, int whole,
	int v6)
{
	__u8 *data = START(ctx, tc), *end = END(ctx, tc);
	__u8 *record = data + l2_of(d) + (v6 ? IPV6 : IPV4) + UDP, *p;
	__u64 shown[4], differs;
	__u32 session_id, cookie, blocks, slot, known = 0, no_room;
	__u8 name;

	if (record + RECORD + HANDSHAKE + HELLO + 2 > end || fragment < HELLO + 2)
		END_AS(DROP, DROP_MALFORMED);
	session_id = record[RECORD + HANDSHAKE + HELLO];
	if (session_id > MAX_SESSION_ID || fragment < HELLO + 2 + session_id)
		END_AS(DROP, DROP_MALFORMED);
	p = record + RECORD + HANDSHAKE + HELLO + 1 + session_id;
	if (p + 1 > end)
		END_AS(DROP, DROP_MALFORMED);
	cookie = *p++;
	if (fragment < HELLO + 2 + session_id + cookie)
		END_AS(DROP, DROP_MALFORMED);
	no_room = !whole && fragment - (HELLO + 2) - session_id < COOKIE;
	if (d->length > MAX_DATAGRAM)
		END_AS(PASS, PASS_NOT_OURS);
	if (!is_undamaged(ctx, tc, d, v6))
		END_AS(DROP, DROP_CHECKSUM);
	blocks = write_message(scratch, record, end, d, v6);
	if (!blocks)
		END_AS(DROP, DROP_MALFORMED);

	if (cookie == COOKIE || cookie == SHORT_COOKIE) {
		int is_short = cookie == SHORT_COOKIE;

		if (p + SHORT_COOKIE > end)
			END_AS(DROP, DROP_MALFORMED);
		shown[0] = LOAD64(p);
		shown[1] = LOAD64(p + 8);
		shown[2] = p[16];
		shown[3] = 0;
		if (!is_short) {
			if (p + COOKIE > end)
				END_AS(DROP, DROP_MALFORMED);
			shown[2] = LOAD64(p + 16);
			shown[3] = LOAD64(p + 24);
		}
		write_kind(scratch, is_short);
		name = *p;
		for (slot = 0; slot < SLOTS; slot++)
			if (ring->names[slot] == name)
				break;
		if (slot < SLOTS) {
			/* The one that makes cookies comes last: its MAC is then the answer's. */
#pragma clang loop unroll(disable)
			for (__u32 i = 0; i < SECRETS; i++) {
				__u32 at = ring->secrets - 1 - i;

				if (at >= SECRETS)
					break;
				cookie_mac(scratch, &ring->key[at][slot], blocks);
				scratch->cookie[0] = name;
				differs = shown[0] ^ LOAD64(scratch->cookie);
				differs |= shown[1] ^ LOAD64(scratch->cookie + 8);
				if (is_short) {
					differs |= shown[2] ^ scratch->cookie[16];
				} else {
					differs |= shown[2] ^ LOAD64(scratch->cookie + 16);
					differs |= shown[3] ^ LOAD64(scratch->cookie + 24);
				}
				if (!differs) {
					map_update(&PROVED, &d->from, &now, BPF_ANY);
					if (at)
						COUNT(PREVIOUS_SECRET);
					END_AS(PASS, RIGHT);
				}
			}
			known = slot == CURRENT && is_short == (int)no_room;
		}
	}
	if (cookie)
		COUNT(WRONG);
	if (!is_within_limit(&d->from, v6, now))
		END_AS(DROP, DROP_LIMIT);
	d->cookie = no_room ? SHORT_COOKIE : COOKIE;
	if (!known) {
		write_kind(scratch, no_room);
		cookie_mac(scratch, &ring->key[0][CURRENT], blocks);
		scratch->cookie[0] = ring->names[CURRENT];
	}
	return ANSWER;
}

/* A datagram to one of ours. */
INLINE enum verdict judge(void *ctx, int tc, struct datagram *d, int v6)
{
	const __u32 zero = 0;
	struct counters *counters = map_lookup(&COUNTS, &zero);
	struct scratch *scratch = map_lookup(&SCRATCH, &zero);
	struct state *state = map_lookup(&STATE, &zero);
	__u8 *data, *end, *record;
	__u32 length, fragment;
	struct keys *ring;
	__u64 now;
	__u8 type;

	if (!counters || !scratch || !state)
		return PASS;
	ring = map_lookup(&RINGS, &state->active);
	if (!ring)
		return PASS;
	COUNT(DATAGRAMS);
	counters->of[RECEIVED_BYTES] += d->length;
	now = ktime_coarse();
	if (now > ring->valid_until || !ring->secrets)
		END_AS(PASS, PASS_STALE);

	data = START(ctx, tc);
	end = END(ctx, tc);
	if (data + ETHERNET > end)
		return PASS;
	if (LOAD32(data) != LOAD32(state->mac) || LOAD16(data + 4) != LOAD16(state->mac + 4))
		END_AS(PASS, PASS_NOT_OURS);
	if (tc && ((struct __sk_buff *)ctx)->gso_segs > 1)
		END_AS(PASS, PASS_OFFLOADED);
	if (d->broken == DROP_OPTIONS)
		END_AS(DROP, DROP_OPTIONS);
	if (d->broken)
		END_AS(DROP, DROP_MALFORMED);
	if (is_no_source(&d->from, &d->to, v6) || (data[6] & 1))
		END_AS(DROP, DROP_SOURCE);

	record = data + l2_of(d) + (v6 ? IPV6 : IPV4) + UDP;
	if (d->length < RECORD || record + RECORD > end)
		goto not_dtls;
	type = record[0];
	/* DTLS 1.3's encrypted records have a header of their own (RFC 9147 section 4). */
	if (type >> 5 == 1)
		goto session;
	length = be16(LOAD16(record + 11));
	if (type < 20 || type > 26 || record[1] != 0xFE)
		goto not_dtls;
	/* With a connection id the length is further behind (RFC 9146). */
	if (type == 25)
		goto session;
	if (length + RECORD > d->length)
		goto not_dtls;
	if (type != 22 || LOAD16(record + 3))
		goto session;
	if (length < HANDSHAKE || record + RECORD + HANDSHAKE > end)
		END_AS(DROP, DROP_MALFORMED);
	if (record[13] != 1)
		goto session;
	fragment = length - HANDSHAKE;
	if ((be32(LOAD32(record + 21)) & 0xFFFFFF) != fragment || be16(LOAD16(record + 17)) > 1 ||
	    fragment > be32(LOAD32(record + 13)) << 8 >> 8)
		END_AS(DROP, DROP_MALFORMED);
	if (be32(LOAD32(record + 18)) << 8 >> 8) {
		if (!map_lookup(&PROVED, &d->from))
			END_AS(DROP, DROP_CONTINUATION);
		END_AS(PASS, PASS_CONTINUATION);
	}
	if (is_never_answered(&d->from))
		END_AS(DROP, DROP_SOURCE);
	return judge_hello(ctx, tc, d, counters, ring, scratch, now, fragment,
		fragment == be32(LOAD32(record + 13)) << 8 >> 8, v6);
session:
	if (is_known(ctx, d, v6))
		END_AS(PASS, PASS_SESSION);
	END_AS(DROP, DROP_STRANGER);
not_dtls:
	if (NOT_DTLS_PASSES)
		END_AS(PASS, PASS_NOT_DTLS);
	END_AS(DROP, DROP_NOT_DTLS);
}

/* Bytes of the answer that stands in the frame now; 0: `*verdict` is something else. */
INLINE __u32 handle(void *ctx, int tc, struct datagram *d, enum verdict *verdict, int v6)
{
	const __u32 zero = 0;
	struct scratch *scratch = map_lookup(&SCRATCH, &zero);
	__u32 length;

	*verdict = judge(ctx, tc, d, v6);
	if (*verdict != ANSWER || !scratch)
		return 0;
	length = write_answer(ctx, tc, d, scratch, v6);
	if (!length)
		*verdict = DROP;
	return length;
}

INLINE void count_answer(int sent, const struct datagram *d)
{
	const __u32 zero = 0;
	struct counters *counters = map_lookup(&COUNTS, &zero);

	if (!counters)
		return;
	if (!sent) {
		COUNT(DROP_FAILED);
		return;
	}
	COUNT(CHALLENGES);
	counters->of[SENT_BYTES] += HEAD + d->cookie;
}

SECTION("xdp") int dtlsv1_listen_xdp(struct xdp_md *ctx)
{
	struct datagram d = {};
	enum verdict verdict;
	__u32 length;
	int sent, v = find(ctx, 0, &d);

	if (!v)
		return XDP_PASS;
	length = v == 6 ? handle(ctx, 0, &d, &verdict, 1) : handle(ctx, 0, &d, &verdict, 0);
	if (!length)
		return verdict == PASS ? XDP_PASS : XDP_DROP;
	sent = !xdp_adjust_tail(ctx, (int)length - (int)bytes_of(ctx, 0));
	count_answer(sent, &d);
	return sent ? XDP_TX : XDP_DROP;
}

/* The whole of a datagram to one of ours in one piece, as XDP has it. */
INLINE int gather_up(struct __sk_buff *skb)
{
	struct datagram d = {};
	__u32 headers = ETHERNET + 2 * VLAN + IPV6 + UDP;

	if (skb->len == bytes_of(skb, 1))
		return 1;
	if (bytes_of(skb, 1) < headers) {
		if (skb_pull_data(skb, skb->len < headers ? skb->len : headers))
			return 0;
	}
	return find(skb, 1, &d) && skb->len <= MAX_DATAGRAM && !skb_pull_data(skb, skb->len);
}

SECTION("classifier") int dtlsv1_listen_tc(struct __sk_buff *skb)
{
	struct datagram d = {};
	enum verdict verdict;
	__u32 length;
	int sent, v;

	if (!gather_up(skb))
		return -1;
	v = find(skb, 1, &d);
	if (!v)
		return -1; /* TC_ACT_UNSPEC, TCX_NEXT: as if this were not here */
	length = v == 6 ? handle(skb, 1, &d, &verdict, 1) : handle(skb, 1, &d, &verdict, 0);
	if (!length)
		return verdict == PASS ? -1 : 2 /* TC_ACT_SHOT */;
	sent = !skb_change_tail(skb, length, 0);
	count_answer(sent, &d);
	return sent ? (int)redirect(skb->ifindex, 0) : 2;
}

SECTION("license") const char LICENSE[] = "Dual MIT/GPL";
