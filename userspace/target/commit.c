/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/commit.c - from the end of a batch to its effects: plan, brake, log, apply.
 *
 * Durability, in this order: staged inodes and bytes synced; log with trailer synced (that is the
 * commit, ACK may leave); steps applied; file system synced; table committed. The log is not reset:
 * the table's "applied" number says that it is history, the next batch overwrites it. A sync that
 * fails is never tried again: the worker ends.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fault.h"
#include "target/failpoint.h"
#include "target/target_int.h"

int tm_commit_plan(struct tm_target *t, struct tm_plan *plan)
{
	struct tm_plan_in in = { .view = tm_table_view(t->table),
				 .batch = &t->batch,
				 .root = t->dirs.root,
				 .lost_found = tm_has_lost_found(t->rootfd) };
	int r = tm_foreign_list(t);

	if (r < 0)
		return r;
	in.foreign = t->foreign;
	in.n_foreign = t->n_foreign;
	return tm_plan_make(&in, plan);
}

bool tm_commit_brake(struct tm_target *t, const struct tm_plan *plan, struct tm_msg_stop *ret)
{
	uint64_t objects = tm_table_meta(t->table, TM_META_COUNT), gone = t->doomed + plan->doomed;

	gone -= TM_MIN(gone, plan->claimed);
	if ((t->batch.head.flags & TM_BATCH_CONFIRMED) || !t->opts.brake_percent)
		return false;
	if (!plan->doomed || gone <= t->opts.brake_objects ||
	    (double)gone * 100 <= (double)objects * t->opts.brake_percent)
		return false;
	*ret = (struct tm_msg_stop){ .deletes = gone, .objects = objects };
	snprintf(
		ret->text, sizeof(ret->text),
		"this would delete %llu of %llu objects on the target; nothing was deleted, confirm to go on",
		(unsigned long long)gone, (unsigned long long)objects);
	return true;
}

int tm_commit_log(struct tm_target *t, const struct tm_plan *plan)
{
	int r;

	r = tm_stage_sync(t);
	tm_failpoint("staged");
	if (r == 0 && !t->log_begun)
		r = tm_clog_begin(t->log);
	for (size_t i = 0; i < plan->n && r == 0; i++)
		r = tm_clog_step(t->log, &plan->steps[i]);
	tm_failpoint("logged");
	/*
	 * A sync that fails may still have written the trailer: from here on only opening again can
	 * tell.
	 */
	t->in_doubt = r == 0;
	if (r == 0)
		r = tm_clog_commit(t->log, t->seq, t->batch.head.flags);
	tm_failpoint("committed");
	return r;
}

static int first_name(void *arg, struct tm_place at, struct tm_oid oid _unused_)
{
	char *name = arg;

	memcpy(name, at.name, at.len + 1);
	return 1;
}

/* Nothing stays in STAGE: what a failed step left there is unknown from now on. */
static int forget_staged(struct tm_target *t)
{
	const struct tm_view *view = tm_table_view(t->table);
	char name[TM_NAME_LEN_MAX + 1];
	int r;

	while ((r = view->children(view->ctx, TM_OID_STAGE, first_name, name)) == 1) {
		r = tm_table_drop(t->table,
				  (struct tm_place){ TM_OID_STAGE, name, (uint32_t)strlen(name) });
		if (r < 0)
			return r;
	}
	return r;
}

static int apply(struct tm_target *t, const struct tm_step *steps, size_t n, size_t done,
		 uint64_t seq, uint32_t flags)
{
	int r = tm_apply_steps(t, steps, n, done);

	tm_failpoint("applied");
	if (r == 0)
		r = forget_staged(t);
	if (r < 0)
		return r;
	/* All effects on disk before the table says so: until then the log can repeat them. */
	if (!tm_fault("fsync-off") && syncfs(t->rootfd) < 0)
		return -errno;
	tm_failpoint("synced");
	tm_table_meta_set(t->table, TM_META_APPLIED, seq);
	if (flags & TM_BATCH_LAST)
		tm_table_meta_set(t->table, TM_META_COMPLETE, 1);
	r = tm_table_commit(t->table);
	tm_failpoint("recorded");
	return r;
}

int tm_commit_apply(struct tm_target *t, const struct tm_step *steps, size_t n, size_t done,
		    uint64_t seq, uint32_t flags)
{
	int r;

	tm_dirs_reset(&t->dirs);
	r = tm_table_begin(t->table);
	if (r == 0)
		r = apply(t, steps, n, done, seq, flags);
	if (r < 0)
		tm_table_rollback(t->table);
	else
		t->in_doubt = false;
	tm_dirs_reset(&t->dirs);
	return r;
}
