// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/pairing_source.c - asking a target for a relationship, and later what became of it.
 */
#include "daemon/dial.h"
#include "daemon/estimate.h"
#include "daemon/pairing.h"
#include "daemon/rest.h"
#include "daemon/schedule.h"
#include "daemon/source_end.h"
#include "daemon/supervisor.h"
#include "daemon/view.h"
#include "daemon/watch.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <stdarg.h>
#include <stdio.h>

#define CREATE_DIAL_MS	 7000
#define CREATE_ANSWER_MS 15000

static void attempt(struct tm_policy *p);

/* The admin's create fails: nothing was stored, nothing remains. */
static void create_fails(struct tm_policy *p, unsigned int status, const char *code,
			 const char *fmt, ...) _printf_(4, 5);

static void create_fails(struct tm_policy *p, unsigned int status, const char *code,
			 const char *fmt, ...)
{
	struct tm_call *call = p->create_call;
	char text[TM_TEXT_LEN_MAX + 512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->create_call = NULL;
	tm_info("policy %s is not created: %s", p->rec.name, text);
	tm_policy_free(p);
	if (call)
		tm_call_problem(call, status, code, "%s", text);
}

static void stop_attempt(struct tm_policy *p, uint32_t code, const char *why)
{
	tm_timer_off(&p->pair_timer);
	p->pair_dial = tm_dial_cancel(p->pair_dial);
	if (!p->pair_w)
		return;
	tm_worker_stop(p->pair_w, code, why);
	tm_worker_let_go(p->pair_w);
	p->pair_w = NULL;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_policy *p = arg;

	(void)s;
	(void)usec;
	if (p->embryo) {
		create_fails(p, 502, "target-unreachable",
			     "%s port %u was reached, but did not answer the request in time",
			     p->rec.address, p->rec.port);
		return 0;
	}
	attempt(p);
	return 0;
}

/* This attempt is over without an answer. */
static void attempt_failed(struct tm_policy *p, const char *why)
{
	stop_attempt(p, 0, "");
	if (p->embryo) {
		create_fails(p, 502, "target-unreachable",
			     "the target %s port %u cannot be asked: %s", p->rec.address,
			     p->rec.port, why);
		return;
	}
	if (p->pair_query) {
		p->pair_query = false;
		return;
	}
	if (p->rec.auth == TM_REC_AWAITING) {
		tm_policy_error(p, "the target %s port %u cannot be asked: %s", p->rec.address,
				p->rec.port, why);
		(void)tm_timer_set(p->d, &p->pair_timer, p->d->cfg.reconnect_interval_ms, on_retry,
				   p);
	}
}

/* ---- what the target says */

static void create_succeeds(struct tm_policy *p)
{
	struct tm_call *call = p->create_call;
	char fp[TM_FINGERPRINT_LEN];
	int r;

	tm_timer_off(&p->pair_timer);
	p->embryo = false;
	p->create_call = NULL;
	r = tm_policy_save(p);
	if (r < 0) {
		p->embryo = true;
		p->create_call = call;
		stop_attempt(p, TM_NOTICE_DELETED, "it could not be stored at the source");
		create_fails(p, 500, "internal", "the policy cannot be stored: %s", strerror(-r));
		return;
	}
	tm_key_fingerprint(p->rec.peer_key, fp);
	tm_audit(p->d, call ? tm_call_who(call) : "an admin who went away", "create", p,
		 "%s -> %s:%s, key %s", p->rec.source_dir, p->rec.address, p->rec.target_dir, fp);
	tm_watch_new(p);
	if (call)
		tm_call_reply(call, 201, tm_view_policy(p));
}

static void authorized(struct tm_policy *p, const char *text)
{
	stop_attempt(p, 0, "");
	if (p->rec.auth == TM_REC_AWAITING) {
		char peer[96];

		p->rec.auth = TM_REC_AUTHORIZED;
		p->rec.status_ns = tm_wall_ns();
		tm_policy_error(p, NULL);
		(void)tm_policy_save(p);
		tm_audit(p->d, "peer", "authorized", p, "by %s", tm_policy_peer_name(p, peer));
	} else if (text[0]) {
		/* We asked because it refuses connections: it says why. */
		tm_policy_error(p, "the target says: %s", text);
	}
	p->pair_query = false;
	tm_policy_update(p);
}

static void ended(struct tm_policy *p, enum tm_rec_auth auth, const char *text)
{
	char peer[96];

	stop_attempt(p, 0, "");
	p->pair_query = false;
	if (auth == TM_REC_DELETED)
		tm_schedule_cancel(p, TM_RUN_FAILED, "the policy was deleted on the other side");
	p->rec.auth = auth;
	p->rec.status_ns = tm_wall_ns();
	tm_text_set(p->rec.hold_text, sizeof(p->rec.hold_text), "%s", text);
	if (auth == TM_REC_REJECTED)
		tm_policy_error(p, "rejected by %s%s%s", tm_policy_peer_name(p, peer),
				text[0] ? ": " : "", text);
	else
		tm_policy_error(p, "deleted on the other side by %s", tm_policy_peer_name(p, peer));
	(void)tm_policy_save(p);
	tm_policy_update(p);
}

static bool take_state(struct tm_policy *p, struct tm_rd *r)
{
	struct tm_msg_pair_state m;

	if (tm_msg_pair_state_get(r, &m) < 0 || tm_rd_end(r) < 0)
		return false;
	switch (m.state) {
	case TM_PAIR_AWAITING:
		if (p->embryo) {
			create_succeeds(p);
		} else if (p->rec.auth == TM_REC_AUTHORIZED) {
			/*
			 * It lost its policies: for it this is a new request, which its admin has
			 * to accept.
			 */
			p->rec.auth = TM_REC_AWAITING;
			p->rec.status_ns = tm_wall_ns();
			p->pair_query = false;
			(void)tm_policy_save(p);
			tm_policy_update(p);
		} else {
			tm_policy_error(p, NULL);
		}
		return true;
	case TM_PAIR_REFUSED:
		if (p->embryo) {
			stop_attempt(p, 0, "");
			create_fails(p, 409, "target-refused", "the target refuses the request: %s",
				     m.text);
			return true;
		}
		attempt_failed(p, m.text);
		return true;
	case TM_PAIR_ACCEPTED:
	case TM_PAIR_REJECTED:
	case TM_PAIR_DELETED:
		if (p->embryo)
			return false; /* nobody could have decided about a new id */
		if (m.state == TM_PAIR_ACCEPTED)
			authorized(p, m.text);
		else
			ended(p, m.state == TM_PAIR_REJECTED ? TM_REC_REJECTED : TM_REC_DELETED,
			      m.text);
		return true;
	default: return false;
	}
}

static int send_request(struct tm_policy *p)
{
	_cleanup_free_ struct tm_msg_pair_request *m = calloc(1, sizeof(*m));
	struct tm_buf b;
	int r;

	if (!m)
		return -ENOMEM;
	memcpy(m->id, p->rec.id, sizeof(m->id));
	memcpy(m->secret, p->rec.secret, sizeof(m->secret));
	memcpy(m->name, p->rec.name, sizeof(m->name));
	memcpy(m->source_dir, p->rec.source_dir, sizeof(m->source_dir));
	memcpy(m->target_dir, p->rec.target_dir, sizeof(m->target_dir));
	m->continuous = p->rec.continuous;
	m->est_files = p->rec.est_files;
	m->est_bytes = p->rec.est_bytes;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_msg_pair_request_put(&b, m);
	r = tm_worker_send(p->pair_w, TM_C_PAIR_REQUEST, &b, -1);
	explicit_bzero(m, sizeof(*m));
	tm_buf_free(&b);
	return r;
}

/* The target's admin wants to know how much comes: that is counted while the connection is made. */
static void on_estimated(struct tm_policy *p)
{
	if (!p->request_due || !p->pair_w)
		return;
	p->request_due = false;
	if (send_request(p) < 0)
		attempt_failed(p, "the request cannot be handed over");
}

static bool take_authed(struct tm_policy *p, struct tm_rd *r)
{
	char got[TM_FINGERPRINT_LEN], want[65];
	struct tm_ctl_authed a;
	struct tm_peer_rec peer = { .first_ns = tm_wall_ns(), .last_ns = tm_wall_ns() };

	if (tm_ctl_authed_get(r, &a) < 0 || tm_rd_end(r) < 0)
		return false;
	if (p->embryo) {
		tm_key_fingerprint(a.key, got);
		tm_hex(p->want_fp, sizeof(p->want_fp), want);
		if (p->has_want_fp && !tm_streq(got, want)) {
			stop_attempt(p, 0, "");
			create_fails(
				p, 409, "fingerprint-mismatch",
				"the target's key has the fingerprint %s, not the one asked for",
				got);
			return true;
		}
		if (!memcmp(a.key, tm_node_key_public(p->d->key), sizeof(a.key))) {
			stop_attempt(p, 0, "");
			create_fails(p, 409, "overlap", "%s port %u is this cluster itself",
				     p->rec.address, p->rec.port);
			return true;
		}
		memcpy(p->rec.peer_key, a.key, sizeof(a.key));
	} else if (memcmp(p->rec.peer_key, a.key, sizeof(a.key))) {
		return false; /* the worker compares too: this cannot be an honest one */
	}
	p->pair_seen = true;
	tm_text_set(p->rec.peer_cluster, sizeof(p->rec.peer_cluster), "%s", a.cluster);
	memcpy(peer.key, a.key, sizeof(peer.key));
	memcpy(peer.cluster, a.cluster, sizeof(peer.cluster));
	tm_text_set(peer.address, sizeof(peer.address), "%s", p->rec.address);
	(void)p->d->store->ops->peer_put(p->d->store, &peer);
	p->request_due = tm_estimate_busy(p);
	return p->request_due || send_request(p) == 0;
}

static bool take_text(struct tm_policy *p, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text t;

	if (tm_msg_text_get(r, &t) < 0 || tm_rd_end(r) < 0)
		return false;
	if (type == TM_C_NOTICED) {
		if (!p->embryo)
			tm_policy_noticed(p, &t);
		return true;
	}
	attempt_failed(p, t.text[0] ? t.text : "the connection was closed");
	return true;
}

/* ---- the attempt */

static void on_message(void *arg, struct tm_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_policy *p = arg;
	bool good;

	switch (type) {
	case TM_C_READY:
		good = p->pair_sock >= 0;
		if (good)
			(void)tm_worker_send_conn(w, tm_take_fd(p->pair_sock), 0);
		break;
	case TM_C_AUTHED: good = take_authed(p, r); break;
	case TM_C_PAIR_STATED: good = take_state(p, r); break;
	case TM_C_FAILED:
	case TM_C_CLOSED:
	case TM_C_NOTICED: good = take_text(p, type, r); break;
	default: good = type == TM_C_PROGRESS;
	}
	/* @p may be gone by now, @w is not. */
	if (!good)
		tm_worker_break(w, type);
}

static void on_gone(void *arg, struct tm_worker *w, const char *why)
{
	struct tm_policy *p = arg;
	char text[128];

	(void)w;
	p->pair_w = NULL;
	snprintf(text, sizeof(text), "the pairing worker %s", why);
	attempt_failed(p, text);
}

static const struct tm_worker_ops pair_ops = { .message = on_message, .gone = on_gone };

static void on_dialed(void *arg, int fd)
{
	struct tm_policy *p = arg;
	struct tm_worker_spec spec = {
		.role = TM_ROLE_PAIR_SOURCE, .policy = p, .ops = &pair_ops, .arg = p
	};
	int r;

	p->pair_dial = NULL;
	if (fd < 0) {
		attempt_failed(p, strerror(-fd));
		return;
	}
	tm_close(p->pair_sock);
	p->pair_sock = fd;
	p->pair_seen = false;
	r = tm_worker_start(p->d, &spec, &p->pair_w);
	if (r < 0) {
		p->pair_sock = tm_close(p->pair_sock);
		attempt_failed(p, "no worker can be started");
	}
}

static void attempt(struct tm_policy *p)
{
	int r;

	if (p->pair_w || p->pair_dial)
		return;
	r = tm_dial_start(p->d, p->rec.address, p->rec.port, NULL, NULL, CREATE_DIAL_MS, on_dialed,
			  p, &p->pair_dial);
	if (r < 0)
		attempt_failed(p, strerror(-r));
}

int tm_pairing_create(struct tm_policy *p)
{
	int r;

	p->pair_sock = -EBADF;
	/* Without an estimate the request says "unknown". */
	(void)tm_estimate_start(p, on_estimated);
	r = tm_timer_set(p->d, &p->pair_timer, CREATE_ANSWER_MS, on_retry, p);
	if (r < 0)
		return r;
	return tm_dial_start(p->d, p->rec.address, p->rec.port, NULL, NULL, CREATE_DIAL_MS,
			     on_dialed, p, &p->pair_dial);
}

void tm_pairing_source_update(struct tm_policy *p)
{
	int armed = SD_EVENT_OFF;

	if (p->rec.role != TM_REC_SOURCE)
		return;
	if (p->rec.auth != TM_REC_AWAITING) {
		if (!p->pair_query)
			stop_attempt(p, 0, "");
		return;
	}
	if (p->pair_timer)
		(void)sd_event_source_get_enabled(p->pair_timer, &armed);
	if (!p->pair_w && !p->pair_dial && armed == SD_EVENT_OFF)
		attempt(p);
}

void tm_pairing_query(struct tm_policy *p)
{
	if (p->pair_w || p->pair_dial || p->rec.auth != TM_REC_AUTHORIZED)
		return;
	p->pair_query = true;
	attempt(p);
}

bool tm_pairing_source_end(struct tm_policy *p, uint32_t code, const char *why)
{
	bool told = p->pair_w && p->pair_seen && code;

	stop_attempt(p, code, why);
	p->pair_sock = tm_close(p->pair_sock);
	return told;
}
