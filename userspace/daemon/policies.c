// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/policies.c - the list of policies, their records in the store, and what follows from a change.
 */
#include "daemon/capture_glue.h"
#include "daemon/estimate.h"
#include "daemon/events.h"
#include "daemon/pairing.h"
#include "daemon/peer_state.h"
#include "daemon/rest.h"
#include "daemon/roots.h"
#include "daemon/runs.h"
#include "daemon/schedule.h"
#include "daemon/source_end.h"
#include "daemon/supervisor.h"
#include "daemon/target_end.h"
#include "daemon/verify.h"
#include "daemon/view.h"
#include "daemon/watch.h"
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

#define SAVE_DELAY_MS 2000

struct tm_policy *tm_policy_new(struct tm_daemon *d, const struct tm_policy_rec *rec)
{
	struct tm_policy *p = calloc(1, sizeof(*p)), **at = &d->policies;

	if (!p)
		return NULL;
	p->d = d;
	p->rec = *rec;
	p->pair_sock = -EBADF;
	tm_hex(rec->id, sizeof(rec->id), p->id_hex);
	while (*at)
		at = &(*at)->next;
	*at = p;
	return p;
}

void tm_policy_free(struct tm_policy *p)
{
	struct tm_policy **at = &p->d->policies;

	if (p->create_call)
		tm_call_problem(tm_take_ptr(p->create_call), 503, "busy", "the daemon ends");
	tm_watch_gone(p);
	tm_estimate_forget(p);
	tm_pairing_source_end(p, 0, "");
	tm_source_end_drop(p);
	tm_target_end_drop(p);
	tm_pairing_target_forget(p);
	tm_glue_untrack(p);
	tm_schedule_close(p);
	sd_event_source_disable_unref(p->save_timer);
	for (unsigned int i = 0; i < p->n_failures; i++)
		free(p->failures[i].path);
	free(p->failures);
	free(p->series);
	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	explicit_bzero(&p->rec, sizeof(p->rec));
	free(p);
}

static int load_one(const struct tm_policy_rec *rec, void *arg)
{
	return tm_policy_new(arg, rec) ? 0 : -ENOMEM;
}

static int load_run(const struct tm_run_rec *r, void *arg)
{
	struct tm_policy *p = arg;

	p->run = *r;
	/* Cut off by the end of the last daemon: it goes on. A comparison does not. */
	p->run_open = r->result == TM_RUN_RUNNING;
	if (p->run_open && r->kind == TM_RUN_VERIFY)
		tm_run_end(p, TM_RUN_FAILED, "the daemon was restarted meanwhile");
	return 1;
}

int tm_policies_load(struct tm_daemon *d)
{
	char last[TM_BOOT_ID_LEN] = "", clean[TM_BOOT_ID_LEN] = "";
	int r;

	(void)d->store->ops->meta_get(d->store, "boot_id", last, sizeof(last));
	(void)d->store->ops->meta_get(d->store, "clean_stop", clean, sizeof(clean));
	d->new_boot = !tm_streq(last, d->boot_id);
	d->clean_boot = last[0] && tm_streq(last, clean);
	r = d->store->ops->policy_each(d->store, load_one, d);
	if (r < 0)
		return r;
	tm_policy_foreach(d, p)
	{
		(void)d->store->ops->run_each(d->store, p->rec.id, 1, 0, load_run, p);
		if (p->rec.role == TM_REC_SOURCE && p->rec.auth == TM_REC_AUTHORIZED)
			(void)tm_schedule_open(p);
	}
	/* Only now: every policy has noted what the new boot means for it. */
	r = d->store->ops->meta_put(d->store, "boot_id", d->boot_id);
	if (r == 0)
		r = d->store->ops->meta_put(d->store, "clean_stop", "");
	return r;
}

void tm_policies_free(struct tm_daemon *d)
{
	while (d->policies)
		tm_policy_free(d->policies);
}

