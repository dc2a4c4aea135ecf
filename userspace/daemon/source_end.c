// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/source_end.c - keeps one source worker alive and connected, and passes its news on.
 */
#include "daemon/source_end.h"
#include "daemon/dial.h"
#include "daemon/pairing.h"
#include "daemon/peer_state.h"
#include "daemon/roots.h"
#include "daemon/runs.h"
#include "daemon/schedule.h"
#include "daemon/supervisor.h"
#include "daemon/watch.h"
#include "lib/fd.h"

#include <stdio.h>
#include <unistd.h>

#define DIAL_TIMEOUT_MS 10000
#define REDIAL_QUICK_MS                                                                            \
	100 /* after a session that had worked: probably only the worker there went */
#define CRASH_FIRST_MS	      1000
#define CRASH_MAX_MS	      30000
#define REFUSALS_BEFORE_QUERY 2

static void dial(struct tm_policy *p);

static bool wanted(const struct tm_policy *p)
{
	return tm_policy_active(p) && p->tracked && !p->root_bad;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_policy *p = arg;

	(void)s;
	(void)usec;
	if (p->conn == TM_CONN_READY)
		dial(p);
	else if (p->conn == TM_CONN_NONE)
		tm_source_end_update(p);
	return 0;
}

static void retry_in(struct tm_policy *p, uint64_t ms)
{
	(void)tm_timer_set(p->d, &p->retry_timer, ms, on_retry, p);
}

static bool retry_armed(const struct tm_policy *p)
{
	int armed = SD_EVENT_OFF;

	if (p->retry_timer)
		(void)sd_event_source_get_enabled(p->retry_timer, &armed);
	return armed != SD_EVENT_OFF;
}

/* The connection, if any, is over. @had_session: and had been good. */
static void connection_over(struct tm_policy *p, bool had_session)
{
	uint64_t quick;

	p->conn = TM_CONN_READY;
	p->lost = true;
	tm_watch_poke(p->d);
	tm_schedule_lost(p);
	/* A full target ends every session in the same batch: it must not be sent again all the time. */
	p->fruitless = p->rec.totals.batches == p->batches_then ? p->fruitless + had_session : 0;
	p->batches_then = p->rec.totals.batches;
	quick = (uint64_t)REDIAL_QUICK_MS << TM_MIN(p->fruitless, 9u);
	if (!had_session && ++p->refusals % REFUSALS_BEFORE_QUERY == 0)
		tm_pairing_query(p);
	retry_in(p, had_session ? TM_MIN(quick, (uint64_t)CRASH_MAX_MS) :
				  p->d->cfg.reconnect_interval_ms);
}

static void on_dialed(void *arg, int fd)
{
	struct tm_policy *p = arg;

	p->dial = NULL;
	if (fd < 0) {
		p->conn = TM_CONN_READY;
		p->lost = true;
		tm_policy_error(p, "the target %s port %u cannot be reached: %s", p->rec.address,
				p->rec.port, strerror(-fd));
		retry_in(p, p->d->cfg.reconnect_interval_ms);
		return;
	}
	/* Stored before it is used: no two connections ever have the same epoch. */
	p->rec.fence++;
	if (tm_policy_save(p) < 0) {
		tm_close(fd);
		connection_over(p, false);
		return;
	}
	if (tm_worker_send_conn(p->w, fd, p->rec.fence) == 0)
		p->conn = TM_CONN_HANDSHAKE;
}

static void dial(struct tm_policy *p)
{
	int r;

	if (p->conn != TM_CONN_READY || !p->w || tm_worker_stopping(p->w) || !wanted(p))
		return;
	p->conn = TM_CONN_DIALING;
	r = tm_dial_start(p->d, p->rec.address, p->rec.port, p->rec.id, p->rec.secret,
			  DIAL_TIMEOUT_MS, on_dialed, p, &p->dial);
	if (r < 0)
		on_dialed(p, r);
}

/* ---- the worker's messages */

static bool take_text(struct tm_rd *r, struct tm_msg_text *t)
{
	return tm_msg_text_get(r, t) == 0 && tm_rd_end(r) == 0;
}

