/* The least that a device's receive path costs: every frame that is UDP over IPv4 is dropped. */
#include <linux/bpf.h>

__attribute__((section("xdp"), used)) int
drop(struct xdp_md *context)
{
	unsigned char *data = (void *)(long)context->data, *end = (void *)(long)context->data_end;

	if (data + 34 <= end && data[12] == 8 && data[13] == 0 && data[23] == 17)
		return XDP_DROP;
	return XDP_PASS;
}
