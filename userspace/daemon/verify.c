// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/verify.c - hands out slices of a comparison and says what came of it; see verify.h.
 */
#include "daemon/verify.h"
#include "daemon/handover.h"
#include "daemon/runs.h"
#include "daemon/supervisor.h"
#include "daemon/waiters.h"

#include <stdio.h>

struct tm_verify {
	bool repair;
	bool turn; /* an ordinary set was the last one */
	struct tm_change_set *left; /* still to be compared */
	struct tm_change_set *out;  /* the slice in flight */
};

static void verify_free(struct tm_verify *v)
{
	if (!v)
		return;
	tm_change_set_free(v->left);
	tm_change_set_free(v->out);
	free(v);
}

void tm_verify_drop(struct tm_policy *p)
{
	verify_free(p->verify);
	p->verify = NULL;
}

int tm_verify_start(struct tm_policy *p, bool repair)
{
	const struct tm_change all = { .kind = TM_CHANGE_ALL, .flags = TM_CF_COMPARE };
	struct tm_verify *v;

	if (!p->bl || tm_verify_flying(p))
		return -EBUSY;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	*v = (struct tm_verify){ .repair = repair, .turn = true, .left = tm_change_set_new(0),
				 .out = tm_change_set_new(0) };
	if (!v->left || !v->out || tm_change_set_add(v->left, &all) < 0) {
		verify_free(v);
		return -ENOMEM;
	}
	tm_verify_drop(p);
	p->verify = v;
	p->verify_repair = repair;
	tm_policy_failures_verified(p);
	/* A continuous policy's run has no end of its own: it ends here. */
	if (p->run_open && p->run.kind == TM_RUN_CONTINUOUS)
		tm_run_end(p, TM_RUN_FINISHED, NULL);
	tm_run_begin(p, TM_RUN_VERIFY);
	p->run.verified_files = p->run.verified_bytes = p->run.mismatched = 0;
	return 0;
}

bool tm_verify_flying(const struct tm_policy *p)
{
	return p->verify_flying;
}

bool tm_verify_turn(const struct tm_policy *p, bool pending)
{
	const struct tm_verify *v = p->verify;

	if (!v || p->verify_flying || p->rec.run_wanted || !p->rec.first_done || p->rec.incomplete_ns)
		return false;
	/* What a manual policy owes waits for its own run, unless this one repairs. */
	return v->turn || !pending || !p->rec.continuous;
}

static void give_up(struct tm_policy *p, const char *why)
{
	tm_verify_drop(p);
	tm_run_end(p, TM_RUN_FAILED, why);
	tm_waiters_run_over(p);
}

void tm_verify_hand(struct tm_policy *p)
{
	struct tm_verify *v = p->verify;
	struct tm_change_set *t = v->out;
	int r;

	if (!(p->features & TM_FEATURE_COMPARE)) {
		give_up(p, "the target's tidemark is too old to compare contents");
		return;
	}
	r = tm_backlog_take_nothing(p->bl);
	if (r < 0)
		return;
	tm_run_begin(p, TM_RUN_VERIFY);
	tm_run_new_set(p);
	v->out = v->left;
	v->left = t;
	tm_change_set_clear(v->left);
	p->verify_flying = true;
	v->turn = false;
	p->last_hand_ms = p->taken_ms = tm_mono_ms();
	p->taken_ns = tm_wall_ns();
	p->session_idle = false;
	r = tm_handover_compare(p, v->out, !v->repair);
	if (r < 0) {
		tm_policy_error(p, "the set cannot be handed to the worker: %s", strerror(-r));
		tm_worker_kill(p->w);
	}
}

bool tm_verify_requeue(struct tm_policy *p, const struct tm_change *c, int *ret)
{
	int r;

	*ret = 0;
	if (!(c->flags & TM_CF_COMPARE))
		return false;
	if (p->verify && p->verify_flying) {
		r = tm_change_set_add(p->verify->left, c);
		*ret = r < 0 ? r : 0;
	}
	return true;
}

bool tm_verify_done(struct tm_policy *p)
{
	struct tm_verify *v = p->verify;

	p->verify_flying = false;
	/* Dropped while it was on its way. */
	if (!v)
		return false;
	tm_change_set_clear(v->out);
	if (!tm_change_set_empty(v->left))
		return false;
	tm_verify_drop(p);
	return true;
}

void tm_verify_lost(struct tm_policy *p)
{
	struct tm_verify *v = p->verify;
	bool flying = p->verify_flying;

	p->verify_flying = false;
	if (!v || !flying)
		return;
	/* What was given back of it is part of it. */
	if (tm_change_set_merge(v->left, v->out) < 0)
		give_up(p, "out of memory");
	else
		tm_change_set_clear(v->out);
}

void tm_verify_next(struct tm_policy *p)
{
	if (p->verify)
		p->verify->turn = true;
}

const char *tm_verify_summary(const struct tm_policy *p, char *buf, size_t cap)
{
	unsigned long long n = p->run.mismatched;

	if (!n)
		return NULL;
	if (p->verify_repair)
		tm_text_set(buf, cap, "%llu difference%s found on the target and repaired", n,
			    n == 1 ? " was" : "s were");
	else
		tm_text_set(buf, cap,
			    "%llu difference%s found on the target, nothing was changed: see the failures",
			    n, n == 1 ? " was" : "s were");
	return buf;
}

const char *tm_verify_text(int err)
{
	switch (err < 0 ? -err : err) {
	case EILSEQ: return "its content differs on the target";
	case ENOENT: return "it is missing on the target, or something else is in its place";
	case EEXIST: return "it is only on the target";
	default: return "its owner, mode, times or attributes differ on the target";
	}
}
