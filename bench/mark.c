/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "mark.h"

#define SLOTS       (1u << 16) /* addresses; a power of two, far more than a call has */
#define MAX_OBJECTS 256
#define TRAP_FLAG   0x100 /* EFLAGS.TF: the processor traps after each instruction */

struct object {
	char name[256];
	uint64_t start, end, offset;
	long count;
};

static struct {
	uint64_t address;
	long count;
} slots[SLOTS];
static int slots_used;
static struct object objects[MAX_OBJECTS];
static int object_count;
static const char *wanted; /* BENCH_STEPS */
static volatile sig_atomic_t counting;
static long total, empty;

#ifdef __x86_64__

static void
on_trap(int signal, siginfo_t *info, void *context)
{
	static uint64_t last;
	ucontext_t *uc = context;
	uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	uint32_t slot = (uint32_t)((pc * 0x9E3779B97F4A7C15u) >> 48);

	(void)signal;
	(void)info;
	if (!counting) {
		uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	if (pc == last) /* a repetition of the same instruction */
		return;
	last = pc;
	total++;
	while (slots[slot].address != pc && slots[slot].address != 0)
		slot = (slot + 1) % SLOTS;
	if (slots[slot].address == 0 && ++slots_used > (int)SLOTS / 2)
		_Exit(99);
	slots[slot].address = pc;
	slots[slot].count++;
}

static void
trap_from_here(void)
{
	__builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
}

static void
install(void)
{
	static unsigned char stack[1 << 16];
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	action.sa_sigaction = on_trap;
	if (sigaltstack(&alternative, NULL) == -1 || sigaction(SIGTRAP, &action, NULL) == -1) {
		perror("preparing to count instructions");
		exit(1);
	}
}

#else

static void
trap_from_here(void)
{
}

static void
install(void)
{
	fprintf(stderr, "counting instructions is written for x86-64 only\n");
	exit(1);
}

#endif

static void
read_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512], perms[8];
	struct object *object;

	object_count = 0;
	while (
	    maps != NULL && object_count < MAX_OBJECTS && fgets(line, sizeof(line), maps) != NULL) {
		object = &objects[object_count];
		memset(object, 0, sizeof(*object));
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %255s",
			&object->start, &object->end, perms, &object->offset, object->name) == 5 &&
		    strchr(perms, 'x') != NULL)
			object_count++;
	}
	if (maps != NULL)
		fclose(maps);
}

/* Distributes the slots over the objects, and writes the profile. */
static void
attribute(FILE *profile)
{
	struct object *object;
	uint32_t i;

	read_maps();
	for (i = 0; i < SLOTS; i++) {
		if (slots[i].address == 0)
			continue;
		for (object = objects; object < objects + object_count; object++)
			if (slots[i].address >= object->start && slots[i].address < object->end)
				break;
		if (object == objects + object_count)
			continue;
		object->count += slots[i].count;
		if (profile != NULL)
			fprintf(profile, "%ld %s %#" PRIx64 "\n", slots[i].count, object->name,
			    slots[i].address - object->start + object->offset);
	}
}

static void
report(void)
{
	FILE *profile = strchr(wanted, '/') == NULL ? NULL : fopen(wanted, "a");
	const char *separator = "", *name;
	int i;

	attribute(profile);
	printf("{\"instructions\":%ld,\"objects\":{", total - empty);
	for (i = 0; i < object_count; i++) {
		if (objects[i].count == 0)
			continue;
		name = strrchr(objects[i].name, '/');
		name = name == NULL ? objects[i].name : name + 1;
		printf("%s\"%s\":%ld", separator, name, objects[i].count);
		separator = ",";
	}
	printf("}}\n");
	if (profile != NULL)
		fclose(profile);
}

void
mark_init(void)
{
	wanted = getenv("BENCH_STEPS");
	if (wanted == NULL)
		return;
	install();
	counting = 1;
	trap_from_here();
	counting = 0;
	empty = total;
}

void
mark_begin(void)
{
	if (wanted == NULL)
		return;
	total = 0;
	memset(slots, 0, sizeof(slots));
	slots_used = 0;
	counting = 1;
	trap_from_here();
}

void
mark_end(void)
{
	counting = 0;
	if (wanted != NULL)
		report();
}