struct tm_policy *tm_policy_by_id(struct tm_daemon *d, const uint8_t id[TM_POLICY_ID_LEN])
{
	tm_policy_foreach(d, p) if (memcmp(p->rec.id, id, TM_POLICY_ID_LEN) == 0) return p;
	return NULL;
}

int tm_policy_save(struct tm_policy *p)
{
	int r;

	if (p->embryo || p->doomed)
		return 0;
	tm_watch_poke(p->d);
	r = p->d->store->ops->policy_put(p->d->store, &p->rec);
	if (r < 0) {
		tm_err("%s: cannot be stored: %s", p->rec.name, strerror(-r));
		return r;
	}
	p->save_due = false;
	if (p->run_save_due)
		tm_run_store(p);
	return 0;
}

static int on_save(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_policy *p = arg;

	(void)s;
	(void)usec;
	if (p->save_due && tm_policy_save(p) < 0)
		tm_policy_save_later(p);
	return 0;
}

void tm_policy_save_later(struct tm_policy *p)
{
	int armed = SD_EVENT_OFF;

	if (p->embryo || p->doomed)
		return;
	tm_watch_poke(p->d);
	p->save_due = true;
	if (p->save_timer)
		(void)sd_event_source_get_enabled(p->save_timer, &armed);
	if (armed == SD_EVENT_OFF)
		(void)tm_timer_set(p->d, &p->save_timer, SAVE_DELAY_MS, on_save, p);
}

void tm_policy_error(struct tm_policy *p, const char *fmt, ...)
{
	char text[TM_REC_TEXT_MAX] = "";
	va_list ap;

	if (fmt && *fmt) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
	}
	if (tm_streq(p->rec.last_error, text))
		return;
	strcpy(p->rec.last_error, text);
	if (text[0])
		tm_warn("%s: %s", p->rec.name, text);
	tm_policy_save_later(p);
}

void tm_policy_hold(struct tm_policy *p, enum tm_rec_hold hold, const char *fmt, ...)
{
	va_list ap;

	p->rec.hold = hold;
	p->rec.hold_text[0] = 0;
	p->rec.status_ns = tm_wall_ns();
	if (fmt && *fmt) {
		va_start(ap, fmt);
		(void)vsnprintf(p->rec.hold_text, sizeof(p->rec.hold_text), fmt, ap);
		va_end(ap);
	}
	if (hold != TM_REC_HOLD_NONE)
		tm_policy_error(p, "%s", p->rec.hold_text);
	(void)tm_policy_save(p);
}

uint32_t tm_policy_uid_index(struct tm_daemon *d)
{
	for (uint32_t i = 0;; i++) {
		bool used = false;

		tm_policy_foreach(d, p) used = used || p->rec.uid_index == i;
		if (!used)
			return i;
	}
}

static bool failure_same(const struct tm_failure *f, const struct tm_ctl_file_failed *m, size_t len)
{
	return f->op == m->op && f->path_len == len && memcmp(f->path, m->path, len) == 0;
}

/* Found and mended: told, not kept. */
static void tell_repaired(const struct tm_policy *p, const struct tm_ctl_file_failed *m)
{
	_cleanup_free_ char *path = tm_escape(m->path, strlen(m->path));

	tm_notice("%s: %s: %s; repaired", p->rec.name, path ?: "?", tm_verify_text(m->err));
}

