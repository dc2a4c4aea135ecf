// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_policies.c - the life of a policy as the admin drives it, except creating and accepting.
 */
#include "daemon/capture_glue.h"
#include "daemon/pairing.h"
#include "daemon/rest.h"
#include "daemon/roots.h"
#include "daemon/schedule.h"
#include "daemon/source_end.h"
#include "daemon/target_end.h"
#include "daemon/view.h"
#include "lib/fd.h"

#include <sys/stat.h>

static bool empty_body(struct tm_rest_request *q)
{
	struct tm_api_refusal no;

	if (tm_api_empty_get(q->body, &no) == 0)
		return true;
	tm_call_refused(q->c, &no);
	return false;
}

/* Only the source starts and waits for runs. */
static bool is_source(struct tm_rest_request *q, const char *what)
{
	char peer[96];

	if (q->p->rec.role == TM_REC_SOURCE)
		return true;
	tm_call_problem(q->c, 409, "wrong-role",
			"%s is the target of policy %s: %s at its source, %s", q->p->d->cfg.cluster,
			q->p->rec.name, what, tm_policy_peer_name(q->p, peer));
	return false;
}

static bool is_authorized(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	char peer[96];

	switch (p->rec.auth) {
	case TM_REC_AUTHORIZED:
		if (p->rec.enabled)
			return true;
		tm_call_problem(q->c, 409, "wrong-state", "policy %s is disabled: enable it first",
				p->rec.name);
		return false;
	case TM_REC_AWAITING:
		tm_call_problem(q->c, 409, "wrong-state", "policy %s awaits authorization by %s",
				p->rec.name, tm_policy_peer_name(p, peer));
		return false;
	case TM_REC_REJECTED:
		tm_call_problem(q->c, 409, "wrong-state", "policy %s was rejected", p->rec.name);
		return false;
	case TM_REC_DELETED:
	default:
		tm_call_problem(q->c, 409, "wrong-state", "policy %s was deleted on the other side",
				p->rec.name);
		return false;
	}
}

static void answer(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_policy(q->p));
}

void tm_rest_delete(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	json_t *o = json_object();
	bool told = false;
	int r;

	if (!empty_body(q)) {
		json_decref(o);
		return;
	}
	(void)tm_api_set_str(o, "deleted", p->id_hex);
	tm_audit(p->d, tm_call_who(q->c), "delete", p, "%s", tm_rec_role_name(p->rec.role));
	r = tm_policy_delete(p, &told);
	if (r < 0) {
		json_decref(o);
		tm_call_problem(q->c, 500, "internal", "the policy cannot be deleted: %s",
				strerror(-r));
		return;
	}
	(void)tm_api_set_bool(o, "peer_told", told);
	tm_call_reply(q->c, 200, o);
}

