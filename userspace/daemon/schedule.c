// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/schedule.c - hands out sets, takes their results, decides when a run is over.
 */
#include "daemon/schedule.h"
#include "daemon/capture_glue.h"
#include "daemon/handover.h"
#include "daemon/peer_state.h"
#include "daemon/runs.h"
#include "daemon/supervisor.h"
#include "daemon/tune.h"
#include "daemon/verify.h"
#include "daemon/waiters.h"

#include <stdio.h>

#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS   30000
#define RETRY_SYNC_MS  250 /* while somebody waits for it */
#define RUN_RETRIES    4
#define BARRIER_AGE_NS ((int64_t)1000000000)
#define ABORT_GRACE_MS 10000

static bool has_pending(const struct tm_policy *p)
{
	return !tm_change_set_empty(p->bl->pending);
}

static bool has_retry(const struct tm_policy *p)
{
	return !tm_change_set_empty(p->bl->retry);
}

static int on_pace(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	tm_schedule_look(arg);
	return 0;
}

static void look_in(struct tm_policy *p, uint64_t ms)
{
	(void)tm_timer_set(p->d, &p->pace_timer, ms, on_pace, p);
}

/* Would anything be handed out, were the worker idle? */
static bool may_hand(const struct tm_policy *p)
{
	return tm_policy_active(p) && p->bl && p->tracked && !p->root_bad &&
	       p->rec.hold == TM_REC_HOLD_NONE;
}

int tm_schedule_change(struct tm_policy *p, const struct tm_change *c)
{
	int r, armed = SD_EVENT_OFF;

	if (!p->bl)
		return 0; /* not authorized any more: nothing is owed */
	r = tm_backlog_add(p->bl, c);
	if (r < 0)
		return r;
	/* Not now: we are inside a drain, and more is coming. */
	if (p->pace_timer)
		(void)sd_event_source_get_enabled(p->pace_timer, &armed);
	if (p->rec.continuous && armed == SD_EVENT_OFF && may_hand(p))
		look_in(p, 0);
	return 0;
}

static enum tm_run_kind run_kind(const struct tm_policy *p)
{
	if (!p->rec.first_done)
		return TM_RUN_FIRST;
	if (p->verify || (p->run_open && p->run.kind == TM_RUN_VERIFY))
		return TM_RUN_VERIFY;
	if (p->rec.incomplete_ns)
		return TM_RUN_HEAL;
	return p->rec.run_wanted || !p->rec.continuous ? TM_RUN_MANUAL : TM_RUN_CONTINUOUS;
}

/* Does this very moment's pending set heal what is incomplete, or complete the first sync? */
static void note_purpose(struct tm_policy *p)
{
	uint64_t next = p->bl->set_id + 1;

	if (!p->rec.first_done && tm_change_set_all(p->bl->pending, NULL))
		p->all_set = next;
	if (p->rec.incomplete_ns && tm_backlog_heals(p->bl)) {
		p->heal_set = next;
		if (p->rec.first_done && !p->rescan_counted) {
			p->rescan_counted = true;
			p->rec.totals.rescans++;
			(void)tm_policy_save(p);
		}
	}
}

static void hand_out(struct tm_policy *p, bool with_retry)
{
	int64_t barrier_ns = tm_glue_barrier_ns(p->d);
	int r;

	note_purpose(p);
	tm_run_begin(p, run_kind(p));
	tm_run_new_set(p);
	r = tm_backlog_take(p->bl, with_retry);
	if (r < 0) {
		tm_policy_error(p, "no set can be made: %s", strerror(-r));
		look_in(p, RETRY_FIRST_MS);
		return;
	}
	p->last_hand_ms = p->taken_ms = tm_mono_ms();
	p->taken_ns = barrier_ns;
	p->session_idle = false;
	p->set_confirmed = p->rec.run_confirmed;
	/* Not of the small ones that follow each other quickly. */
	if (!p->rec.continuous || !p->rec.first_done || p->rec.incomplete_ns)
		tm_peer_state_tell(p);
	r = tm_handover_set(p);
	if (r < 0) {
		tm_policy_error(p, "the set cannot be handed to the worker: %s", strerror(-r));
		tm_worker_kill(p->w);
	}
}

