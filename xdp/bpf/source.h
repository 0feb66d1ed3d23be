/* Who is answered, who is known, and how often. */
#pragma once

#include "datagram.h"

/* A source that no answer may go to. */
INLINE int
is_no_source(const struct endpoint *from, const struct endpoint *to, int v6)
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

INLINE int
is_never_answered(const struct endpoint *from)
{
	struct endpoint address = *from;

	address.port = 0;
	return !LOOPBACK && map_lookup(&NEVER, &address);
}

/* May a record that is of no first contact go to the server? */
INLINE int
is_known(void *ctx, const struct datagram *d, int v6)
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
INLINE int
is_within_limit(const struct endpoint *to, int v6, __u64 now)
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