static bool take_authed(struct tm_policy *p, struct tm_rd *r)
{
	struct tm_ctl_authed a;

	if (tm_ctl_authed_get(r, &a) < 0 || tm_rd_end(r) < 0 || p->conn != TM_CONN_HANDSHAKE ||
	    memcmp(a.key, p->rec.peer_key, sizeof(a.key)))
		return false;
	p->conn = TM_CONN_AUTHED;
	p->ktls = a.ktls;
	p->features = a.features;
	if (!tm_streq(p->rec.peer_cluster, a.cluster)) {
		tm_text_set(p->rec.peer_cluster, sizeof(p->rec.peer_cluster), "%s", a.cluster);
		tm_policy_save_later(p);
	}
	return true;
}

static bool take_idle(struct tm_policy *p, struct tm_rd *r)
{
	struct tm_msg_ready ready;

	if (tm_msg_ready_get(r, &ready) < 0 || tm_rd_end(r) < 0 ||
	    (p->conn != TM_CONN_AUTHED && p->conn != TM_CONN_SESSION))
		return false;
	if (p->conn != TM_CONN_SESSION) {
		p->conn = TM_CONN_SESSION;
		tm_peer_state_begin(p);
		tm_watch_poke(p->d);
		p->lost = false;
		p->broken[0] = 0;
		p->crashes = p->refusals = 0;
		if (p->rec.hold == TM_REC_HOLD_NONE)
			tm_policy_error(p, NULL);
		tm_info("%s: connected to %s port %u", p->rec.name, p->rec.address, p->rec.port);
	}
	p->prog.objects = ready.objects;
	/* Before a set: while one is in work nothing can be told. */
	tm_peer_state_tell(p);
	tm_schedule_idle(p, ready.fresh);
	return true;
}

static bool take_requeue(struct tm_policy *p, struct tm_rd *r)
{
	static struct tm_range ranges[TM_CHANGE_RANGES_MAX];

	while (r->len) {
		struct tm_change c;

		if (tm_change_get(r, &c, ranges) < 0 || !tm_change_ok(&c))
			return false;
		tm_schedule_requeue(p, &c);
	}
	return tm_rd_end(r) == 0;
}

static bool take_closed(struct tm_policy *p, struct tm_rd *r)
{
	bool had = p->conn == TM_CONN_SESSION, known = p->conn >= TM_CONN_AUTHED;
	struct tm_msg_text t;

	if (!take_text(r, &t))
		return false;
	if (p->conn < TM_CONN_HANDSHAKE)
		return true; /* of a connection that is not ours any more */
	/* What the peer said before (deleted, disabled, stops) explains more than how the socket ended. */
	if (p->rec.last_error[0] == 0 || t.code)
		tm_policy_error(p, "the connection to the target ended: %s",
				t.text[0] ? t.text : "it was closed");
	p->full = t.err == ENOSPC || t.err == EDQUOT;
	if (known)
		p->refusals = 0;
	connection_over(p, had);
	return true;
}

