// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/watch.c - compares what each policy shows with what was last published.
 */
#include "daemon/watch.h"
#include "daemon/events.h"
#include "daemon/health.h"
#include "daemon/peer_state.h"
#include "daemon/revision.h"
#include "daemon/tune.h"
#include "daemon/view.h"

#define TICK_MS	    1000
#define POKE_MS	    20
#define STATUS_MS   200	 /* between two events of one policy, when its status changes */
#define PROGRESS_MS 1000 /* ... and when only its numbers do */

struct tm_watch {
	struct tm_daemon *d;
	sd_event_source *timer;
	uint64_t due_ms;
};

static int on_tick(sd_event_source *s, uint64_t usec, void *arg);

static void look_in(struct tm_watch *w, uint64_t ms)
{
	uint64_t due = tm_mono_ms() + ms;

	if (w->due_ms && w->due_ms <= due)
		return;
	w->due_ms = due;
	(void)tm_timer_set(w->d, &w->timer, ms, on_tick, w);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ULL;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	while (*s)
		h = mix(h, (uint8_t)*s++);
	return mix(h, 0x100);
}

/* Everything a policy object shows that moves. */
static uint64_t numbers(const struct tm_policy *p)
{
	const uint64_t v[] = {
		p->prog.files_done,	p->prog.bytes_done,	p->prog.files_total,
		p->prog.bytes_total,	p->rec.totals.batches,	p->rec.totals.wire_bytes,
		p->rec.totals.rescans,	p->n_failures,		(uint64_t)p->failure_seq,
		(uint64_t)p->conn,	p->lost,		(uint64_t)p->rec.recovery_ns,
		(uint64_t)p->run.id,	(uint64_t)p->run.result, (uint64_t)p->rec.incomplete_ns,
		p->bl ? tm_backlog_count(p->bl) : 0,		p->tracked,
		p->bl ? p->bl->out : 0,	(uint64_t)p->rec.status_ns,
	};
	uint64_t h = 0xcbf29ce484222325ULL;

	for (unsigned int i = 0; i < TM_ARRAY_SIZE(v); i++)
		h = mix(h, v[i]);
	h = mix_text(h, p->rec.last_error);
	h = mix_text(h, p->rec.hold_text);
	h = mix_text(h, p->broken);
	h = mix_text(h, p->peer.why);
	return mix_text(h, p->rec.peer_cluster);
}

static void look_at_run(struct tm_policy *p)
{
	struct tm_watch_seen *seen = &p->seen;

	if (!p->run.started_ns || !p->run.id ||
	    (seen->run_id == p->run.id && seen->run_result == (int)p->run.result))
		return;
	seen->run_id = p->run.id;
	seen->run_result = (int)p->run.result;
	tm_events_publish(p->d, "run", tm_view_run(p));
}

static void look_at(struct tm_watch *w, struct tm_policy *p)
{
	struct tm_watch_seen *seen = &p->seen;
	char revision[TM_REVISION_LEN];
	uint64_t now = tm_mono_ms(), sum = numbers(p), age = now - seen->told_ms;
	bool status = !tm_streq(tm_policy_revision(p, revision), seen->revision);

	if (!status && sum == seen->numbers)
		return;
	if (seen->told_ms && age < (status ? STATUS_MS : PROGRESS_MS)) {
		look_in(w, (status ? STATUS_MS : PROGRESS_MS) - age);
		return;
	}
	tm_events_publish(p->d, "policy", tm_view_policy(p));
	/* Making the view may have brought the recovery point up to date: that is told already. */
	(void)tm_policy_revision(p, seen->revision);
	seen->numbers = numbers(p);
	seen->told_ms = now;
	look_at_run(p);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_watch *w = arg;

	(void)s;
	(void)usec;
	w->due_ms = 0;
	tm_health_look(w->d);
	tm_policy_foreach(w->d, p)
	{
		if (p->embryo || p->doomed)
			continue;
		tm_tune_look(p);
		look_at(w, p);
		tm_peer_state_look(p);
	}
	look_in(w, TICK_MS);
	return 0;
}

void tm_watch_poke(struct tm_daemon *d)
{
	if (d->watch && !d->stopping)
		look_in(d->watch, POKE_MS);
}

void tm_watch_new(struct tm_policy *p)
{
	if (p->d->watch && !p->d->stopping)
		look_at(p->d->watch, p);
}

void tm_watch_gone(struct tm_policy *p)
{
	json_t *o;

	if (p->embryo || p->d->stopping || !p->d->events)
		return;
	o = json_object();
	(void)tm_api_set_str(o, "id", p->id_hex);
	(void)tm_api_set_str(o, "name", p->rec.name);
	tm_events_publish(p->d, "policy-deleted", o);
}

int tm_watch_start(struct tm_daemon *d)
{
	struct tm_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->d = d;
	d->watch = w;
	look_in(w, 0);
	return 0;
}

void tm_watch_free(struct tm_daemon *d)
{
	if (!d->watch)
		return;
	sd_event_source_disable_unref(d->watch->timer);
	free(d->watch);
	d->watch = NULL;
}
