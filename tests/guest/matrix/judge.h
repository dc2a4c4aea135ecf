/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/judge.h - what a cell came to.
 *
 * Ordered from bad to good; everything below OUT_NA is a failure.
 */
#ifndef TM_TESTS_MATRIX_JUDGE_H
#define TM_TESTS_MATRIX_JUDGE_H

#include "matrix.h"

enum outcome {
	OUT_BROKEN,	/* the row itself did not work */
	OUT_SILENT,	/* a change that no mark tells, and the root is not incomplete */
	OUT_STRAY,	/* a mark without a cause */
	OUT_UNLEVEL,	/* a version pair stayed open: reads would look torn for ever */
	OUT_NA,
	OUT_INCOMPLETE,	/* the root says so and will be compared */
	OUT_CONTAINED,	/* wider than the change */
	OUT_EXACT,
};

extern const char *const outcome_names[];
/* The outcome called @name, -1: none. */
int outcome_of(const char *name);

/* Forget the row before: causes, marks, replica. */
void judge_reset(void);
/* After the row: drain, bring the replica up to date, judge. Prints why as lines "# ...". */
enum outcome judge(const struct row *row);
const char *judge_na(void);	/* reason given to na(), "" */

#endif
