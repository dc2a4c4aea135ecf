// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/target_end.c - connections to a target policy: one worker each, one owner.
 */
#include "daemon/target_end.h"
#include "daemon/peer_state.h"
#include "daemon/roots.h"
#include "daemon/runs.h"
#include "daemon/schedule.h"
#include "daemon/supervisor.h"
#include "daemon/watch.h"
#include "lib/fd.h"

#include <stdio.h>

#define HANDSHAKES_MAX	   8	 /* per policy */
#define HANDSHAKE_SLACK_MS 10000 /* for the worker to start, beyond the handshake itself */
#define QUIET_MS	   1500 /* after the end of a batch: no other one follows, the source is through */
#define SILENT_MS	   3000 /* within a batch the worker has news several times a second */

struct tm_target_conn {
	struct tm_target_conn *next;
	struct tm_policy *p;
	struct tm_worker *w;
	int sock; /* until the worker is READY */
	bool authed;
	char cluster[TM_CLUSTER_LEN_MAX + 1];
	sd_event_source *deadline;
};

static void conn_free(struct tm_target_conn *c)
{
	struct tm_target_conn **at = &c->p->conns;

	for (; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	sd_event_source_disable_unref(c->deadline);
	tm_close(c->sock);
	free(c);
}

/* ---- who owns the session */

static void give_go(struct tm_target_conn *c)
{
	struct tm_policy *p = c->p;

	p->w = c->w;
	p->conn = TM_CONN_SESSION;
	tm_peer_state_begin(p);
	p->worker_stale = false;
	tm_watch_poke(p->d);
	p->lost = false;
	p->broken[0] = 0;
	tm_run_new_worker(p);
	if (p->rec.hold == TM_REC_HOLD_NONE)
		tm_policy_error(p, NULL);
	(void)tm_worker_send(c->w, TM_C_GO, NULL, -1);
	tm_info("%s: the source (%s) is connected", p->rec.name, c->cluster);
}

static void owner_gone(struct tm_policy *p)
{
	p->w = NULL;
	p->conn = TM_CONN_NONE;
	p->lost = !p->worker_stale;
	tm_watch_poke(p->d);
	tm_timer_off(&p->pace_timer);
	if (p->run_open)
		tm_run_end(p, p->prog.phase ? TM_RUN_FAILED : TM_RUN_FINISHED,
			   p->prog.phase ? "the connection ended within a batch" : NULL);
	/* The newest one that proved itself, if it was waiting for this end. */
	for (struct tm_target_conn *c = p->conns; c; c = c->next)
		if (c->authed && !tm_worker_stopping(c->w)) {
			give_go(c);
			return;
		}
}

static bool take_authed(struct tm_target_conn *c, struct tm_rd *r)
{
	struct tm_policy *p = c->p;
	struct tm_ctl_authed a;

	if (tm_ctl_authed_get(r, &a) < 0 || tm_rd_end(r) < 0 || c->authed ||
	    memcmp(a.key, p->rec.peer_key, sizeof(a.key)))
		return false;
	c->authed = true;
	tm_timer_off(&c->deadline);
	strcpy(c->cluster, a.cluster);
	p->ktls = a.ktls;
	if (!tm_streq(p->rec.peer_cluster, a.cluster)) {
		tm_text_set(p->rec.peer_cluster, sizeof(p->rec.peer_cluster), "%s", a.cluster);
		tm_policy_save_later(p);
	}
	/* A newer connection of the true source owns the policy: the older one ends, however busy it is. */
	for (struct tm_target_conn *o = p->conns; o; o = o->next)
		if (o != c && o->authed && o->w != p->w)
			tm_worker_kill(o->w);
	if (p->w)
		tm_worker_kill(p->w);
	else
		give_go(c);
	return true;
}

/* ---- news of the owner */

/*
 * A continuous source does not tell of each of its small sets: what follows nothing for a while was the end.
 * Of long ones it does, and knows better.
 */
static int on_quiet(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_policy *p = arg;

	(void)s;
	(void)usec;
	if (!p->run_open || tm_peer_state_busy(p))
		return 0;
	if (!p->peer.known) {
		p->rec.finished_ns = p->rec.status_ns = tm_wall_ns();
		p->rec.first_done = true;
	}
	tm_run_end(p, TM_RUN_FINISHED, NULL);
	tm_policy_save_later(p);
	return 0;
}

static void count_batch(struct tm_policy *p, const struct tm_ctl_progress *m)
{
	bool news = m->phase != 0 || m->batches != p->counted.batches;

	if (news && !p->run_open)
		tm_run_begin(p, !p->rec.first_done  ? TM_RUN_FIRST
				: p->rec.continuous ? TM_RUN_CONTINUOUS
						    : TM_RUN_MANUAL);
	if (m->batches != p->counted.batches)
		p->full = false;
	tm_run_progress(p, m);
	if (!news)
		return;
	(void)tm_timer_set(p->d, &p->pace_timer, m->phase ? SILENT_MS : QUIET_MS, on_quiet, p);
}

static bool take_report(struct tm_target_conn *c, uint16_t type, struct tm_rd *r)
{
	struct tm_policy *p = c->p;
	struct tm_ctl_progress prog;
	struct tm_ctl_file_failed *f;
	struct tm_ctl_done done;
	struct tm_msg_stop stop;
	bool good;

	switch (type) {
	case TM_C_PROGRESS:
		if (tm_ctl_progress_get(r, &prog) < 0 || tm_rd_end(r) < 0)
			return false;
		if (c->w == p->w)
			count_batch(p, &prog);
		return true;
	case TM_C_DONE:
		if (tm_ctl_done_get(r, &done) < 0 || tm_rd_end(r) < 0)
			return false;
		if (c->w == p->w && done.taken_ns > 0)
			p->rec.recovery_ns = TM_MAX(p->rec.recovery_ns, done.taken_ns);
		return true;
	case TM_C_STOPPED:
		/* The source asks its admin; here it is only told. */
		if (tm_msg_stop_get(r, &stop) < 0 || tm_rd_end(r) < 0)
			return false;
		tm_policy_error(p, "%s", stop.text);
		return true;
	case TM_C_FILE_FAILED:
		f = malloc(sizeof(*f));
		good = f && tm_ctl_file_failed_get(r, f) == 0 && tm_rd_end(r) == 0;
		if (good)
			tm_policy_failure(p, f);
		free(f);
		return good;
	default: return false;
	}
}

static bool take_text(struct tm_target_conn *c, uint16_t type, struct tm_rd *r)
{
	struct tm_policy *p = c->p;
	struct tm_msg_text t;

	if (tm_msg_text_get(r, &t) < 0 || tm_rd_end(r) < 0)
		return false;
	switch (type) {
	case TM_C_FAILED:
		tm_text_set(p->broken, sizeof(p->broken), "%s", t.text);
		tm_policy_error(p, "%s", t.text);
		break;
	case TM_C_CLOSED:
		if (c->w == p->w)
			p->full = t.err == ENOSPC || t.err == EDQUOT;
		if (c->authed && t.code && t.text[0])
			tm_policy_error(p, "the connection of the source ended: %s", t.text);
		tm_worker_stop(c->w, 0, "");
		break;
	default: tm_policy_noticed(p, &t);
	}
	return true;
}

static void on_message(void *arg, struct tm_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_target_conn *c = arg;
	bool good;

	switch (type) {
	case TM_C_READY:
		good = c->sock >= 0;
		if (good)
			(void)tm_worker_send_conn(w, tm_take_fd(c->sock), 0);
		break;
	case TM_C_AUTHED: good = take_authed(c, r); break;
	case TM_C_FAILED:
	case TM_C_CLOSED:
	case TM_C_NOTICED: good = take_text(c, type, r); break;
	default: good = c->authed && take_report(c, type, r);
	}
	if (!good)
		tm_worker_break(w, type);
}

static void on_gone(void *arg, struct tm_worker *w, const char *why)
{
	struct tm_target_conn *c = arg;
	struct tm_policy *p = c->p;
	bool owner = p->w == w, ours = tm_worker_stopping(w);

	conn_free(c);
	if (!owner)
		return;
	if (!ours && strstr(why, "signal"))
		tm_policy_error(p, "the worker %s; the source will connect again", why);
	owner_gone(p);
}

static const struct tm_worker_ops target_ops = { .message = on_message, .gone = on_gone };

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_target_conn *c = arg;

	(void)s;
	(void)usec;
	tm_worker_kill(c->w);
	return 0;
}

