// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/view.c - gathers what is shown of a policy; decides nothing.
 */
#include "daemon/view.h"
#include "daemon/accept.h"
#include "daemon/capture_glue.h"
#include "daemon/revision.h"
#include "daemon/roots.h"
#include "daemon/schedule.h"
#include "daemon/verify.h"
#include "daemon/target_end.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#include <stdio.h>

static void run_fill(const struct tm_run_rec *r, struct tm_api_run *a)
{
	*a = (struct tm_api_run){
		.id = r->id,
		.kind = tm_run_kind_name(r->kind),
		.result = tm_run_result_name(r->result),
		.error = r->error,
		.started_ns = r->started_ns,
		.finished_ns = r->finished_ns,
		.batches = r->batches,
		.files = r->files,
		.deleted = r->deleted,
		.renamed = r->renamed,
		.payload_bytes = r->payload_bytes,
		.wire_bytes = r->wire_bytes,
		.read_bytes = r->read_bytes,
		.verified_files = r->verified_files,
		.verified_bytes = r->verified_bytes,
		.mismatched = r->mismatched,
	};
}

static void detail_text(const struct tm_policy *p, const struct tm_status_in *in, enum tm_status s,
			char *buf, size_t cap)
{
	buf[0] = 0;
	if (p->rec.role == TM_REC_TARGET && p->peer.known && p->peer.status == s && p->peer.why[0] &&
	    p->rec.hold == TM_REC_HOLD_NONE) {
		tm_text_set(buf, cap, "at the source: %s", p->peer.why);
		return;
	}
	switch (s) {
	case TM_STATUS_FINISHED:
		if (tm_status_in_sync(in) && p->rec.continuous)
			tm_text_set(buf, cap, "in sync");
		break;
	case TM_STATUS_REPLICATING:
		if (!p->rec.first_done)
			tm_text_set(buf, cap, "first sync");
		else if (p->verify)
			tm_text_set(buf, cap, "verifying: %llu files compared, %llu differ",
				    (unsigned long long)p->run.verified_files,
				    (unsigned long long)p->run.mismatched);
		break;
	case TM_STATUS_INCOMPLETE:
		tm_text_set(buf, cap, "%s: %s is being reconciled", p->rec.incomplete_reason,
			    p->rec.incomplete_scope);
		break;
	case TM_STATUS_REJECTED:
	case TM_STATUS_STOPPED: tm_text_set(buf, cap, "%s", p->rec.hold_text); break;
	case TM_STATUS_FAILED:
		tm_text_set(buf, cap, "%s",
			    p->rec.auth == TM_REC_DELETED     ? p->rec.last_error
			    : p->rec.hold != TM_REC_HOLD_NONE ? p->rec.hold_text
			    : p->broken[0]		      ? p->broken
							      : p->untracked_why);
		break;
	case TM_STATUS_DISABLED:
		if (p->rec.enabled)
			tm_text_set(buf, cap, "%s", p->rec.last_error);
		break;
	case TM_STATUS_DISCONNECTED:
		if (p->peer.known && p->peer.status == TM_STATUS_STOPPED && p->peer.why[0])
			tm_text_set(buf, cap, "it stopped at the other side: %s", p->peer.why);
		else
			tm_text_set(buf, cap, "%s", p->rec.last_error);
		break;
	default: break;
	}
}

static void fill_progress(const struct tm_policy *p, const struct tm_status_in *in,
			  struct tm_api_policy *a)
{
	const struct tm_ctl_progress *g = &p->prog;
	bool busy = in->in_work && in->connected;
	uint64_t elapsed = p->rate_start_ms ? tm_mono_ms() - p->rate_start_ms : 0, left;

	a->progress.percent = -1;
	a->progress.seconds_left = -1;
	a->progress.files_done = g->files_done;
	a->progress.files_total = TM_MAX(g->files_total, g->files_done);
	a->progress.bytes_done = g->bytes_done;
	a->progress.bytes_total = TM_MAX(g->bytes_total, g->bytes_done);
	if (!busy) {
		if (in->finished && !in->wanted && !in->in_work)
			a->progress.percent = 100;
		return;
	}
	a->progress.rate_now = p->rate_now;
	a->progress.rate_average = elapsed ? g->bytes_done * 1000 / elapsed : 0;
	if (a->progress.bytes_total)
		a->progress.percent = (int)TM_MIN(
			a->progress.bytes_done * 100 / a->progress.bytes_total, (uint64_t)99);
	else if (a->progress.files_total)
		a->progress.percent = (int)TM_MIN(
			a->progress.files_done * 100 / a->progress.files_total, (uint64_t)99);
	left = a->progress.bytes_total - a->progress.bytes_done;
	if (a->progress.rate_average && a->progress.bytes_total)
		a->progress.seconds_left = (int64_t)(left / a->progress.rate_average);
}

