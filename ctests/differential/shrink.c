/* Whatever can be taken away from a case without the two sides agreeing again is taken away. */

#include <string.h>

#include "judge.h"

enum { MOST_TRIES = 6000 };

static int tries;
static struct dcase trial;

/* Keeps the trial when it still diverges. */
static int
keep(struct dcase *c)
{
	if (tries >= MOST_TRIES)
		return 0;
	tries++;
	if (judge(&trial, 0))
		return 0;
	case_copy(c, &trial);
	return 1;
}

static int
drop_parts(struct dcase *c)
{
	int changed = 0;

	for (size_t i = c->nreads; i-- > 0;) {
		case_copy(&trial, c);
		case_drop_read(&trial, i);
		changed |= keep(c);
	}
	for (size_t i = strlen(c->steps); i-- > 0;) {
		case_copy(&trial, c);
		memmove(trial.steps + i, trial.steps + i + 1, strlen(trial.steps + i));
		changed |= keep(c);
	}
	while (c->nwrites > 0) {
		case_copy(&trial, c);
		trial.nwrites--;
		if (!keep(c))
			break;
		changed = 1;
	}
	while (c->nflushes > 0) {
		case_copy(&trial, c);
		trial.nflushes--;
		if (!keep(c))
			break;
		changed = 1;
	}
	return changed;
}

static int
simplify_fields(struct dcase *c)
{
	int changed = 0;

	for (size_t i = 0; i < case_field_count; i++) {
		if (*case_field(c, i) == case_field_default(i))
			continue;
		case_copy(&trial, c);
		*case_field(&trial, i) = case_field_default(i);
		changed |= keep(c);
	}
	return changed;
}

static int
cut_tail(struct dcase *c, size_t read)
{
	int changed = 0;

	for (size_t cut = c->reads[read].len / 2; cut > 0; cut /= 2) {
		while (c->reads[read].len > cut) {
			case_copy(&trial, c);
			trial.reads[read].len -= cut;
			if (!keep(c))
				break;
			changed = 1;
		}
	}
	return changed;
}

static int
zero_bytes(struct dcase *c, size_t read)
{
	int changed = 0;
	size_t len = c->reads[read].len;

	for (size_t chunk = len > 32 ? 32 : len; chunk > 0; chunk /= 4) {
		for (size_t at = 0; at + chunk <= len; at += chunk) {
			unsigned char *bytes;

			case_copy(&trial, c);
			bytes = trial.pool + trial.reads[read].at + at;
			if (bytes[0] == 0 && memcmp(bytes, bytes + 1, chunk - 1) == 0)
				continue;
			memset(bytes, 0, chunk);
			changed |= keep(c);
		}
	}
	return changed;
}

void
shrink(struct dcase *c)
{
	int changed;

	tries = 0;
	do {
		changed = drop_parts(c);
		changed |= simplify_fields(c);
		for (size_t i = 0; i < c->nreads; i++) {
			if (c->reads[i].kind != READ_DATA)
				continue;
			changed |= cut_tail(c, i);
			changed |= zero_bytes(c, i);
		}
	} while (changed && tries < MOST_TRIES);
}
