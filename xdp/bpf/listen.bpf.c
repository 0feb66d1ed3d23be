/*
 * Answers ClientHellos as DTLSv1_listen does, before the kernel's network stack sees them: with the
 * library's own cookies, which the server behind it takes for its own.
 *
 * A verdict is PASS wherever there is doubt: the server is complete without this program.
 */
#include "answer.h"
#include "source.h"

/*
 * A ClientHello's first fragment, the record's header judged: PASS with a right cookie, ANSWER, or
 * DROP. The order of the checks is the library's.
 */
INLINE enum verdict
judge_hello(void *ctx, int tc, struct datagram *d, struct counters *counters,
    const struct keys *ring, struct scratch *scratch, __u64 now, __u32 fragment, int whole, int v6)
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
INLINE enum verdict
judge(void *ctx, int tc, struct datagram *d, int v6)
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
INLINE __u32
handle(void *ctx, int tc, struct datagram *d, enum verdict *verdict, int v6)
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

INLINE void
count_answer(int sent, const struct datagram *d)
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

/*
 * The whole of a datagram to one of ours in one piece, as XDP has it. The caller's datagram is room
 * to work in: with one of its own the program's stack is too large for the verifier of Linux 6.1.
 */
INLINE int
gather_up(struct __sk_buff *skb, struct datagram *d)
{
	__u32 headers = ETHERNET + 2 * VLAN + IPV6 + UDP;

	if (skb->len == bytes_of(skb, 1))
		return 1;
	if (bytes_of(skb, 1) < headers) {
		if (skb_pull_data(skb, skb->len < headers ? skb->len : headers))
			return 0;
	}
	return find(skb, 1, d) && skb->len <= MAX_DATAGRAM && !skb_pull_data(skb, skb->len);
}

SECTION("classifier") int dtlsv1_listen_tc(struct __sk_buff *skb)
{
	struct datagram d = {};
	enum verdict verdict;
	__u32 length;
	int sent, v;

	if (!gather_up(skb, &d))
		return -1;
	d = (struct datagram){};
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
