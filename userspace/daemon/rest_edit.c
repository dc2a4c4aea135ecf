// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_edit.c - changing a policy: its mode, and where its target is.
 *
 * The directories and the target's key are what was agreed to: another one of those is another policy.
 */
#include "daemon/capture_glue.h"
#include "daemon/pairing.h"
#include "daemon/rest.h"
#include "daemon/runs.h"
#include "daemon/schedule.h"
#include "daemon/source_end.h"
#include "daemon/view.h"
#include "policy/check.h"

static bool may_edit(struct tm_rest_request *q)
{
	struct tm_policy *p = q->p;
	char peer[96];

	if (p->rec.role != TM_REC_SOURCE) {
		tm_call_problem(q->c, 409, "wrong-role",
				"%s is the target of policy %s: change it at its source, %s",
				p->d->cfg.cluster, p->rec.name, tm_policy_peer_name(p, peer));
		return false;
	}
	if (p->rec.auth == TM_REC_AWAITING || p->rec.auth == TM_REC_AUTHORIZED)
		return true;
	tm_call_problem(q->c, 409, "wrong-state", "policy %s was %s: it cannot be changed any more",
			p->rec.name, p->rec.auth == TM_REC_REJECTED ? "rejected" : "deleted there");
	return false;
}

/* The record as it shall be. False: answered. */
static bool apply(struct tm_rest_request *q, const struct tm_api_edit *e, struct tm_policy_rec *rec)
{
	_cleanup_free_ char *why = NULL;

	if (e->has_address) {
		if (tm_check_address(e->address.s, e->address.len, &why) < 0) {
			tm_call_bad(q->c, "target_address", "%s", why ?: "bad address");
			return false;
		}
		tm_text_set(rec->address, sizeof(rec->address), "%s", e->address.s);
	}
	if (e->has_port)
		rec->port = e->port;
	if (e->has_mode)
		rec->continuous = e->continuous;
	return true;
}

/* A run of the continuous kind ends with the mode, unless a set is out: then with that. */
static void mode_changed(struct tm_policy *p)
{
	if (!p->rec.continuous && p->run_open && !p->rec.run_wanted && p->bl && !p->bl->out)
		tm_run_end(p, TM_RUN_FINISHED, NULL);
	tm_schedule_look(p);
}

void tm_rest_edit(struct tm_rest_request *q)
{
	_cleanup_free_ struct tm_policy_rec *old = malloc(sizeof(*old));
	_cleanup_free_ struct tm_api_edit *e = malloc(sizeof(*e));
	struct tm_policy *p = q->p;
	struct tm_api_refusal no;
	bool moved, mode;

	if (!old || !e) {
		tm_call_problem(q->c, 500, "internal", "out of memory");
		return;
	}
	if (tm_api_edit_get(q->body, e, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	*old = p->rec;
	if (!may_edit(q) || !apply(q, e, &p->rec))
		goto out;
	moved = !tm_streq(old->address, p->rec.address) || old->port != p->rec.port;
	mode = old->continuous != p->rec.continuous;
	if (moved || mode) {
		if (tm_policy_save(p) < 0) {
			p->rec = *old;
			tm_call_problem(q->c, 500, "internal", "it cannot be stored");
			goto out;
		}
		tm_audit(p->d, tm_call_who(q->c), "edit", p, "%s, %s port %u -> %s, %s port %u",
			 old->continuous ? "continuous" : "manual", old->address, old->port,
			 p->rec.continuous ? "continuous" : "manual", p->rec.address, p->rec.port);
		if (moved) {
			(void)tm_pairing_source_end(p, 0, "");
			tm_source_end_redial(p);
			tm_policy_update(p);
		}
		if (mode)
			mode_changed(p);
	}
	tm_call_reply(q->c, 200, tm_view_policy(p));
out:
	explicit_bzero(old, sizeof(*old));
}

void tm_rest_top(struct tm_rest_request *q)
{
	json_t *top = tm_view_top(q->p);

	if (top) {
		tm_call_reply(q->c, 200, top);
		return;
	}
	tm_call_problem(q->c, 409, "not-available",
			"who writes is not recorded: the capture of this node (%s) does not tell",
			tm_glue_backend(q->p->d));
}