static bool take_report(struct tm_policy *p, uint16_t type, struct tm_rd *r)
{
	struct tm_ctl_progress prog;
	struct tm_ctl_done done;
	struct tm_msg_stop stop;
	struct tm_ctl_file_failed *f;
	bool good;

	switch (type) {
	case TM_C_PROGRESS:
		if (tm_ctl_progress_get(r, &prog) < 0 || tm_rd_end(r) < 0)
			return false;
		tm_run_progress(p, &prog);
		return true;
	case TM_C_REQUEUE: return take_requeue(p, r);
	case TM_C_DONE:
		if (tm_ctl_done_get(r, &done) < 0 || tm_rd_end(r) < 0)
			return false;
		tm_schedule_done(p, &done);
		return true;
	case TM_C_STOPPED:
		if (tm_msg_stop_get(r, &stop) < 0 || tm_rd_end(r) < 0)
			return false;
		tm_schedule_stopped(p, &stop);
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

static bool take(struct tm_policy *p, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text t;

	switch (type) {
	case TM_C_READY:
		if (p->conn != TM_CONN_STARTING)
			return false;
		p->conn = TM_CONN_READY;
		p->broken[0] = 0;
		dial(p);
		return true;
	case TM_C_FAILED:
		if (!take_text(r, &t))
			return false;
		tm_text_set(p->broken, sizeof(p->broken), "%s", t.text);
		tm_policy_error(p, "%s", t.text);
		return true;
	case TM_C_AUTHED: return take_authed(p, r);
	case TM_C_IDLE: return take_idle(p, r);
	case TM_C_CLOSED: return take_closed(p, r);
	case TM_C_NOTICED:
		if (!take_text(r, &t))
			return false;
		tm_policy_noticed(p, &t);
		return true;
	default: return take_report(p, type, r);
	}
}

static void on_message(void *arg, struct tm_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_policy *p = arg;

	if (!take(p, type, r))
		tm_worker_break(w, type);
}

static void on_gone(void *arg, struct tm_worker *w, const char *why)
{
	struct tm_policy *p = arg;
	bool ours = tm_worker_stopping(w);
	uint64_t delay;

	p->w = NULL;
	p->conn = TM_CONN_NONE;
	tm_watch_poke(p->d);
	p->dial = tm_dial_cancel(p->dial);
	tm_schedule_lost(p);
	if (!wanted(p))
		return;
	/* A worker that made room for one with other settings is not missed. */
	p->lost = !(ours && p->worker_stale);
	if (!ours && !p->broken[0])
		tm_policy_error(p, "the worker %s; it is started again", why);
	delay = (uint64_t)CRASH_FIRST_MS << TM_MIN(p->crashes, 5u);
	/* The first time at once: a killed worker must not cost a second. */
	retry_in(p, p->crashes++ ? TM_MIN(delay, (uint64_t)CRASH_MAX_MS) : REDIAL_QUICK_MS);
}

static const struct tm_worker_ops source_ops = { .message = on_message, .gone = on_gone };

static void start(struct tm_policy *p)
{
	struct tm_worker_spec spec = {
		.role = TM_ROLE_SOURCE, .policy = p, .ops = &source_ops, .arg = p
	};
	int r;

	if (tm_root_verify(p) < 0)
		return;
	r = tm_worker_start(p->d, &spec, &p->w);
	if (r < 0) {
		tm_policy_error(p, "no worker can be started: %s", strerror(-r));
		retry_in(p, CRASH_MAX_MS);
		return;
	}
	p->conn = TM_CONN_STARTING;
	p->worker_stale = false;
	tm_run_new_worker(p);
}

void tm_source_end_update(struct tm_policy *p)
{
	if (!wanted(p)) {
		tm_peer_state_tell(p);
		tm_source_end_stop(p, p->rec.enabled ? 0 : TM_NOTICE_DISABLED,
				   p->rec.enabled ? "" : "disabled at the source");
		if (!tm_policy_active(p))
			p->lost = false;
		return;
	}
	if (!p->w && !retry_armed(p))
		start(p);
	else if (p->conn == TM_CONN_READY && !retry_armed(p))
		dial(p);
}

void tm_source_end_hurry(struct tm_policy *p)
{
	if (p->rec.role != TM_REC_SOURCE || !retry_armed(p))
		return;
	p->crashes = p->fruitless = 0;
	retry_in(p, 0);
}

void tm_source_end_redial(struct tm_policy *p)
{
	if (p->rec.role != TM_REC_SOURCE)
		return;
	p->crashes = p->refusals = 0;
	p->dial = tm_dial_cancel(p->dial);
	if (p->conn == TM_CONN_DIALING)
		p->conn = TM_CONN_READY;
	/* Beyond dialling the worker holds the old connection: its successor gets the new one. */
	if (p->w && p->conn > TM_CONN_READY)
		tm_worker_stop(p->w, 0, "");
	else
		retry_in(p, 0);
}

bool tm_source_end_stop(struct tm_policy *p, uint32_t code, const char *why)
{
	bool told = p->conn >= TM_CONN_AUTHED && p->w && code;

	tm_timer_off(&p->retry_timer);
	p->dial = tm_dial_cancel(p->dial);
	if (p->w)
		tm_worker_stop(p->w, code, why);
	return told;
}

void tm_source_end_drop(struct tm_policy *p)
{
	if (p->rec.role != TM_REC_SOURCE)
		return;
	tm_timer_off(&p->retry_timer);
	p->dial = tm_dial_cancel(p->dial);
	if (p->w)
		tm_worker_let_go(p->w);
	p->w = NULL;
	p->conn = TM_CONN_NONE;
}