/* A run that finds nothing to do is finished. */
static void run_finished(struct tm_policy *p, int64_t recovery_ns)
{
	char buf[TM_REC_TEXT_MAX];
	const char *text = NULL;

	if (p->run_open && p->run.kind == TM_RUN_VERIFY)
		text = tm_verify_summary(p, buf, sizeof(buf));
	p->rec.finished_ns = p->rec.status_ns = tm_wall_ns();
	p->rec.recovery_ns = TM_MAX(p->rec.recovery_ns, recovery_ns);
	p->rec.run_wanted = p->rec.run_confirmed = false;
	p->run_retries = 0;
	tm_policy_error(p, NULL);
	tm_run_end(p, TM_RUN_FINISHED, text);
	if (p->rec.continuous)
		tm_policy_save_later(p);
	else
		(void)tm_policy_save(p);
	tm_waiters_run_over(p);
}

void tm_schedule_look(struct tm_policy *p)
{
	bool asked, retry_due;
	uint64_t now = tm_mono_ms();

	tm_waiters_tracked(p);
	if (!may_hand(p) || p->bl->out || !p->session_idle || p->conn != TM_CONN_SESSION || !p->w ||
	    p->worker_stale)
		return;
	if (tm_verify_turn(p, has_pending(p)) && !tm_waiters_sync(p)) {
		tm_verify_hand(p);
		return;
	}
	/* A manual run that a sync began goes on to its end when nobody waits any more. */
	asked = p->rec.run_wanted || tm_waiters_sync(p) ||
		(!p->rec.continuous && p->run_open && !p->verify);
	if (!p->rec.continuous && !asked)
		return;
	retry_due = has_retry(p) && (now >= p->retry_at_ms || tm_waiters_sync(p));
	if (!asked && now < p->last_hand_ms + p->d->cfg.batch_interval_ms) {
		look_in(p, p->last_hand_ms + p->d->cfg.batch_interval_ms - now);
		return;
	}
	/*
	 * A barrier costs a grace period: always for a run that was asked for, else once a
	 * second, for an honest recovery point.
	 */
	if (asked || ((has_pending(p) || retry_due) &&
		      tm_wall_ns() - tm_glue_barrier_ns(p->d) > BARRIER_AGE_NS))
		(void)tm_glue_drain(p->d, true, NULL);
	if (!has_pending(p) && !retry_due) {
		if (has_retry(p))
			look_in(p, p->retry_at_ms - now);
		else if (asked && p->rec.first_done && !p->rec.incomplete_ns && p->verify) {
			p->rec.run_wanted = p->rec.run_confirmed = false;
			tm_verify_hand(p);
		} else if (asked && p->rec.first_done && !p->rec.incomplete_ns) {
			tm_run_begin(p, run_kind(p));
			run_finished(p, tm_glue_barrier_ns(p->d));
		}
		return;
	}
	/* A sync retries what is torn often, but not in a loop without a pause. */
	if (!has_pending(p) && now < p->last_hand_ms + RETRY_SYNC_MS && p->retries) {
		look_in(p, p->last_hand_ms + RETRY_SYNC_MS - now);
		return;
	}
	hand_out(p, retry_due || asked);
}

void tm_schedule_idle(struct tm_policy *p, bool fresh)
{
	if (p->bl && p->bl->out) {
		/* Given up by the worker: aborted, or stopped. */
		(void)tm_backlog_fail(p->bl);
		p->heal_set = p->all_set = 0;
		tm_verify_lost(p);
	}
	p->aborting = false;
	p->session_idle = true;
	if (fresh && p->bl)
		tm_schedule_target_fresh(p);
	tm_tune_look(p);
	tm_schedule_look(p);
}

void tm_schedule_lost(struct tm_policy *p)
{
	p->session_idle = false;
	p->aborting = false;
	p->rate_now = 0;
	if (p->bl && p->bl->out)
		(void)tm_backlog_fail(p->bl);
	p->heal_set = p->all_set = 0;
	tm_verify_lost(p);
}

