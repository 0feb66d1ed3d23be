/*
 * What the program needs of the kernel: section names, maps in BTF notation, helpers by number.
 * The numbers and structures are <linux/bpf.h>'s, which is an ABI; no libbpf, no vmlinux.h.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#define SECTION(name) __attribute__((section(name), used))
#define INLINE        static inline __attribute__((always_inline))
/* Checked by the verifier once, on its own, whoever calls it. */
#define CHECKED_ALONE __attribute__((noinline))

#define MAP_NUMBER(name, value) int (*name)[value]
#define MAP_TYPE(name, value)   __typeof__(value) *name

static void *(*const map_lookup)(
    const void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const map_update)(const void *map, const void *key, const void *value,
    __u64 flags) = (void *)BPF_FUNC_map_update_elem;
static __u64 (*const ktime_coarse)(void) = (void *)BPF_FUNC_ktime_get_coarse_ns;
static long (*const xdp_adjust_tail)(
    struct xdp_md *ctx, int delta) = (void *)BPF_FUNC_xdp_adjust_tail;
static long (*const skb_change_tail)(
    struct __sk_buff *skb, __u32 length, __u64 flags) = (void *)BPF_FUNC_skb_change_tail;
static long (*const skb_pull_data)(
    struct __sk_buff *skb, __u32 length) = (void *)BPF_FUNC_skb_pull_data;
static long (*const redirect)(__u32 device, __u64 flags) = (void *)BPF_FUNC_redirect;
static struct bpf_sock *(*const sk_lookup_udp)(void *ctx, struct bpf_sock_tuple *tuple, __u32 size,
    __u64 netns, __u64 flags) = (void *)BPF_FUNC_sk_lookup_udp;
static long (*const sk_release)(void *sock) = (void *)BPF_FUNC_sk_release;

#define be16(x) __builtin_bswap16(x)
#define be32(x) __builtin_bswap32(x)
#define be64(x) __builtin_bswap64(x)
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "only little-endian machines"
#endif

/* Packets and buffers are read at any alignment: the verifier allows it where the machine does. */
#define LOAD16(at)         (*(const __u16 *)(at))
#define LOAD32(at)         (*(const __u32 *)(at))
#define LOAD64(at)         (*(const __u64 *)(at))
#define STORE16(at, value) (*(__u16 *)(at) = (value))
#define STORE32(at, value) (*(__u32 *)(at) = (value))
#define STORE64(at, value) (*(__u64 *)(at) = (value))

/* Keeps the compiler from working out a value in a way that the verifier cannot follow. */
#define OPAQUE(x) __asm__ volatile("" : "+r"(x))
