// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/view_capture.c - how changes are seen: backend, hooks, counters.
 */
#include "daemon/capture_glue.h"
#include "daemon/view.h"

#include <stdio.h>

/* One line "name\tstate\tdetail" of the report. */
static json_t *hook_json(const char *line, size_t len)
{
	_cleanup_free_ char *copy = strndup(line, len);
	char *name = copy, *state = copy ? strchr(copy, '\t') : NULL, *detail = NULL;
	bool attached, fallback;
	json_t *o;

	if (state) {
		*state++ = 0;
		detail = strchr(state, '\t');
	}
	if (!detail)
		return json_null();
	*detail++ = 0;
	attached = tm_streq(state, "attached");
	fallback = tm_streq(state, "fallback");
	o = json_object();
	if (tm_api_set_str(o, "name", name) < 0 ||
	    tm_api_set_bool(o, "wanted", !tm_streq(state, "absent")) < 0 ||
	    tm_api_set_bool(o, "attached", attached || fallback) < 0 ||
	    tm_api_set_str(o, "fallback", fallback ? detail : NULL) < 0 ||
	    tm_api_set_str(o, "why", detail) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *hooks_json(const struct tm_daemon *d)
{
	_cleanup_free_ char *report = tm_glue_report(d);
	json_t *list = json_array();

	for (const char *s = report ?: ""; *s;) {
		size_t n = strcspn(s, "\n");
		json_t *o = hook_json(s, n);

		if (json_is_null(o))
			json_decref(o);
		else if (json_array_append_new(list, o) < 0) {
			json_decref(list);
			return NULL;
		}
		s += n + (s[n] == '\n');
	}
	return list;
}

/* Policies of one root share its counters: each root counts once. */
static json_t *counters_json(const struct tm_daemon *d)
{
	bool counted[TM_CAPTURE_ROOTS_MAX] = { false };
	struct tm_capture_stats sum = { .seen = 0 }, st;
	uint64_t roots = 0;
	json_t *o = json_object();

	tm_policy_foreach(d, p)
	{
		if (!p->tracked || p->rec.slot < 0 || p->rec.slot >= TM_CAPTURE_ROOTS_MAX ||
		    counted[p->rec.slot])
			continue;
		counted[p->rec.slot] = true;
		tm_glue_stats(p, &st);
		roots++;
		sum.seen += st.seen;
		sum.queued += st.queued;
		sum.coalesced += st.coalesced;
		sum.dropped += st.dropped;
	}
	if (tm_api_set_u64(o, "roots", roots) < 0 || tm_api_set_u64(o, "seen", sum.seen) < 0 ||
	    tm_api_set_u64(o, "queued", sum.queued) < 0 ||
	    tm_api_set_u64(o, "coalesced", sum.coalesced) < 0 ||
	    tm_api_set_u64(o, "dropped", sum.dropped) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *tm_view_capture(struct tm_daemon *d)
{
	json_t *o = json_object();

	if (tm_api_set_str(o, "backend", tm_glue_backend(d)) < 0 ||
	    tm_api_set_str(o, "wanted", tm_backend_name(d->cfg.backend)) < 0 ||
	    tm_api_set_str(o, "why", tm_glue_why(d)) < 0 ||
	    tm_api_set_str(o, "blind_spots", tm_glue_blind_spots(d)) < 0 ||
	    json_object_set_new(o, "hooks", hooks_json(d)) < 0 ||
	    json_object_set_new(o, "counters", counters_json(d)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