void tm_schedule_requeue(struct tm_policy *p, const struct tm_change *c)
{
	int r;

	if (!p->bl || !p->bl->out)
		return;
	if (!tm_verify_requeue(p, c, &r))
		r = tm_backlog_torn(p->bl, c);
	if (r < 0)
		/* Not remembered as torn: then the set must not count as done. */
		tm_worker_kill(p->w);
}

/*
 * What a done set means for healing and the first sync. True: the record changed in a way that
 * must be stored.
 */
static bool note_progress(struct tm_policy *p, uint64_t set_id)
{
	bool save = false;

	if (p->all_set && p->all_set <= set_id) {
		p->rec.first_done = true;
		p->all_set = 0;
		save = true;
	}
	if (p->heal_set && p->heal_set <= set_id) {
		tm_notice("%s: reconciled after \"%s\"", p->rec.name, p->rec.incomplete_reason);
		p->rec.incomplete_ns = 0;
		p->rec.incomplete_reason[0] = p->rec.incomplete_scope[0] = 0;
		p->heal_set = 0;
		p->rescan_counted = false;
		save = true;
	}
	if (save)
		p->rec.heal_suspect = false;
	return save;
}

static void note_torn(struct tm_policy *p, bool torn)
{
	uint64_t delay;

	if (!torn) {
		if (!has_retry(p))
			p->retries = 0;
		return;
	}
	delay = (uint64_t)RETRY_FIRST_MS << TM_MIN(p->retries, 5u);
	p->retries++;
	p->retry_at_ms = tm_mono_ms() + TM_MIN(delay, (uint64_t)RETRY_MAX_MS);
	tm_policy_error(
		p, "%zu changes could not be replicated yet and are tried again: see the failures",
		tm_change_set_count(p->bl->retry));
}

/* A slice of a comparison was the set: it says nothing about what was pending. */
static void note_verify(struct tm_policy *p)
{
	char buf[TM_REC_TEXT_MAX];

	if (!tm_verify_done(p))
		return;
	if (!p->verify_repair) {
		tm_run_end(p, TM_RUN_FINISHED, tm_verify_summary(p, buf, sizeof(buf)));
		tm_waiters_run_over(p);
	} else if (has_retry(p)) {
		/* What could not be repaired at once is tried again, as in any run. */
		p->rec.run_wanted = true;
	} else {
		run_finished(p, 0);
	}
}

/* Is the run over with this set? */
static void note_run(struct tm_policy *p)
{
	bool wanted = p->rec.run_wanted;

	if (p->verify) {
		tm_verify_next(p);
		if (!has_retry(p))
			p->rec.run_wanted = false;
		return;
	}

	if (!has_retry(p) && (wanted || !has_pending(p) || !p->rec.continuous)) {
		run_finished(p, p->taken_ns);
		return;
	}
	if (!has_retry(p) || p->rec.continuous || tm_waiters_sync(p) ||
	    ++p->run_retries < RUN_RETRIES)
		return;
	p->rec.run_wanted = p->rec.run_confirmed = false;
	tm_policy_hold(p, TM_REC_HOLD_FAILED,
		       "%zu changes could not be replicated: see the failures",
		       tm_change_set_count(p->bl->retry));
	tm_run_end(p, TM_RUN_FAILED, p->rec.hold_text);
	tm_waiters_run_over(p);
}

void tm_schedule_done(struct tm_policy *p, const struct tm_ctl_done *done)
{
	bool torn, slice = tm_verify_flying(p);

	if (!p->bl || !p->bl->out || done->set_id != p->bl->set_id) {
		tm_worker_break(p->w, TM_C_DONE);
		return;
	}
	p->full = false;
	torn = !tm_change_set_empty(p->bl->torn);
	/*
	 * Stored before the journal forgets: after a crash in between everything is only looked
	 * at once more.
	 */
	if (note_progress(p, done->set_id))
		(void)tm_policy_save(p);
	(void)tm_backlog_done(p->bl);
	p->rec.run_confirmed = false;
	note_torn(p, torn);
	if (!has_retry(p) && !slice) {
		p->rec.recovery_ns = TM_MAX(p->rec.recovery_ns, p->taken_ns);
		tm_policy_failures_expire(p, p->taken_ns, !p->rec.finished_ns);
	}
	tm_policy_save_later(p);
	if (slice)
		note_verify(p);
	else if (p->rec.hold == TM_REC_HOLD_NONE)
		note_run(p);
	tm_waiters_done(p, done->set_id, has_retry(p));
	/* The next set waits for the worker's IDLE. */
}

