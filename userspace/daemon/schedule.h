/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/schedule.h - when a source policy's changes are handed out, and what a run, a sync and healing are.
 *
 * A set is everything pending at one moment. It is handed to the worker when that is idle and
 *	continuous mode	something is pending, at most every batch.interval
 *	manual mode	a run is wanted (replicate, or a sync)
 * A run ends when its set is done with nothing torn (after a few retries it fails instead). A sync ends
 * when a set that was taken after its barrier is done with nothing torn.
 */
#ifndef TM_DAEMON_SCHEDULE_H
#define TM_DAEMON_SCHEDULE_H

#include "daemon/daemon.h"

/* ---- events */

/* A captured change; durable when 0 is returned. */
int tm_schedule_change(struct tm_policy *p, const struct tm_change *c);
void tm_schedule_incomplete(struct tm_policy *p, const char *reason, const char *scope);
/* The root is tracked from now on; @resumed: and was all the time. */
void tm_schedule_tracked(struct tm_policy *p, bool resumed);
/* Open the journal and queue what is known to be missing. 0 or -errno (last_error says it). */
int tm_schedule_open(struct tm_policy *p);
void tm_schedule_close(struct tm_policy *p);
/* Remove the journal and its directory: the policy is deleted. */
void tm_schedule_wipe(struct tm_policy *p);

/* The worker is idle (session up, no set in work); @fresh: the target knows nothing, everything is owed. */
void tm_schedule_idle(struct tm_policy *p, bool fresh);
/* Part of it (tracking.c): a target that was in sync knows nothing any more. */
void tm_schedule_target_fresh(struct tm_policy *p);
/* The worker or its connection is gone: what was in flight is owed again. */
void tm_schedule_lost(struct tm_policy *p);
void tm_schedule_requeue(struct tm_policy *p, const struct tm_change *c);
void tm_schedule_done(struct tm_policy *p, const struct tm_ctl_done *done);
void tm_schedule_stopped(struct tm_policy *p, const struct tm_msg_stop *stop);
/* Look whether something is to be handed out now, or when. */
void tm_schedule_look(struct tm_policy *p);

/* ---- wishes of the admin */

/* Start a run, or join the one under way. */
int tm_schedule_replicate(struct tm_policy *p, bool confirmed);
/* Start a run that compares all contents, or begin it anew (-EBUSY: it is at it). */
int tm_schedule_verify(struct tm_policy *p, bool repair);
/* @who: for the text "aborted by WHO". */
void tm_schedule_abort(struct tm_policy *p, const char *who);
/* End what is in work because the policy is held, disabled or deleted; @result of the run. */
void tm_schedule_cancel(struct tm_policy *p, enum tm_run_result result, const char *why);
/* Answers @call when everything before now is on the target, or at the timeout. */
int tm_schedule_sync(struct tm_policy *p, struct tm_call *call, uint64_t timeout_ms);
/* Answers @call with the policy when run @run_id (0: the current one) is over, or at the timeout. */
int tm_schedule_wait(struct tm_policy *p, struct tm_call *call, int64_t run_id,
		     uint64_t timeout_ms);
/* The caller of a waiting call went away. */
void tm_schedule_forget(struct tm_policy *p, struct tm_call *call);
/* Bring the recovery point of an idle policy up to now, if nothing is pending (before it is shown). */
void tm_schedule_refresh(struct tm_policy *p);

#endif
