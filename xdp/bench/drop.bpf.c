/* The least that a device's receive path costs, and the least with a way back, for UDP over IPv4. */
#include <linux/bpf.h>

static inline __attribute__((always_inline)) int
is_ours(struct xdp_md *context)
{
	unsigned char *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;

	return data + 34 <= end && data[12] == 8 && data[13] == 0 && data[23] == 17;
}

__attribute__((section("xdp"), used)) int
drop(struct xdp_md *context)
{
	return is_ours(context) ? XDP_DROP : XDP_PASS;
}

/* As it came, to whoever is at the other end. */
__attribute__((section("xdp/back"), used)) int
reflect(struct xdp_md *context)
{
	return is_ours(context) ? XDP_TX : XDP_PASS;
}