void tm_policy_failure(struct tm_policy *p, const struct tm_ctl_file_failed *m)
{
	size_t len = strlen(m->path);
	struct tm_failure *f = NULL;
	char *path;

	if (m->op == TM_FAIL_REPAIRED) {
		tell_repaired(p, m);
		return;
	}
	if (!p->failures)
		p->failures = calloc(TM_FAILURES_MAX, sizeof(*p->failures));
	path = strdup(m->path);
	if (!p->failures || !path) {
		free(path);
		return;
	}
	for (unsigned int i = 0; i < p->n_failures && !f; i++)
		if (failure_same(&p->failures[i], m, len))
			f = &p->failures[i];
	if (!f && p->n_failures < TM_FAILURES_MAX) {
		f = &p->failures[p->n_failures++];
		/* What is left there since the list shrank belongs to nobody, or to another slot. */
		f->path = NULL;
	}
	if (!f) {
		f = &p->failures[p->next_failure];
		p->next_failure = (p->next_failure + 1) % TM_FAILURES_MAX;
	}
	free(f->path);
	*f = (struct tm_failure){ .seq = ++p->failure_seq,
				  .time_ns = tm_wall_ns(),
				  .op = m->op,
				  .err = m->err,
				  .path_len = (uint32_t)len,
				  .path = path };
}

void tm_policy_failures_verified(struct tm_policy *p)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < p->n_failures; i++) {
		if (p->failures[i].op == TM_FAIL_DIFFERS)
			free(p->failures[i].path);
		else
			p->failures[kept++] = p->failures[i];
	}
	p->n_failures = kept;
	p->next_failure = 0;
}

void tm_policy_failures_expire(struct tm_policy *p, int64_t before_ns, bool all)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < p->n_failures; i++) {
		struct tm_failure *f = &p->failures[i];

		/* A difference stays until somebody looks again. */
		if (f->time_ns < before_ns && f->op != TM_FAIL_DIFFERS && (all || f->op != 3))
			free(f->path);
		else
			p->failures[kept++] = *f;
	}
	p->n_failures = kept;
	p->next_failure = 0;
}

bool tm_policy_active(const struct tm_policy *p)
{
	return p->rec.auth == TM_REC_AUTHORIZED && p->rec.enabled && !p->doomed && !p->embryo &&
	       !p->d->stopping;
}

void tm_policy_status_in(const struct tm_policy *p, struct tm_status_in *ret)
{
	bool source = p->rec.role == TM_REC_SOURCE;

	*ret = (struct tm_status_in){
		.role = p->rec.role,
		.auth = p->rec.auth,
		.hold = p->rec.hold,
		.enabled = p->rec.enabled,
		.continuous = p->rec.continuous,
		.first_done = p->rec.first_done,
		.finished = p->rec.finished_ns != 0,
		.incomplete = p->rec.incomplete_ns != 0,
		.connected = p->conn == TM_CONN_SESSION,
		.lost = p->lost,
		.broken = p->broken[0] != 0 || (source && p->untracked_why[0]),
		.wanted = p->rec.run_wanted,
		.tracked = p->tracked,
		.peer_known = p->peer.known,
		.peer = p->peer.status,
	};
	if (source && p->bl) {
		ret->in_work = p->bl->out || p->verify;
		ret->dirty =
			!tm_change_set_empty(p->bl->pending) || !tm_change_set_empty(p->bl->retry);
	} else if (!source) {
		ret->in_work = tm_target_end_busy(p);
	}
}

const char *tm_policy_peer_name(const struct tm_policy *p, char buf[96])
{
	char fp[TM_FINGERPRINT_LEN];

	tm_key_fingerprint(p->rec.peer_key, fp);
	snprintf(buf, 96, "%s (%.16s)",
		 p->rec.peer_cluster[0] ? p->rec.peer_cluster : "the other side", fp);
	return buf;
}

void tm_audit(struct tm_daemon *d, const char *who, const char *action, const struct tm_policy *p,
	      const char *fmt, ...)
{
	struct tm_audit_rec a = { .time_ns = tm_wall_ns() };
	va_list ap;
	int r;

	tm_text_set(a.who, sizeof(a.who), "%s", who);
	tm_text_set(a.action, sizeof(a.action), "%s", action);
	if (p) {
		memcpy(a.id, p->rec.id, sizeof(a.id));
		memcpy(a.name, p->rec.name, sizeof(a.name));
	}
	va_start(ap, fmt);
	(void)vsnprintf(a.detail, sizeof(a.detail), fmt, ap);
	va_end(ap);
	tm_notice("%s: %s by %s%s%s", p ? p->rec.name : "tidemarkd", action, who,
		  a.detail[0] ? ": " : "", a.detail);
	r = d->store->ops->audit_add(d->store, &a);
	if (r < 0)
		tm_err("the audit log cannot be written: %s", strerror(-r));
	else
		tm_events_publish(d, "audit", tm_view_audit_row(&a));
}

