// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/waiters.c - policy sync and wait.
 *
 * A sync is a barrier at its arrival: everything that took effect before is drained into the
 * backlog, and the answer waits for a set taken after that to be done with nothing torn. Later
 * changes never extend it. With fanotify, which is blind to some writes, a metadata pass over
 * everything (ALL) joins that set.
 */
#include "daemon/waiters.h"
#include "daemon/capture_glue.h"
#include "daemon/rest.h"
#include "daemon/schedule.h"
#include "daemon/source_end.h"
#include "daemon/view.h"

#define NEED_BARRIER UINT64_MAX

static void waiter_free(struct tm_waiter *w)
{
	struct tm_waiter **at = &w->p->waiters;

	for (; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			break;
		}
	sd_event_source_disable_unref(w->timer);
	free(w);
}

static void answer_synced(struct tm_waiter *w)
{
	struct tm_call *call = w->call;
	json_t *o = json_object();

	if (tm_api_set_bool(o, "synced", true) < 0 ||
	    tm_api_set_time(o, "recovery_point", w->p->rec.recovery_ns) < 0 ||
	    tm_api_set_u64(o, "milliseconds", tm_mono_ms() - w->start_ms) < 0) {
		json_decref(o);
		o = NULL;
	}
	waiter_free(w);
	tm_call_reply(call, 200, o);
}

static void answer_policy(struct tm_waiter *w)
{
	struct tm_call *call = w->call;
	struct tm_policy *p = w->p;

	waiter_free(w);
	tm_call_reply(call, 200, tm_view_policy(p));
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_waiter *w = arg;
	struct tm_policy *p = w->p;
	struct tm_call *call = w->call;
	char why[TM_REC_TEXT_MAX + 160];

	(void)s;
	(void)usec;
	if (!w->is_sync) {
		answer_policy(w);
		return 0;
	}
	tm_text_set(why, sizeof(why),
		    "the target does not have everything yet: %llu changes are pending%s%s",
		    (unsigned long long)(p->bl ? tm_backlog_count(p->bl) : 0),
		    p->rec.last_error[0] ? "; " : "", p->rec.last_error);
	waiter_free(w);
	tm_call_problem(call, 504, "timeout", "%s", why);
	/* What was tried often for its sake is tried a few times more, and then the run is over. */
	if (!tm_waiters_sync(p))
		p->retries = 0;
	tm_schedule_look(p);
	return 0;
}

bool tm_waiters_sync(const struct tm_policy *p)
{
	for (const struct tm_waiter *w = p->waiters; w; w = w->next)
		if (w->is_sync)
			return true;
	return false;
}

/* Take the barrier and say which set must be done; true: it is so already. */
static bool sync_barrier(struct tm_waiter *w)
{
	struct tm_policy *p = w->p;

	w->need_set = NEED_BARRIER;
	if (!p->bl || !p->tracked || tm_glue_drain(p->d, true, NULL) < 0)
		return false;
	if (tm_glue_is_fanotify(p->d) && tm_backlog_add_all(p->bl, 0) < 0)
		return false;
	if (!tm_change_set_empty(p->bl->pending) || !tm_change_set_empty(p->bl->retry))
		w->need_set = p->bl->set_id + 1;
	else if (p->bl->out)
		w->need_set = p->bl->set_id;
	else
		return p->rec.first_done && !p->rec.incomplete_ns;
	return false;
}

static int waiter_new(struct tm_policy *p, struct tm_call *call, bool is_sync, uint64_t timeout_ms,
		      struct tm_waiter **ret)
{
	struct tm_waiter *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct tm_waiter){ .p = p,
				 .call = call,
				 .is_sync = is_sync,
				 .start_ms = tm_mono_ms(),
				 .next = p->waiters };
	r = tm_timer_set(p->d, &w->timer, timeout_ms, on_timeout, w);
	if (r < 0) {
		free(w);
		return r;
	}
	p->waiters = w;
	*ret = w;
	return 0;
}

static void waiter_gone(struct tm_call *c, void *arg)
{
	tm_schedule_forget(arg, c);
}

int tm_schedule_sync(struct tm_policy *p, struct tm_call *call, uint64_t timeout_ms)
{
	struct tm_waiter *w;
	int r = waiter_new(p, call, true, timeout_ms, &w);

	if (r < 0)
		return r;
	if (sync_barrier(w)) {
		p->rec.recovery_ns = TM_MAX(p->rec.recovery_ns, tm_glue_barrier_ns(p->d));
		answer_synced(w);
		return 0;
	}
	tm_call_defer(call, waiter_gone, p);
	/* Whoever waits has perhaps mended what kept the connection away. */
	tm_source_end_hurry(p);
	tm_schedule_look(p);
	return 0;
}

int tm_schedule_wait(struct tm_policy *p, struct tm_call *call, int64_t run_id, uint64_t timeout_ms)
{
	struct tm_waiter *w;
	bool over = !p->run_open && !p->rec.run_wanted;
	int r;

	if (over || (run_id && p->run.id > run_id)) {
		tm_call_reply(call, 200, tm_view_policy(p));
		return 0;
	}
	r = waiter_new(p, call, false, timeout_ms, &w);
	if (r < 0)
		return r;
	w->run_id = run_id;
	tm_call_defer(call, waiter_gone, p);
	return 0;
}

void tm_schedule_forget(struct tm_policy *p, struct tm_call *call)
{
	for (struct tm_waiter *w = p->waiters; w; w = w->next)
		if (w->call == call) {
			waiter_free(w);
			return;
		}
}

void tm_waiters_done(struct tm_policy *p, uint64_t set_id, bool torn)
{
	struct tm_waiter *next;

	for (struct tm_waiter *w = p->waiters; w; w = next) {
		next = w->next;
		if (!w->is_sync || w->need_set > set_id)
			continue;
		if (torn)
			w->need_set = set_id + 1;
		else
			answer_synced(w);
	}
}

void tm_waiters_tracked(struct tm_policy *p)
{
	struct tm_waiter *next;

	if (!p->tracked)
		return;

	for (struct tm_waiter *w = p->waiters; w; w = next) {
		next = w->next;
		if (w->is_sync && w->need_set == NEED_BARRIER && sync_barrier(w))
			answer_synced(w);
	}
}

void tm_waiters_run_over(struct tm_policy *p)
{
	struct tm_waiter *next;

	for (struct tm_waiter *w = p->waiters; w; w = next) {
		next = w->next;
		if (!w->is_sync)
			answer_policy(w);
	}
}

void tm_waiters_fail(struct tm_policy *p, const char *code, const char *why)
{
	struct tm_waiter *next;

	for (struct tm_waiter *w = p->waiters; w; w = next) {
		struct tm_call *call = w->call;

		next = w->next;
		if (!w->is_sync)
			continue;
		waiter_free(w);
		tm_call_problem(call, 409, code, "%s", why);
	}
	if (p->doomed)
		tm_waiters_run_over(p);
}
