/*
 * DTLSv1_listen against DTLSv1_listen: both functions in one process, the same input for both, and everything that an
 * application could see compared.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "datagrams.h"
#include "deliberate.h"
#include "generate.h"
#include "hello.h"
#include "identity.h"
#include "judge.h"
#include "sockets.h"

static const char usage[] =
    "usage: differential [--control] [--corpus FILE] [--cases N] [--seed S] "
    "[--replay SEED:CASE] [--force 'KEY=VALUE ...']\n"
    "                    [--setup 'KEY=VALUE ...'] [--datagram "
    "HEX|block|block-zero|end|fail|fail-stale]...\n"
    "  --cases N         so many cases made from the seed (default 10000)\n"
    "  --seed S          a number, or 'fresh' (default 1)\n"
    "  --replay S:C      case C of seed S alone, both sides printed\n"
    "  --setup, --datagram  a case from the command line, both sides printed\n"
    "  --force 'K=V ...' this set-up over every generated case, to look at one "
    "thing\n"
    "  --datagrams       dtlsv1_listen_datagram() against DTLSv1_listen(), "
    "both ours, with built-in cookies\n"
    "  --control         libssl on both sides: nothing may differ\n";

static struct dcase current;
static char crash_note[80]; /* what the signal handler says, written before each case */
static size_t crash_len;

static void
crashed(int number)
{
	ssize_t done = write(STDOUT_FILENO, crash_note, crash_len);

	(void)done;
	signal(number, SIG_DFL);
	raise(number);
}

static void
about_to_run(uint64_t seed, uint64_t number)
{
	int len = snprintf(crash_note, sizeof(crash_note), "\nCRASHED in --replay %llu:%llu\n",
	    (unsigned long long)seed, (unsigned long long)number);

	crash_len = (size_t)len;
}

static void
report_divergence(uint64_t seed, uint64_t number)
{
	printf("\nDIVERGENCE: seed %llu, case %llu (--replay %llu:%llu)\nset-up: ",
	    (unsigned long long)seed, (unsigned long long)number, (unsigned long long)seed,
	    (unsigned long long)number);
	case_print_setup(&current);
	printf("\n");
	judge_print(&current);
	shrink(&current);
	printf("shrunk to:\n");
	judge_print(&current);
	printf("replay the shrunk case:\n  ");
	case_print_command(&current);
}

static int
make_case(uint64_t seed, uint64_t number, const char *force)
{
	about_to_run(seed, number);
	generate_case(&current, seed, number);
	return force == NULL || case_parse_setup(&current, force);
}

static int
run_many(uint64_t seed, unsigned long cases, const char *force)
{
	unsigned long passed = 0;
	time_t began = time(NULL);
	int fine = 1;

	printf("%lu cases from seed %llu\n", cases, (unsigned long long)seed);
	fflush(stdout);
	for (; passed < cases; passed++) {
		if (!make_case(seed, passed, force))
			return 0;
		if (!judge(&current, 1)) {
			report_divergence(seed, passed);
			fine = 0;
			break;
		}
	}
	if (fine) {
		/* What is forced may well keep rows out of reach. */
		fine = coverage_report(force == NULL ? cases : 0);
		fine &= deliberate_report(force == NULL ? cases : 0);
	}
	printf("\n%ld seconds\ndifferential: %lu passed, %d failed\n", (long)(time(NULL) - began),
	    passed, !fine);
	return fine;
}

static int
run_one(uint64_t seed, uint64_t number)
{
	int same;

	about_to_run(seed, number);
	case_print_command(&current);
	same = judge(&current, 0);
	judge_print(&current);
	printf(same ? "the same\n" : "DIVERGENCE\n");
	return same;
}

static int
parse_number(const char *text, char after, uint64_t *number, const char **rest)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (rest != NULL)
		*rest = end + 1;
	return errno == 0 && end != text && *text != '-' && *end == after;
}

struct options {
	const char *corpus, *force;
	uint64_t cases, seed, replay_seed, replay_case;
	int control, replay, by_hand, datagrams;
};

static int
parse_option(struct options *options, int letter, const char *argument)
{
	const char *rest;

	switch (letter) {
	case 'g': options->datagrams = 1; return 1;
	case 'c': options->control = 1; return 1;
	case 'f': options->corpus = argument; return 1;
	case 'n': return parse_number(argument, '\0', &options->cases, NULL);
	case 's':
		if (strcmp(argument, "fresh") == 0) {
			options->seed = (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
			return 1;
		}
		return parse_number(argument, '\0', &options->seed, NULL);
	case 'r':
		options->replay = 1;
		return parse_number(argument, ':', &options->replay_seed, &rest) &&
		    parse_number(rest, '\0', &options->replay_case, NULL);
	case 'o': options->force = argument; return 1;
	case 'u': options->by_hand = 1; return case_parse_setup(&current, argument);
	case 'd': options->by_hand = 1; return case_parse_read(&current, argument);
	default: return 0;
	}
}

static int
parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "datagrams", no_argument, NULL, 'g' },
		{ "control", no_argument, NULL, 'c' },
		{ "corpus", required_argument, NULL, 'f' },
		{ "cases", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "replay", required_argument, NULL, 'r' },
		{ "setup", required_argument, NULL, 'u' },
		{ "datagram", required_argument, NULL, 'd' },
		{ "force", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!parse_option(options, letter, optarg)) {
			fprintf(
			    stderr, "differential: cannot read %s\n%s", argv[optind - 1], usage);
			return 0;
		}
	}
	if (optind < argc)
		fputs(usage, stderr);
	return optind == argc;
}

static int
run_as_told(const struct options *options)
{
	if (options->by_hand)
		return run_one(0, 0);
	if (!corpus_open(options->corpus))
		return 0;
	if (options->datagrams)
		return datagrams_run(options->seed, options->cases);
	if (!options->replay)
		return run_many(options->seed, options->cases, options->force);
	return make_case(options->replay_seed, options->replay_case, options->force) &&
	    run_one(options->replay_seed, options->replay_case);
}

int
main(int argc, char **argv)
{
	struct options options = { "ctests/corpus/clienthellos.txt", NULL, 10000, 1, 0, 0, 0, 0, 0,
		0 };
	int fine;

	case_reset(&current);
	if (!parse_options(&options, argc, argv))
		return 2;
	signal(SIGSEGV, crashed);
	signal(SIGABRT, crashed);
	signal(SIGBUS, crashed);
	if (!sides_open(options.control) || !identity_open() || !script_open() || !sockets_open())
		return 2;
	deliberate_open();
	fine = run_as_told(&options);
	sides_close();
	script_close();
	sockets_close();
	identity_close();
	return fine ? 0 : 1;
}