static void fill_ends(const struct tm_policy *p, struct tm_api_policy *a)
{
	const struct tm_daemon *d = p->d;

	a->source_dir = p->rec.source_dir;
	a->target_dir = p->rec.target_dir;
	if (p->rec.role == TM_REC_SOURCE) {
		a->source_cluster = d->cfg.cluster;
		a->target_cluster = p->rec.peer_cluster;
		a->target_address = p->rec.address;
		a->target_port = p->rec.port;
	} else {
		a->source_cluster = p->rec.peer_cluster;
		a->target_cluster = d->cfg.cluster;
		a->target_address = d->cfg.listen_address;
		a->target_port = tm_listener_port(d) ?: d->cfg.listen_port;
	}
}

static void fill_capture(const struct tm_policy *p, struct tm_api_policy *a)
{
	struct tm_capture_stats st;

	a->capture.backend = tm_glue_backend(p->d);
	tm_glue_stats(p, &st);
	a->capture.seen = st.seen;
	a->capture.queued = st.queued;
	a->capture.coalesced = st.coalesced;
	a->capture.dropped = st.dropped;
	a->capture.incomplete_ns = p->rec.incomplete_ns;
	a->capture.reason = p->rec.incomplete_reason;
	a->capture.scope = p->rec.incomplete_scope;
}

static void fill_request(const struct tm_policy *p, struct tm_api_policy *a)
{
	_cleanup_close_ int fd = -EBADF;

	if (p->rec.role != TM_REC_TARGET || p->rec.auth != TM_REC_AWAITING)
		return;
	a->request.shown = true;
	a->request.address = p->rec.address;
	a->request.est_files = p->rec.est_files;
	a->request.est_bytes = p->rec.est_bytes;
	a->request.since_ns = p->rec.created_ns;
	fd = tm_open_admin_dir(p->rec.target_dir);
	a->request.target_exists = fd >= 0;
	if (fd >= 0)
		a->request.target_entries =
			(uint64_t)TM_MAX(tm_root_entries(fd, 10000), (int64_t)0);
}

json_t *tm_view_policy(struct tm_policy *p)
{
	char detail[TM_REC_TEXT_MAX + TM_REC_PATH_MAX], fp[TM_FINGERPRINT_LEN];
	char revision[TM_REVISION_LEN];
	struct tm_status_in in;
	struct tm_api_run run;
	struct tm_api_policy a = { .name = p->rec.name, .id = p->id_hex };
	enum tm_status s;

	tm_schedule_refresh(p);
	tm_policy_status_in(p, &in);
	s = tm_status_derive(&in);
	detail_text(p, &in, s, detail, sizeof(detail));
	a.role = tm_rec_role_name(p->rec.role);
	a.status = tm_status_name(s);
	a.status_detail = detail;
	a.status_ns = s == TM_STATUS_FINISHED			  ? p->rec.finished_ns
		      : s == TM_STATUS_INCOMPLETE		  ? p->rec.incomplete_ns
		      : s == TM_STATUS_REPLICATING && p->run_open ? p->run.started_ns
								  : p->rec.status_ns;
	fill_ends(p, &a);
	a.continuous = p->rec.continuous;
	a.recovery_ns = p->rec.recovery_ns;
	a.last_error = p->rec.last_error;
	if (p->run.started_ns) {
		run_fill(&p->run, &run);
		a.last_run = &run;
	}
	a.totals.batches = p->rec.totals.batches;
	a.totals.rescans = p->rec.totals.rescans;
	a.totals.files = p->rec.totals.files;
	a.totals.payload_bytes = p->rec.totals.payload_bytes;
	a.totals.wire_bytes = p->rec.totals.wire_bytes;
	a.totals.read_bytes = p->rec.totals.read_bytes;
	a.totals.sendfile_bytes = p->rec.totals.sendfile_bytes;
	a.totals.ktls_bytes = p->rec.totals.ktls_bytes;
	a.totals.copy_bytes = p->rec.totals.copy_bytes;
	fill_progress(p, &in, &a);
	fill_capture(p, &a);
	a.pending = p->bl ? tm_backlog_count(p->bl) : 0;
	a.in_flight = p->bl && p->bl->inflight ? tm_change_set_count(p->bl->inflight) : 0;
	a.failures = p->n_failures;
	a.in_sync = tm_status_in_sync(&in);
	a.enabled = p->rec.enabled;
	a.connected = in.connected;
	a.created_ns = p->rec.created_ns;
	tm_key_fingerprint(p->rec.peer_key, fp);
	a.peer_fingerprint = fp;
	a.peer_cluster = p->rec.peer_cluster;
	a.allow_devices = p->rec.allow_devices;
	a.allow_suid = p->rec.allow_suid;
	a.revision = tm_policy_revision(p, revision);
	a.lag_ms = tm_view_lag_ms(p);
	fill_request(p, &a);
	return tm_api_policy_json(&a);
}