void tm_schedule_stopped(struct tm_policy *p, const struct tm_msg_stop *stop)
{
	if (!p->bl)
		return;
	if (p->bl->out)
		(void)tm_backlog_fail(p->bl);
	p->heal_set = p->all_set = 0;
	tm_verify_drop(p);
	p->rec.run_wanted = p->rec.run_confirmed = false;
	tm_policy_hold(p, TM_REC_HOLD_STOPPED, "%s",
		       stop->text[0] ? stop->text : "stopped on suspicion");
	tm_run_end(p, TM_RUN_STOPPED, p->rec.hold_text);
	tm_waiters_fail(p, "stopped", p->rec.hold_text);
	tm_waiters_run_over(p);
}

static void go_on(struct tm_policy *p)
{
	if (p->rec.hold != TM_REC_HOLD_NONE) {
		p->rec.hold = TM_REC_HOLD_NONE;
		p->rec.hold_text[0] = 0;
		tm_policy_error(p, NULL);
	}
}

int tm_schedule_verify(struct tm_policy *p, bool repair)
{
	int r = tm_verify_start(p, repair);

	if (r < 0)
		return r;
	go_on(p);
	/* To compare what is still on its way says nothing: it goes first. */
	p->rec.run_wanted |= repair;
	p->rec.status_ns = tm_wall_ns();
	p->run_retries = p->retries = 0;
	p->retry_at_ms = 0;
	return tm_policy_save(p);
}

int tm_schedule_replicate(struct tm_policy *p, bool confirmed)
{
	go_on(p);
	p->rec.run_wanted = true;
	p->rec.run_confirmed = p->rec.run_confirmed || confirmed;
	p->rec.status_ns = tm_wall_ns();
	p->run_retries = p->retries = 0;
	p->retry_at_ms = 0;
	if (!p->run_open)
		tm_run_begin(p, run_kind(p));
	return tm_policy_save(p);
}

static int on_abort_grace(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_policy *p = arg;

	(void)s;
	(void)usec;
	if (p->aborting && p->w)
		tm_worker_kill(p->w);
	return 0;
}

void tm_schedule_cancel(struct tm_policy *p, enum tm_run_result result, const char *why)
{
	tm_verify_drop(p);
	p->rec.run_wanted = p->rec.run_confirmed = false;
	if (p->bl && p->bl->out && p->w && !p->aborting) {
		p->aborting = true;
		(void)tm_worker_send(p->w, TM_C_ABORT, NULL, -1);
		(void)tm_timer_set(p->d, &p->pace_timer, ABORT_GRACE_MS, on_abort_grace, p);
	}
	tm_run_end(p, result, why);
	tm_waiters_fail(p, result == TM_RUN_STOPPED ? "stopped" : "failed", why);
	tm_waiters_run_over(p);
}

void tm_schedule_abort(struct tm_policy *p, const char *who)
{
	tm_policy_hold(p, TM_REC_HOLD_ABORTED, "aborted by %s", who);
	tm_schedule_cancel(p, TM_RUN_ABORTED, p->rec.hold_text);
}

void tm_schedule_refresh(struct tm_policy *p)
{
	if (!p->bl || !p->tracked || !p->rec.first_done || p->rec.incomplete_ns ||
	    p->rec.finished_ns == 0)
		return;
	if (tm_wall_ns() - tm_glue_barrier_ns(p->d) > BARRIER_AGE_NS)
		(void)tm_glue_drain(p->d, true, NULL);
	/* Nothing owed at a barrier: the target has everything up to it. */
	if (tm_backlog_clean(p->bl) && !p->rec.incomplete_ns)
		p->rec.recovery_ns = TM_MAX(p->rec.recovery_ns, tm_glue_barrier_ns(p->d));
}
