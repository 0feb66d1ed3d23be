/* Does ours do what libssl does? */

#ifndef DIFFERENTIAL_JUDGE_H
#define DIFFERENTIAL_JUDGE_H

#include "case.h"

/* 1 when the two sides agree on the case, deliberate differences applied. `count`: let it count as coverage. */
int judge(const struct dcase *c, int count);

/* Both sides of the case as text. */
void judge_print(const struct dcase *c);

/* Makes a diverging case as small as it gets, in place. */
void shrink(struct dcase *c);

#endif
