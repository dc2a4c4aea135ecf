// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/events.c - what happened lately, and what happens.
 */
#include <inttypes.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "cli/text.h"

#define POLL_MS 30000

/* One line for a person: what is new about the object. */
static char *sentence(const struct tm_cli *c, const char *type, const json_t *d)
{
	_cleanup_free_ char *name = tm_out_text(c, d, "name"), *a = NULL, *b = NULL;

	if (tm_streq(type, "policy") || tm_streq(type, "request")) {
		a = tm_policy_status(c, d);
		return tm_asprintf("%s: %s", name, a ? a : "?");
	}
	if (tm_streq(type, "policy-deleted"))
		return tm_asprintf("%s: deleted", name);
	if (tm_streq(type, "run")) {
		a = tm_out_text(c, d, "kind");
		b = tm_out_text(c, d, "result");
		return tm_asprintf("%s: %s run %s", name, a, b);
	}
	if (tm_streq(type, "health")) {
		a = tm_out_text(c, d, "state");
		return tm_asprintf("%s, %zu checks", a,
				   json_array_size(json_object_get(d, "checks")));
	}
	if (tm_streq(type, "audit")) {
		a = tm_out_text(c, d, "who");
		b = tm_out_text(c, d, "action");
		return tm_asprintf("%s: %s %s", a, b, tm_streq(name, "-") ? "" : name);
	}
	if (tm_streq(type, "resync"))
		return strdup("events were missed here: look at everything again");
	return strdup("");
}

static void print_event(const struct tm_cli *c, const json_t *e)
{
	_cleanup_free_ char *type = tm_out_text(c, e, "type"), *text = NULL, *id = NULL,
			    *when = NULL, *painted = NULL;

	if (c->json) {
		tm_out_json(c, e);
		return;
	}
	text = sentence(c, type, json_object_get(e, "data"));
	id = tm_out_text(c, e, "id");
	when = json_is_string(json_object_get(e, "time"))
		       ? tm_out_cell(c, e, "time", TM_K_TIME)
		       : tm_text_time(tm_wall_ns(), tm_wall_ns());
	painted = tm_asprintf("%s%-14s%s", c->color ? TM_CYAN : "", type, c->color ? TM_RESET : "");
	fprintf(c->out, "%6s  %s  %s  %s\n", id, when ? when : "?", painted ? painted : type,
		text ? text : "");
}

int cmd_events(struct tm_cli *c)
{
	uint64_t since = c->since;
	bool first = true;

	if (c->json)
		c->lines = true;
	for (;;) {
		_cleanup_free_ char *path =
			tm_asprintf("/v1/events?since=%" PRIu64 "&timeout_ms=%d", since,
				    first || !c->follow ? 0 : POLL_MS);
		_cleanup_answer_ struct tm_answer a = { 0 };
		int code =
			path ? tm_rest(c, "GET", path, NULL, POLL_MS + 30000, &a) : TM_EXIT_FAILED;
		json_t *e;
		size_t i;

		if (code != TM_EXIT_OK)
			return code;
		/* A gap at the very start is only that the ring is shorter than time. */
		if (json_is_true(json_object_get(a.body, "resync")) && (!first || c->have_since))
			tm_hint(c, "Some events before these were missed.\n");
		json_array_foreach (json_object_get(a.body, "events"), i, e)
			print_event(c, e);
		if (fflush(c->out) != 0)
			return TM_EXIT_FAILED;
		since = (uint64_t)tm_out_int(a.body, "next");
		first = false;
		if (!c->follow)
			return TM_EXIT_OK;
	}
}
