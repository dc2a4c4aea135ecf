// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/events.c - what happened lately, and what happens.
 */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/text.h"

#define POLL_MS	   30000
#define REMEMBERED 1000 /* events, by the daemon */

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
	static char *last; /* numbers that changed and do not show are no news */
	_cleanup_free_ char *type = tm_out_text(c, e, "type"), *text = NULL, *id = NULL,
			    *key = NULL;

	if (c->json) {
		tm_out_json(c, e);
		return;
	}
	text = sentence(c, type, json_object_get(e, "data"));
	key = tm_asprintf("%s %s", type, text ? text : "");
	if (key && last && tm_streq(key, last))
		return;
	free(last);
	last = tm_take_ptr(key);
	id = tm_out_text(c, e, "id");
	fprintf(c->out, "%s  %s%-14s%s  %s\n", id, c->color ? TM_CYAN : "", type,
		c->color ? TM_RESET : "", text ? text : "");
}

/* One answer. Without @since the daemon says where it stands. */
static int poll(const struct tm_cli *c, const uint64_t *since, uint64_t timeout_ms,
		struct tm_answer *ret)
{
	_cleanup_free_ char *path =
		since ? tm_asprintf("/v1/events?since=%" PRIu64 "&timeout_ms=%" PRIu64, *since,
				    timeout_ms)
		      : strdup("/v1/events");

	return path ? tm_rest(c, "GET", path, NULL, timeout_ms + 30000, ret) : TM_EXIT_FAILED;
}

static bool missed(const struct tm_answer *a)
{
	return json_is_true(json_object_get(a->body, "resync"));
}

/*
 * Where the daemon's memory begins: ids are consecutive, and asking for what is gone is answered by a
 * gap. Bisects between now and REMEMBERED before.
 */
static int find_oldest(const struct tm_cli *c, uint64_t newest, uint64_t *ret)
{
	uint64_t good = 0, bad = TM_MIN(newest, (uint64_t)REMEMBERED) + 1;

	while (bad - good > 1) {
		uint64_t back = good + (bad - good) / 2, since = newest - back;
		_cleanup_answer_ struct tm_answer a = { 0 };
		int code = poll(c, &since, 0, &a);

		if (code != TM_EXIT_OK)
			return code;
		if (missed(&a))
			bad = back;
		else
			good = back;
	}
	*ret = newest - good;
	return TM_EXIT_OK;
}

/* Prints everything after *@since that is there, or what comes within @timeout_ms; moves *@since. */
static int print_after(const struct tm_cli *c, uint64_t *since, uint64_t timeout_ms, bool *ret_any)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = poll(c, since, timeout_ms, &a);
	json_t *events, *e;
	size_t i;

	if (code != TM_EXIT_OK)
		return code;
	if (missed(&a))
		tm_hint(c, "Some events were missed here.\n");
	events = json_object_get(a.body, "events");
	json_array_foreach (events, i, e)
		print_event(c, e);
	*ret_any = json_array_size(events);
	*since = tm_out_u64(a.body, "next");
	return fflush(c->out) == 0 ? TM_EXIT_OK : TM_EXIT_FAILED;
}

int cmd_events(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	uint64_t since = c->since;
	bool any = true;
	int code;

	c->lines = c->json;
	if (!c->have_since) {
		code = poll(c, NULL, 0, &a);
		if (code != TM_EXIT_OK)
			return code;
		since = tm_out_u64(a.body, "next");
		/* Following begins now; looking back begins where the memory does. */
		code = c->follow ? TM_EXIT_OK : find_oldest(c, since, &since);
		if (code != TM_EXIT_OK)
			return code;
	}
	do {
		code = print_after(c, &since, c->follow ? POLL_MS : 0, &any);
	} while (code == TM_EXIT_OK && (c->follow || any));
	return code;
}
