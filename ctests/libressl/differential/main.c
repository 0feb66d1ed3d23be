/*
 * LibreSSL's DTLSv1_listen(), which is a macro over SSL_ctrl(), beside ours: the same datagrams, BIOs and callbacks for
 * both, and what an application can see compared.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliberate.h"
#include "kinds.h"
#include "run.h"

static const char usage[] =
    "usage: differential CERTIFICATE KEY [--cases N] [--seed S] [--only CASE] "
    "[--control] [--spoil WHAT]\n";

static struct {
	const char *certificate, *key, *spoil;
	unsigned long long cases, seed, only;
	int control, one;
} options = { .cases = 20000, .seed = 1 };

static int
read_options(int argc, char **argv)
{
	if (argc < 3)
		return 0;
	options.certificate = argv[1];
	options.key = argv[2];
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--control") == 0) {
			options.control = 1;
			continue;
		}
		if (i + 1 == argc)
			return 0;
		if (strcmp(argv[i], "--cases") == 0)
			options.cases = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			options.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0)
			options.one = 1, options.only = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--spoil") == 0)
			options.spoil = argv[++i];
		else
			return 0;
	}
	return 1;
}

/* What a comparison has to notice: the first place of our log that says this, said otherwise. */
static void
spoil(struct log *log)
{
	char *at = options.spoil != NULL ? strstr(log->text, options.spoil) : NULL;

	if (at != NULL)
		at[strlen(options.spoil) - 1] ^= 1;
}

static int
one_case(unsigned long long number, unsigned long *of_kind)
{
	static struct mcase c;
	static struct log mine, expected;
	struct ended first;
	int explained = 1;

	case_make(&c, options.seed, number);
	for (size_t i = 0; i < c.nreads; i++)
		if (c.reads[i].kind >= 0)
			of_kind[c.reads[i].kind]++;
	if (options.control)
		run_case(&plain, &c, 0, &expected, &first);
	else
		explained = deliberate_expectation(&c, &expected);
	run_case(&ours, &c, options.control ? 0 : 0xfeff, &mine, &first);
	spoil(&mine);
	if (options.one || !explained || !log_same(&mine, &expected)) {
		printf("\n%s: seed %llu, case %llu (--seed %llu --only %llu)\n",
		    options.one ? "case" : "DIVERGENCE", options.seed, number, options.seed,
		    number);
		case_print(&c);
		printf(
		    "expected, by what plain libssl does:\n%sours:\n%s", expected.text, mine.text);
	}
	return explained && log_same(&mine, &expected);
}

static int
report_kinds(const unsigned long *of_kind)
{
	int fine = 1;

	printf("datagrams of each of %zu kinds:\n", kinds_count());
	for (size_t i = 0; i < kinds_count(); i++) {
		printf("  %8lu  %s\n", of_kind[i], kinds_name(i));
		fine &= of_kind[i] * 100 >= options.cases || options.one;
	}
	return fine;
}

int
main(int argc, char **argv)
{
	enum { ENOUGH = 5 };
	unsigned long of_kind[64] = { 0 }, different = 0;
	unsigned long long number = 0, end;
	int fine;

	if (!read_options(argc, argv) || kinds_count() > 64) {
		fputs(usage, stderr);
		return 2;
	}
	worlds_open(options.certificate, options.key, options.control);
	if (!run_open() || !deliberate_open())
		return 2;
	if (options.one)
		number = options.only;
	end = options.one ? number + 1 : options.cases;
	for (; number < end && different < ENOUGH; number++)
		different += !one_case(number, of_kind);
	fine = different == 0;
	if (fine && !options.one) {
		fine = report_kinds(of_kind);
		fine &= options.control || deliberate_report((unsigned long)options.cases);
	}
	run_close();
	worlds_close();
	printf("\n%s, seed %llu: %llu cases, %lu divergences\n", SSLeay_version(SSLEAY_VERSION),
	    options.seed, number, different);
	printf(
	    "%llu passed, %lu failed\n", number - different, different + (different == 0 && !fine));
	return !fine;
}
