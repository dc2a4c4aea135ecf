/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/plan.h - from assertions to ordered steps. Pure: no file system, no database, no clock.
 *
 * Input: what the target has (struct tm_view) and what the batch says, with content already staged.
 * Output: steps that make the one into the other, in an order in which each is possible, and in
 * which no name is absent that exists before and after, except one name of a rename cycle of three
 * or more, and names whose new directory can only be settled by moving something out of order
 * (parent and child changing places).
 *
 * Rules: replacing is one rename over the old one or an exchange, never unlink and create. A
 * directory is never moved below itself: parents are settled first, top-down in the final tree.
 * Where something stands that moves elsewhere, the newcomer changes places with it, and what was
 * displaced goes on from where the newcomer came from.
 */
#ifndef TM_TARGET_PLAN_H
#define TM_TARGET_PLAN_H

#include "target/step.h"

/* On the target, in a listed directory, unknown to the table. */
struct tm_foreign {
	struct tm_place at;
	uint64_t tino;
};

struct tm_plan_in {
	const struct tm_view *view;
	const struct tm_batch *batch;
	struct tm_oid root;
	const struct tm_foreign *foreign;
	size_t n_foreign;
	bool lost_found;	/* the root has a lost+found of its file system: reserved */
};

struct tm_plan {
	struct tm_arena arena; /* names the planner made up */
	struct tm_step *steps;
	size_t n, cap;
	uint64_t files; /* objects made or changed */
	uint64_t renamed;
	uint64_t deleted; /* objects that are gone for good */
	uint64_t doomed;  /* objects that this batch parks or deletes, with all below them */
	uint64_t claimed; /* objects that this batch takes out of PARK, with all below them */
	bool held;	  /* contradicting sightings: nothing parked is deleted by this batch */
};

/* Returns 0, -ENOMEM, -E2BIG (too many steps), or an error of the view; free in all cases. */
int tm_plan_make(const struct tm_plan_in *in, struct tm_plan *ret);
void tm_plan_free(struct tm_plan *p); /* accepts a zeroed one */

#endif