void tm_target_end_accept(struct tm_policy *p, int sock)
{
	struct tm_worker_spec spec = { .role = TM_ROLE_TARGET, .policy = p, .ops = &target_ops };
	struct tm_target_conn *c = NULL;
	unsigned int pending = 0;

	for (struct tm_target_conn *o = p->conns; o; o = o->next)
		pending += !o->authed;
	if (pending >= HANDSHAKES_MAX || tm_root_verify(p) < 0)
		goto refuse;
	c = calloc(1, sizeof(*c));
	if (!c)
		goto refuse;
	*c = (struct tm_target_conn){ .next = p->conns, .p = p, .sock = sock };
	p->conns = c;
	spec.arg = c;
	if (tm_worker_start(p->d, &spec, &c->w) < 0) {
		conn_free(c); /* closes the socket */
		return;
	}
	(void)tm_timer_set(p->d, &c->deadline, p->d->cfg.handshake_timeout_ms + HANDSHAKE_SLACK_MS,
			   on_deadline, c);
	return;
refuse:
	tm_close(sock);
}

void tm_target_end_update(struct tm_policy *p)
{
	if (tm_policy_active(p) && !p->root_bad)
		return;
	tm_peer_state_tell(p);
	(void)tm_target_end_stop(p, p->rec.enabled ? 0 : TM_NOTICE_DISABLED,
				 p->rec.enabled ? "" : "disabled at the target");
	if (!tm_policy_active(p))
		p->lost = false;
}

bool tm_target_end_stop(struct tm_policy *p, uint32_t code, const char *why)
{
	bool told = p->w && p->conn == TM_CONN_SESSION && code;

	for (struct tm_target_conn *c = p->conns; c; c = c->next)
		if (c->w)
			tm_worker_stop(c->w, code, why);
	return told;
}

void tm_target_end_drop(struct tm_policy *p)
{
	while (p->conns) {
		struct tm_worker *w = p->conns->w;

		conn_free(p->conns);
		if (w)
			tm_worker_let_go(w);
	}
	if (p->rec.role == TM_REC_TARGET) {
		p->w = NULL;
		tm_timer_off(&p->pace_timer);
	}
}

bool tm_target_end_notice(struct tm_policy *p, uint32_t code, const char *text)
{
	if (!p->w || p->conn != TM_CONN_SESSION)
		return false;
	return tm_worker_send_text(p->w, TM_C_NOTICE, code, text) == 0;
}

bool tm_target_end_busy(const struct tm_policy *p)
{
	return p->conn == TM_CONN_SESSION && p->run_open;
}
