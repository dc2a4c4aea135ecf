// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/runs.c - keeping the accounts of runs.
 */
#include "daemon/runs.h"
#include "daemon/watch.h"

#define ROW_SHARED_NS  ((int64_t)60 * 1000000000)
#define RATE_WINDOW_MS 1000

void tm_run_store(struct tm_policy *p)
{
	int r;

	p->run_save_due = false;
	if (p->embryo || p->doomed || p->run.started_ns == 0)
		return;
	r = p->d->store->ops->run_put(p->d->store, p->rec.id, &p->run);
	if (r < 0)
		tm_err("%s: its history cannot be written: %s", p->rec.name, strerror(-r));
}

void tm_run_begin(struct tm_policy *p, enum tm_run_kind kind)
{
	int64_t now = tm_wall_ns();

	tm_watch_poke(p->d);
	if (p->run_open) {
		/* The end of a run cut short by a lost connection or daemon is still its own. */
		if (kind != TM_RUN_CONTINUOUS)
			p->run.kind = kind;
		return;
	}
	p->run_open = true;
	if (kind == TM_RUN_CONTINUOUS && p->run.kind == TM_RUN_CONTINUOUS &&
	    p->run.result == TM_RUN_FINISHED && now - p->run.started_ns < ROW_SHARED_NS) {
		p->run.result = TM_RUN_RUNNING;
		p->run.finished_ns = 0;
		return;
	}
	p->run = (struct tm_run_rec){ .kind = kind, .result = TM_RUN_RUNNING, .started_ns = now };
	p->run_retries = 0;
	tm_run_store(p);
}

void tm_run_end(struct tm_policy *p, enum tm_run_result result, const char *error)
{
	if (!p->run_open)
		return;
	tm_watch_poke(p->d);
	p->run_open = false;
	p->run.result = result;
	p->run.finished_ns = tm_wall_ns();
	tm_text_set(p->run.error, sizeof(p->run.error), "%s", error ?: "");
	if (p->run.kind == TM_RUN_CONTINUOUS && result == TM_RUN_FINISHED) {
		p->run_save_due = true;
		tm_policy_save_later(p);
	} else {
		tm_run_store(p);
		tm_info("%s: %s run %s%s%s: %llu files, %llu deleted, %llu renamed, %llu bytes of data, "
			"%llu on the wire",
			p->rec.name, tm_run_kind_name(p->run.kind), tm_run_result_name(result),
			*p->run.error ? ": " : "", p->run.error, (unsigned long long)p->run.files,
			(unsigned long long)p->run.deleted, (unsigned long long)p->run.renamed,
			(unsigned long long)p->run.payload_bytes,
			(unsigned long long)p->run.wire_bytes);
	}
}

/* A counter never goes back; one that does is a new worker's whose start was missed: count from zero. */
static uint64_t delta(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static void count_rate(struct tm_policy *p, const struct tm_ctl_progress *m)
{
	uint64_t now = tm_mono_ms(), span = now - p->rate_mark_ms;

	if (p->rate_mark_ms == 0 || m->bytes_done < p->rate_mark_bytes) {
		p->rate_mark_ms = now;
		p->rate_mark_bytes = m->bytes_done;
		return;
	}
	if (span < RATE_WINDOW_MS)
		return;
	p->rate_now = (m->bytes_done - p->rate_mark_bytes) * 1000 / span;
	p->rate_mark_ms = now;
	p->rate_mark_bytes = m->bytes_done;
}

void tm_run_progress(struct tm_policy *p, const struct tm_ctl_progress *m)
{
	const struct tm_ctl_progress *c = &p->counted;
	struct tm_rec_totals *t = &p->rec.totals;
	struct tm_run_rec *run = &p->run;
	uint64_t batches = delta(m->batches, c->batches), files = delta(m->files, c->files);
	uint64_t payload = delta(m->payload_bytes, c->payload_bytes),
		 wire = delta(m->wire_bytes, c->wire_bytes);
	uint64_t rd = delta(m->read_bytes, c->read_bytes);

	t->batches += batches;
	t->files += files;
	t->payload_bytes += payload;
	t->wire_bytes += wire;
	t->read_bytes += rd;
	t->sendfile_bytes += delta(m->sendfile_bytes, c->sendfile_bytes);
	t->ktls_bytes += delta(m->ktls_bytes, c->ktls_bytes);
	t->copy_bytes += delta(m->copy_bytes, c->copy_bytes);
	if (run->started_ns) {
		run->batches += batches;
		run->files += files;
		run->deleted += delta(m->deleted, c->deleted);
		run->renamed += delta(m->renamed, c->renamed);
		run->payload_bytes += payload;
		run->wire_bytes += wire;
		run->read_bytes += rd;
		run->verified_files += delta(m->verified_files, c->verified_files);
		run->verified_bytes += delta(m->verified_bytes, c->verified_bytes);
		run->mismatched += delta(m->mismatched, c->mismatched);
	}
	count_rate(p, m);
	p->counted = p->prog = *m;
	if (batches) {
		p->run_save_due = p->run_save_due || p->run.started_ns;
		tm_policy_save_later(p);
	}
}

void tm_run_new_worker(struct tm_policy *p)
{
	uint64_t objects = p->prog.objects;

	memset(&p->counted, 0, sizeof(p->counted));
	memset(&p->prog, 0, sizeof(p->prog));
	p->prog.objects = objects;
}

void tm_run_new_set(struct tm_policy *p)
{
	p->prog.files_done = p->prog.files_total = p->prog.bytes_done = p->prog.bytes_total = 0;
	p->rate_now = p->rate_mark_bytes = p->rate_mark_ms = 0;
	p->rate_start_ms = tm_mono_ms();
}
