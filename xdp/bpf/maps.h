/*
 * What the loader and the program share. src/shared.rs has the same layouts: a test compares them.
 */
#pragma once

#include "kernel.h"

/* Up to eight secrets in force and eight that lately were, as in the library. */
#define SECRETS 16
/* The slots that are accepted: the previous, the current, the next. */
#define SLOTS   3
#define CURRENT 1

/* An HMAC-SHA256 key as the states behind its two pads. */
struct key {
	__u32 inner[8];
	__u32 outer[8];
};

struct keys {
	/* In nanoseconds of CLOCK_MONOTONIC: after that, everything passes. */
	__u64 valid_until;
	__u32 secrets;
	/* The first byte of each slot's cookies. */
	__u8 names[4];
	struct key key[SECRETS][SLOTS];
};

struct state {
	/* Which of the two rings is in force. */
	__u32 active;
	/* The device's address; frames to another are not for this host. */
	__u8 mac[6];
	__u8 unused[6];
};

/* IPv4 addresses are mapped, in network byte order throughout. */
struct endpoint {
	__u32 address[4];
	__u16 port;
	__u16 unused;
};

struct window {
	__u64 second;
	__u64 answers;
};

/* The order is src/counters.rs's. */
enum counter {
	DATAGRAMS,
	RECEIVED_BYTES,
	CHALLENGES,
	SENT_BYTES,
	RIGHT,
	PREVIOUS_SECRET,
	WRONG,
	/* Passed to the server. */
	PASS_STALE,
	PASS_SESSION,
	PASS_CONTINUATION,
	PASS_NOT_DTLS,
	PASS_NOT_OURS,
	PASS_OFFLOADED,
	/* Dropped. */
	DROP_NOT_DTLS,
	DROP_MALFORMED,
	DROP_STRANGER,
	DROP_CONTINUATION,
	DROP_SOURCE,
	DROP_OPTIONS,
	DROP_CHECKSUM,
	DROP_LIMIT,
	DROP_FAILED,
	COUNTERS,
};

struct counters {
	__u64 of[COUNTERS];
};

/* Room to work in, one for each processor: a program's stack has 512 bytes. */
struct scratch {
	/* The MAC's message, and the block behind the outer pad. */
	__u8 message[128];
	__u8 outer[64];
	__u32 state[8];
	__u32 schedule[16];
	/* A cookie, and the byte of the MAC that it does not carry. */
	__u8 cookie[40];
};

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct state);
} STATE SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
	MAP_NUMBER(max_entries, 2);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct keys);
} RINGS SECTION(".maps");

/* What is answered: the --listen addresses. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 256);
	MAP_TYPE(key, struct endpoint);
	MAP_TYPE(value, __u32);
} LISTENING SECTION(".maps");

/* Sources that are never answered: this host's own addresses and its networks' broadcast ones. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 4096);
	MAP_TYPE(key, struct endpoint);
	MAP_TYPE(value, __u32);
} NEVER SECTION(".maps");

/* Who showed a right cookie. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, 65536);
	MAP_TYPE(key, struct endpoint);
	MAP_TYPE(value, __u64);
} PROVED SECTION(".maps");

/* Answers sent lately, by destination. */
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, 65536);
	MAP_TYPE(key, struct endpoint);
	MAP_TYPE(value, struct window);
} WINDOWS SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct counters);
} COUNTS SECTION(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct scratch);
} SCRATCH SECTION(".maps");

/* Set by the loader before the program is loaded. */
enum strangers { STRANGERS_PASS, STRANGERS_CONNECTED, STRANGERS_PROVED };
volatile const __u32 STRANGERS = STRANGERS_PASS;
volatile const __u32 NOT_DTLS_PASSES = 0;
/* Answers a second to one IPv4 address or IPv6 /64; 0: no limit. */
volatile const __u64 ANSWERS_PER_SECOND = 0;
/* The device is the loopback one: 127.0.0.0/8 and ::1 are at home there. */
volatile const __u32 LOOPBACK = 0;
/* Frames are sk_buffs (generic XDP, tc), whose checksums the device may be left to fill in. */
volatile const __u32 SKB = 0;