void tm_rest_reject(struct tm_rest_request *q)
{
	char reason[TM_API_TEXT_MAX + 1];
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;

	if (tm_api_reject_get(q->body, reason, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (p->rec.role != TM_REC_TARGET || p->rec.auth != TM_REC_AWAITING) {
		tm_call_problem(q->c, 409,
				p->rec.role == TM_REC_TARGET ? "wrong-state" : "wrong-role",
				"policy %s does not await authorization here", p->rec.name);
		return;
	}
	p->rec.auth = TM_REC_REJECTED;
	p->rec.status_ns = tm_wall_ns();
	tm_text_set(p->rec.hold_text, sizeof(p->rec.hold_text), "%s", reason);
	if (tm_policy_save(p) < 0) {
		p->rec.auth = TM_REC_AWAITING;
		tm_call_problem(q->c, 500, "internal", "the decision cannot be stored");
		return;
	}
	tm_audit(p->d, tm_call_who(q->c), "reject", p, "%s", reason);
	(void)tm_pairing_target_tell(p, TM_PAIR_REJECTED, reason);
	answer(q);
}

/* A root that was missing or replaced: go on with what is there now, if the admin says so. */
static bool root_again(struct tm_rest_request *q, bool yes)
{
	struct tm_policy *p = q->p;
	_cleanup_close_ int fd = -EBADF;
	uint64_t dev = p->rec.root_dev, ino = p->rec.root_ino;
	char why[TM_REC_TEXT_MAX];
	int r;

	if (!p->root_bad)
		return true;
	if (yes)
		p->rec.root_dev = p->rec.root_ino = 0;
	r = tm_root_open(p, &fd);
	if (r < 0) {
		p->rec.root_dev = dev;
		p->rec.root_ino = ino;
		tm_root_explain(p, r, why, sizeof(why));
		tm_call_problem(q->c, 409, "stopped", "%s", why);
		return false;
	}
	/* Another directory is another root for the capture. */
	tm_glue_untrack(p);
	if (p->rec.root_dev != dev || p->rec.root_ino != ino)
		p->rec.slot = -1;
	p->root_bad = false;
	return true;
}

void tm_rest_replicate(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;
	bool yes = false;

	if (tm_api_replicate_get(q->body, &yes, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (!is_source(q, "start it") || !is_authorized(q))
		return;
	if (p->rec.hold == TM_REC_HOLD_STOPPED && !yes) {
		tm_call_problem(q->c, 409, "stopped",
				"policy %s stopped on suspicion: %s. If this is as it should be, "
				"replicate with --yes",
				p->rec.name, p->rec.hold_text);
		return;
	}
	if (!root_again(q, yes))
		return;
	tm_audit(p->d, tm_call_who(q->c), "replicate", p, "%s", yes ? "confirmed" : "");
	tm_source_end_hurry(p);
	if (tm_schedule_replicate(p, yes) < 0) {
		tm_call_problem(q->c, 500, "internal", "the wish cannot be stored");
		return;
	}
	tm_policy_update(p);
	tm_source_end_hurry(p);
	answer(q);
}

void tm_rest_verify(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;
	bool repair = true;
	int r;

	if (tm_api_verify_get(q->body, &repair, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (!is_source(q, "verify it") || !is_authorized(q))
		return;
	if (p->rec.hold == TM_REC_HOLD_STOPPED) {
		tm_call_problem(q->c, 409, "stopped", "policy %s stopped on suspicion: %s", p->rec.name,
				p->rec.hold_text);
		return;
	}
	if (!p->rec.first_done) {
		tm_call_problem(q->c, 409, "wrong-state",
				"policy %s has not been replicated yet: there is nothing to compare",
				p->rec.name);
		return;
	}
	if (p->conn == TM_CONN_SESSION && !(p->features & TM_FEATURE_COMPARE)) {
		tm_call_problem(q->c, 409, "not-available",
				"the target of policy %s is too old to compare contents", p->rec.name);
		return;
	}
	r = tm_schedule_verify(p, repair);
	if (r < 0) {
		tm_call_problem(q->c, r == -EBUSY ? 409 : 500, r == -EBUSY ? "wrong-state" : "internal",
				r == -EBUSY ? "policy %s is being verified" :
					      "the wish of policy %s cannot be stored", p->rec.name);
		return;
	}
	tm_audit(p->d, tm_call_who(q->c), "verify", p, "%s", repair ? "" : "nothing is repaired");
	tm_policy_update(p);
	tm_source_end_hurry(p);
	tm_schedule_look(p);
	answer(q);
}

void tm_rest_abort(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	char text[192];

	if (!empty_body(q) || !is_authorized(q))
		return;
	if (p->rec.role == TM_REC_TARGET) {
		tm_text_set(text, sizeof(text), "%s of %s", tm_call_who(q->c), p->d->cfg.cluster);
		if (!tm_target_end_notice(p, TM_NOTICE_ABORTED, text)) {
			tm_call_problem(q->c, 409, "wrong-state",
					"the source is not connected: nothing to abort");
			return;
		}
	} else {
		struct tm_status_in in;

		tm_policy_status_in(p, &in);
		if (p->rec.hold != TM_REC_HOLD_NONE ||
		    (!p->rec.continuous && !in.in_work && !in.wanted)) {
			tm_call_problem(q->c, 409, "wrong-state", "policy %s is not replicating",
					p->rec.name);
			return;
		}
		tm_schedule_abort(p, tm_call_who(q->c));
	}
	tm_audit(p->d, tm_call_who(q->c), "abort", p, "%s", "");
	answer(q);
}

void tm_rest_enable(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;

	if (!empty_body(q))
		return;
	if (p->rec.auth != TM_REC_AUTHORIZED) {
		(void)is_authorized(q);
		return;
	}
	/* At the target this is also the admin's word that the directory there now is the right one. */
	if (p->rec.role == TM_REC_TARGET && !root_again(q, true))
		return;
	p->rec.enabled = true;
	p->rec.status_ns = tm_wall_ns();
	if (p->rec.role == TM_REC_TARGET || p->rec.hold == TM_REC_HOLD_ABORTED ||
	    p->rec.hold == TM_REC_HOLD_FAILED) {
		p->rec.hold = TM_REC_HOLD_NONE;
		p->rec.hold_text[0] = 0;
	}
	tm_policy_error(p, NULL);
	if (tm_policy_save(p) < 0) {
		tm_call_problem(q->c, 500, "internal", "it cannot be stored");
		return;
	}
	tm_audit(p->d, tm_call_who(q->c), "enable", p, "%s", "");
	tm_policy_update(p);
	answer(q);
}

void tm_rest_disable(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;

	if (!empty_body(q))
		return;
	if (p->rec.auth != TM_REC_AUTHORIZED) {
		(void)is_authorized(q);
		return;
	}
	if (p->rec.enabled) {
		p->rec.enabled = false;
		p->rec.status_ns = tm_wall_ns();
		if (tm_policy_save(p) < 0) {
			p->rec.enabled = true;
			tm_call_problem(q->c, 500, "internal", "it cannot be stored");
			return;
		}
		tm_audit(p->d, tm_call_who(q->c), "disable", p, "%s", "");
		tm_schedule_cancel(p, TM_RUN_ABORTED, "the policy was disabled");
		tm_policy_update(p);
	}
	answer(q);
}

void tm_rest_sync(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;
	uint64_t timeout_ms;

	if (tm_api_sync_get(q->body, &timeout_ms, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (!is_source(q, "wait") || !is_authorized(q))
		return;
	if (p->rec.hold == TM_REC_HOLD_STOPPED) {
		tm_call_problem(q->c, 409, "stopped", "policy %s stopped on suspicion: %s",
				p->rec.name, p->rec.hold_text);
		return;
	}
	if (p->rec.hold != TM_REC_HOLD_NONE) {
		p->rec.hold = TM_REC_HOLD_NONE;
		p->rec.hold_text[0] = 0;
		(void)tm_policy_save(p);
	}
	if (tm_schedule_sync(p, q->c, timeout_ms) < 0)
		tm_call_problem(q->c, 500, "internal", "out of memory");
}

void tm_rest_wait(struct tm_rest_request *q)
{
	uint64_t timeout_ms = 30000, run = 0;

	if (!tm_call_query_u64(q->c, "timeout_ms", 0, TM_API_TIMEOUT_MAX_MS, &timeout_ms) ||
	    !tm_call_query_u64(q->c, "run", 0, INT64_MAX, &run) || !is_source(q, "wait"))
		return;
	if (tm_schedule_wait(q->p, q->c, (int64_t)run, timeout_ms) < 0)
		tm_call_problem(q->c, 500, "internal", "out of memory");
}
