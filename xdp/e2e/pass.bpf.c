/* For the far end of a veth: frames that XDP sends are taken where an XDP program is. */
__attribute__((section("xdp"), used)) int
pass(void *context)
{
	(void)context;
	return 2; /* XDP_PASS */
}
