// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_node.c - the node's own affairs: health and settings.
 */
#include "daemon/health.h"
#include "daemon/events.h"
#include "daemon/rest.h"
#include "daemon/tune.h"

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

/* Every pair must be good before one is set. False: answered. */
static bool settings_good(struct tm_rest_request *q)
{
	const char *key;
	json_t *v;

	if (json_object_size(q->body) == 0) {
		tm_call_bad(q->c, "", "nothing to change: give KEY: \"VALUE\"");
		return false;
	}
	json_object_foreach (q->body, key, v) {
		char why[256] = "out of memory", field[128];
		int r = -EINVAL;

		tm_text_set(field, sizeof(field), "%s", key);
		if (json_is_string(v))
			r = tm_config_may_set(key, json_string_value(v), why);
		else
			tm_text_set(why, sizeof(why), "the value of %.100s is not a string", key);
		if (r == -EPERM)
			tm_call_problem_with(q->c, 409, "restart-needed",
					     json_pack("{s:s}", "field", field), "%s", why);
		else if (r < 0)
			tm_call_bad(q->c, field, "%s", why);
		if (r < 0)
			return false;
	}
	return true;
}

void tm_rest_settings_patch(struct tm_rest_request *q)
{
	struct tm_daemon *d = tm_call_daemon(q->c);
	struct tm_config old = d->cfg;
	json_t *v, *rows;
	const char *key;

	if (!settings_good(q))
		return;
	rows = json_array();
	json_object_foreach (q->body, key, v) {
		if (tm_config_set(&d->cfg, key, json_string_value(v)) < 0)
			continue;
		tm_audit(d, tm_call_who(q->c), "set", NULL, "%s = %s", key, json_string_value(v));
		(void)json_array_append_new(rows, tm_config_setting_json(&d->cfg, key));
	}
	tm_settings_changed(d, &old);
	tm_events_publish(d, "settings", rows);
	tm_call_reply(q->c, 200, tm_config_settings_json(&d->cfg));
}