json_t *tm_view_policies(struct tm_daemon *d)
{
	json_t *list = json_array();

	tm_policy_foreach(d,
			  p) if (!p->embryo && json_array_append_new(list, tm_view_policy(p)) < 0)
	{
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *tm_view_requests(struct tm_daemon *d)
{
	json_t *list = json_array();

	tm_policy_foreach(d, p)
	{
		if (p->embryo || p->rec.role != TM_REC_TARGET || p->rec.auth != TM_REC_AWAITING)
			continue;
		if (json_array_append_new(list, tm_view_policy(p)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int by_seq_down(const void *a, const void *b)
{
	const struct tm_failure *x = *(const struct tm_failure *const *)a;
	const struct tm_failure *y = *(const struct tm_failure *const *)b;

	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

static json_t *failure_json(const struct tm_failure *f)
{
	static const char *const ops[] = { "?", "read", "torn", "refused", "write", "verify" };
	const struct tm_api_failure a = {
		.id = f->seq,
		.time_ns = f->time_ns,
		.path = f->path,
		.path_len = f->path_len,
		.op = ops[f->op < TM_ARRAY_SIZE(ops) ? f->op : 0],
		.err = f->err,
		.text = f->op == TM_FAIL_DIFFERS ? tm_verify_text(f->err) : NULL,
	};

	return tm_api_failure_json(&a);
}

json_t *tm_view_failures(const struct tm_policy *p, const struct tm_page *at)
{
	const struct tm_failure *rows[TM_FAILURES_MAX];
	json_t *list = json_array();
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n_failures; i++)
		if (!at->before || p->failures[i].seq < at->before)
			rows[n++] = &p->failures[i];
	qsort(rows, n, sizeof(*rows), by_seq_down);
	for (unsigned int i = 0; i < TM_MIN(n, at->limit); i++)
		if (json_array_append_new(list, failure_json(rows[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int add_run(const struct tm_run_rec *r, void *arg)
{
	struct tm_api_run a;

	run_fill(r, &a);
	return json_array_append_new(arg, tm_api_run_json(&a)) < 0 ? -ENOMEM : 0;
}

json_t *tm_view_runs(struct tm_policy *p, const struct tm_page *at)
{
	json_t *list = json_array();

	/* What is running is counted in memory: bring its row up to date. */
	if (p->run_save_due)
		(void)tm_policy_save(p);
	if (!list || p->d->store->ops->run_each(p->d->store, p->rec.id, at->limit, at->before,
						add_run, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *tm_view_run(const struct tm_policy *p)
{
	struct tm_api_run a;
	json_t *o;

	run_fill(&p->run, &a);
	o = tm_api_run_json(&a);
	if (tm_api_set_str(o, "policy", p->id_hex) < 0 ||
	    tm_api_set_str(o, "name", p->rec.name) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

int64_t tm_view_lag_ms(const struct tm_policy *p)
{
	if (p->rec.auth != TM_REC_AUTHORIZED || !p->rec.recovery_ns)
		return -1;
	if (p->rec.role == TM_REC_TARGET) {
		/* What the source has and did not send yet is not known here. */
		if (!tm_target_end_busy(p))
			return -1;
	} else {
		if (!p->bl || !p->tracked)
			return -1;
		if (tm_backlog_clean(p->bl))
			return 0;
	}
	return TM_MAX(tm_wall_ns() - p->rec.recovery_ns, (int64_t)0) / 1000000;
}