void tm_policy_update(struct tm_policy *p)
{
	if (p->embryo || p->doomed || p->d->stopping)
		return;
	tm_pairing_source_update(p);
	if (p->rec.role == TM_REC_TARGET) {
		tm_target_end_update(p);
		return;
	}
	/* Disabled policies keep tracking: enabling them again must not need a scan. */
	if (p->rec.auth == TM_REC_AUTHORIZED && !p->root_bad) {
		if (!p->bl)
			(void)tm_schedule_open(p);
		tm_glue_track(p);
	} else {
		tm_glue_untrack(p);
	}
	tm_source_end_update(p);
	tm_schedule_look(p);
}

int tm_policy_delete(struct tm_policy *p, bool *ret_told)
{
	struct tm_daemon *d = p->d;
	bool told = false;
	char why[160];
	int r;

	r = d->store->ops->policy_del(d->store, p->rec.id, true);
	if (r < 0)
		return r;
	tm_text_set(why, sizeof(why), "deleted on the other side (%s)", d->cfg.cluster);
	p->doomed = true;
	tm_schedule_cancel(p, TM_RUN_ABORTED, "the policy was deleted");
	if (p->rec.auth != TM_REC_DELETED) {
		told = tm_pairing_target_tell(p, TM_PAIR_DELETED, why);
		told = tm_pairing_source_end(p, TM_NOTICE_DELETED, why) || told;
		told = tm_source_end_stop(p, TM_NOTICE_DELETED, why) || told;
		told = tm_target_end_stop(p, TM_NOTICE_DELETED, why) || told;
	}
	if (p->rec.role == TM_REC_SOURCE)
		tm_schedule_wipe(p);
	tm_policy_free(p);
	*ret_told = told;
	return 0;
}

void tm_policy_noticed(struct tm_policy *p, const struct tm_msg_text *t)
{
	struct tm_status_in in;
	char peer[96];

	switch (t->code) {
	case TM_NOTICE_DELETED:
		tm_schedule_cancel(p, TM_RUN_FAILED, "the policy was deleted on the other side");
		p->rec.auth = TM_REC_DELETED;
		p->rec.status_ns = tm_wall_ns();
		tm_policy_error(p, "deleted on the other side by %s", tm_policy_peer_name(p, peer));
		(void)tm_policy_save(p);
		tm_policy_update(p);
		break;
	case TM_NOTICE_ABORTED:
		/* What was over before the word came is not aborted. */
		tm_policy_status_in(p, &in);
		if (p->rec.role == TM_REC_SOURCE && p->rec.hold == TM_REC_HOLD_NONE &&
		    (p->rec.continuous || in.in_work || in.wanted))
			tm_schedule_abort(p, t->text[0] ? t->text : "the target's admin");
		break;
	case TM_NOTICE_STATE: tm_peer_state_heard(p, t->text); break;
	case TM_NOTICE_DISABLED:
		p->peer = (struct tm_peer_state){ .known = true, .status = TM_STATUS_DISABLED };
		tm_policy_error(p, "disabled on the other side by %s",
				tm_policy_peer_name(p, peer));
		break;
	case TM_NOTICE_SHUTDOWN:
		tm_policy_error(p, "the daemon on the other side (%s) stops",
				tm_policy_peer_name(p, peer));
		break;
	default: tm_info("%s: the other side says: %s", p->rec.name, t->text);
	}
}
