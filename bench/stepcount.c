/*
 * Counts the instructions that a program executes between its marks (mark.h),
 * by object: libssl, libcrypto, libc, ours. It steps the program through them
 * on the real processor, so that whatever that has (SHA extensions) is used;
 * callgrind emulates one that may lack it. No performance counters are needed.
 *
 *	stepcount [-p PROFILE] PROGRAM [ARGUMENT...]
 *
 * Writes a line of JSON for each pair of marks to stderr's place, fd 2 being
 * the program's: {"instructions":N,"objects":{"libssl.so.3":N,...}}, less what
 * an empty pair costs. -p writes "count object offset" for every address.
 *
 * A repeated string instruction (rep movsb) traps once per repetition; it
 * counts once, as the processor's own counter has it.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

#define MAX_STEPS 200000000L	/* minutes: a program that runs away ends here */
#define MAX_OBJECTS 64
#define PROFILE_SLOTS (1 << 20)

struct object {
	char name[256];
	uint64_t start, end, base;	/* executable range, and what offsets count from */
	long count;
};

static struct object objects[MAX_OBJECTS];
static int object_count;
static struct { uint64_t address; long count; } *profile;
static volatile int *counting;
static pid_t child;

static void
die(const char *what)
{
	fprintf(stderr, "stepcount: %s: %s\n", what, strerror(errno));
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

/* The program's executable mappings; counts already made are kept. */
static void
read_maps(void)
{
	char path[64], line[512], perms[8], name[256];
	uint64_t start, end, offset;
	FILE *maps;
	int i, n;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
	maps = fopen(path, "r");
	if (maps == NULL)
		die(path);
	while (fgets(line, sizeof(line), maps) != NULL) {
		n = sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64
		    " %*s %*s %255s", &start, &end, perms, &offset, name);
		if (n < 4 || strchr(perms, 'x') == NULL)
			continue;
		for (i = 0; i < object_count && objects[i].start != start; i++)
			;
		if (i < object_count || object_count == MAX_OBJECTS)
			continue;
		objects[i].start = start;
		objects[i].end = end;
		objects[i].base = start - offset;
		snprintf(objects[i].name, sizeof(objects[i].name), "%s",
		    n == 5 ? name : "anonymous");
		object_count++;
	}
	fclose(maps);
}

static struct object *
object_of(uint64_t address)
{
	static struct object *last = objects;
	int i, tries;

	if (address >= last->start && address < last->end)
		return last;
	for (tries = 0; tries < 2; tries++) {
		for (i = 0; i < object_count; i++) {
			last = &objects[i];
			if (address >= last->start && address < last->end)
				return last;
		}
		read_maps();
	}
	last = objects;
	die("an instruction outside every mapping");
	return NULL;
}

static void
note(uint64_t address)
{
	size_t slot = (address * 0x9E3779B97F4A7C15u) >> 44;

	while (profile[slot].address != address && profile[slot].count != 0)
		slot = (slot + 1) % PROFILE_SLOTS;
	profile[slot].address = address;
	profile[slot].count++;
}

static uint64_t
program_counter(void)
{
#if defined(__x86_64__)
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, child,
	    (void *)offsetof(struct user_regs_struct, rip), NULL);
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, (void *)1, &io) == -1)
		die("PTRACE_GETREGSET");
	return regs.pc;
#else
#error "stepcount: say how this machine's program counter is read"
#endif
}

/* Steps from a stop at a mark to the mark's end; the instructions in between. */
static long
count_interval(void)
{
	uint64_t pc, before = 0;
	long steps, total = 0;
	int status, signal = 0, i;

	for (i = 0; i < object_count; i++)
		objects[i].count = 0;
	for (steps = 0; steps < MAX_STEPS; steps++) {
		/* Where it stands is what the next step executes. */
		pc = program_counter();
		if (*counting && pc != before) {
			total++;
			object_of(pc)->count++;
			if (profile != NULL)
				note(pc);
		} else if (!*counting && total != 0) {
			return total;
		}
		before = pc;
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, signal) == -1 ||
		    waitpid(child, &status, 0) != child)
			die("stepping");
		if (!WIFSTOPPED(status)) {
			fprintf(stderr, "stepcount: the program ended between marks\n");
			exit(1);
		}
		signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	}
	errno = EOVERFLOW;
	die("counting");
	return 0;
}

static void
report(FILE *out, long total, long empty)
{
	const char *name, *separator = "";
	int i, j;
	long sum;

	fprintf(out, "{\"instructions\":%ld,\"objects\":{", total - empty);
	for (i = 0; i < object_count; i++) {
		name = objects[i].name;
		for (j = 0; j < i && strcmp(objects[j].name, name) != 0; j++)
			;
		if (j < i)
			continue;
		for (sum = 0; j < object_count; j++)
			if (strcmp(objects[j].name, name) == 0)
				sum += objects[j].count;
		if (sum == 0)
			continue;
		if (strrchr(name, '/') != NULL)
			name = strrchr(name, '/') + 1;
		fprintf(out, "%s\"%s\":%ld", separator, name, sum);
		separator = ",";
	}
	fprintf(out, "}}\n");
	fflush(out);
}

static void
write_profile(const char *path)
{
	struct object *object;
	FILE *out = fopen(path, "w");
	size_t i;

	if (out == NULL)
		die(path);
	for (i = 0; i < PROFILE_SLOTS; i++) {
		if (profile[i].count == 0)
			continue;
		object = object_of(profile[i].address);
		fprintf(out, "%ld %s %#" PRIx64 "\n", profile[i].count,
		    object->name, profile[i].address - object->base);
	}
	if (fclose(out) != 0)
		die(path);
}

int
main(int argc, char *argv[])
{
	const char *profile_path = NULL;
	char fd_name[16];
	long total, empty = -1;
	int fd, status, signal = 0;

	argv++;
	if (argc > 3 && strcmp(argv[0], "-p") == 0) {
		profile_path = argv[1];
		argv += 2;
	}
	if (argv[0] == NULL) {
		fprintf(stderr, "usage: stepcount [-p PROFILE] PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	fd = memfd_create("marks", 0);
	if (fd == -1 || ftruncate(fd, 4096) == -1)
		die("memfd_create");
	counting = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counting == MAP_FAILED)
		die("mmap");
	snprintf(fd_name, sizeof(fd_name), "%d", fd);
	setenv(MARK_FD_ENV, fd_name, 1);

	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	for (;;) {
		if (waitpid(child, &status, 0) != child)
			die("waitpid");
		if (!WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status);
		if (signal == SIGSTOP) {
			if (object_count == 0)
				read_maps();
			total = count_interval();
			if (empty == -1) {
				empty = total;
				if (profile_path != NULL)
					profile = calloc(PROFILE_SLOTS, sizeof(*profile));
			} else {
				report(stdout, total, empty);
			}
			signal = 0;
			if (profile != NULL && profile_path != NULL)
				write_profile(profile_path);
		} else if (signal == SIGTRAP) {
			signal = 0;
		}
		if (ptrace(PTRACE_CONT, child, NULL, signal) == -1)
			die("PTRACE_CONT");
	}
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "stepcount: the program died of signal %d\n", WTERMSIG(status));
		return 1;
	}
	return WEXITSTATUS(status);
}
