#include <stdio.h>

#include "coverage.h"
#include "deliberate.h"
#include "judge.h"

static struct log log_ours, log_expected;

static void
run_ours(const struct dcase *c)
{
	/* libssl in our place crashes where ours takes a NULL peer. */
	struct rewrite rewrite = { .give_room = sides_are_control() };

	run_case(&ours, c, &rewrite, &log_ours, NULL);
}

int
judge(const struct dcase *c, int count)
{
	int as_told = deliberate_expectation(c, &log_expected, count ? coverage_note : NULL);

	if (count)
		coverage_flights(&log_expected);
	run_ours(c);
	return as_told && log_compare(&log_ours, &log_expected) < 0;
}

void
judge_print(const struct dcase *c)
{
	long mark;

	if (!deliberate_expectation(c, &log_expected, NULL))
		printf("libssl did not clear the peer as "
		       "ctests/differential/deliberate.c says\n");
	run_ours(c);
	mark = log_compare(&log_ours, &log_expected);
	if (mark < 0)
		printf("  (run again, the two agree: if they did not before, "
		       "something was carried over from an earlier case)\n");
	printf("  %s:\n", ours.name);
	log_print(&log_ours, mark);
	printf("  %s (deliberate differences applied):\n", reference.name);
	log_print(&log_expected, mark);
}
