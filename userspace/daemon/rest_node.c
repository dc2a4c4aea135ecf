// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_node.c - the node's own affairs: health and settings.
 */
#include "daemon/health.h"
#include "daemon/rest.h"

void tm_rest_health(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_health_json(tm_call_daemon(q->c)));
}

void tm_rest_mute(struct tm_rest_request *q)
{
	struct tm_daemon *d = tm_call_daemon(q->c);
	int code = tm_health_code_parse(q->arg), r;
	struct tm_policy *p = NULL;
	struct tm_api_refusal no;
	struct tm_api_mute m;

	if (code < 0) {
		tm_call_problem(q->c, 404, "not-found", "there is no check of this name");
		return;
	}
	if (tm_api_mute_get(q->body, &m, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (m.policy[0]) {
		p = tm_rest_find_policy(q->c, m.policy);
		if (!p)
			return;
	}
	r = tm_health_mute(d, (enum tm_health_code)code, p, m.seconds);
	if (r == -ENOSPC) {
		tm_call_problem(q->c, 503, "busy", "too many checks are muted already");
		return;
	}
	if (r < 0) {
		tm_call_problem(q->c, 500, "internal", "it cannot be stored");
		return;
	}
	tm_audit(d, tm_call_who(q->c), m.seconds ? "mute" : "unmute", p, "%s for %llu s", q->arg,
		 (unsigned long long)m.seconds);
	tm_health_look(d);
	tm_call_reply(q->c, 200, tm_health_json(d));
}
