// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/health.c - health, health mute.
 */
#include "cli/health.h"

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rest.h"
#include "cli/text.h"
#include "lib/text.h"
#include "lib/units.h"

#define LABEL 8 /* columns of the labels below a check */

static char *cell_policy(const struct tm_cli *c, const json_t *row)
{
	return tm_out_text(c, row,
			   json_is_string(json_object_get(row, "name")) ? "name" : "policy");
}

const struct tm_column tm_health_columns[] = {
	{ .title = "CODE", .key = "code" },
	{ .title = "SEVERITY", .key = "severity", .kind = TM_K_WORD },
	{ .title = "POLICY", .cell = cell_policy },
	{ .title = "SUMMARY", .key = "summary", .flex = true },
	{ .title = "SINCE", .key = "since", .kind = TM_K_TIME },
	{ .title = "MUTED UNTIL", .key = "muted_until", .kind = TM_K_TIME },
	{ .title = "CAUSE", .key = "cause", .hidden = true, .flex = true },
	{ .title = "CURE", .key = "cure", .hidden = true, .flex = true },
	{ 0 },
};

static bool muted(const json_t *check)
{
	return json_is_string(json_object_get(check, "muted_until"));
}

static bool is_about(const json_t *check, const char *policy_id)
{
	return policy_id ? tm_out_is(check, "policy", policy_id) : !tm_out_str(check, "policy");
}

json_t *tm_health_checks(const struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *checks = NULL;

	if (tm_rest(c, "GET", "/v1/health", NULL, 0, &a) == TM_EXIT_OK)
		checks = json_incref(json_object_get(a.body, "checks"));
	return checks ? checks : json_array();
}

json_t *tm_health_of(const json_t *checks, const char *policy_id)
{
	json_t *list = json_array(), *check;
	size_t i;

	json_array_foreach (checks, i, check)
		if (is_about(check, policy_id) && !muted(check) &&
		    !tm_out_is(check, "severity", "info"))
			json_array_append(list, check);
	return list;
}

bool tm_health_muted(const json_t *checks, const char *policy_id)
{
	json_t *left = tm_health_of(checks, policy_id), *check;
	bool any = false;
	size_t i;

	json_array_foreach (checks, i, check)
		any = any || (is_about(check, policy_id) && muted(check));
	any = any && !json_array_size(left);
	json_decref(left);
	return any;
}

void tm_health_lines(const struct tm_cli *c, const json_t *checks, bool cures)
{
	json_t *check;
	size_t i;

	json_array_foreach (checks, i, check) {
		_cleanup_free_ char *code = tm_out_text(c, check, "code"),
				    *head = tm_out_paint(c->color, TM_BOLD, code),
				    *summary = tm_safe(c, tm_out_str(check, "summary")),
				    *cause = tm_safe(c, tm_out_str(check, "cause")),
				    *cure = tm_safe(c, tm_out_str(check, "cure"));

		fprintf(c->out, "  %s: %s\n", head ? head : code, summary);
		if (cures && *cause)
			tm_out_paragraph(c, 6, cause);
		if (cures)
			tm_out_paragraph(c, 6, cure);
	}
}

static void part(const struct tm_cli *c, const json_t *check, const char *label, const char *key)
{
	_cleanup_free_ char *safe = tm_safe(c, tm_out_str(check, key));

	if (tm_out_str(check, key) && *tm_out_str(check, key))
		tm_out_labelled(c, label, LABEL, safe);
}

static void detail(const struct tm_cli *c, const json_t *check)
{
	_cleanup_free_ char *code = tm_out_text(c, check, "code"),
			    *severity = tm_out_text(c, check, "severity"),
			    *policy = cell_policy(c, check),
			    *head = tm_out_paint(c->color, tm_out_style(severity), code),
			    *since = tm_out_cell(c, check, "since", TM_K_TIME_LONG);
	bool named = policy && !tm_streq(policy, "-");

	fprintf(c->out, "%s (%s)%s%s", head ? head : code, severity, named ? " of " : "",
		named ? policy : "");
	if (tm_out_str(check, "since"))
		fprintf(c->out, ", since %s", since);
	fputc('\n', c->out);
	part(c, check, "What", "summary");
	part(c, check, "Cause", "cause");
	part(c, check, "Cure", "cure");
	if (muted(check)) {
		_cleanup_free_ char *until = tm_out_cell(c, check, "muted_until", TM_K_TIME);

		fprintf(c->out, "%*s: until %s\n", LABEL, "Muted", until);
	}
	fputc('\n', c->out);
}

static int show(struct tm_cli *c, const json_t *health)
{
	const json_t *checks = json_object_get(health, "checks");
	int code = TM_EXIT_OK;
	json_t *check;
	size_t i;

	if (c->json)
		tm_out_json(c, health);
	else if (!json_array_size(checks))
		tm_hint(c, "Nothing is wrong.\n");
	else if (c->detail)
		json_array_foreach (checks, i, check)
			detail(c, check);
	else
		code = tm_out_table(c, checks, tm_health_columns);
	if (code != TM_EXIT_OK)
		return code;
	return tm_out_is(health, "state", "ok") ? TM_EXIT_OK : TM_EXIT_UNHEALTHY;
}

int cmd_health(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/health", NULL, 0, &a);

	return code == TM_EXIT_OK ? show(c, a.body) : code;
}

int cmd_health_mute(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_path_with("/v1/health/", tm_arg(c, 0), strlen(tm_arg(c, 0)),
						 "/mute"),
			    *code_shown = tm_safe(c, tm_arg(c, 0));
	_cleanup_answer_ struct tm_answer a = { 0 };
	uint64_t ms;
	json_t *body;
	int code;

	if (tm_parse_duration_ms(tm_arg(c, 1), &ms) < 0 || ms / 1000 > 366 * 86400ULL ||
	    (ms && ms < 1000)) {
		_cleanup_free_ char *shown = tm_safe(c, tm_arg(c, 1));

		tm_error(
			c,
			"health mute wants a duration of at least a second, such as 30min, 1h or 7d, not '%s'",
			shown);
		return TM_EXIT_USAGE;
	}
	body = json_object();
	json_object_set_new(body, "seconds", json_integer((json_int_t)(ms / 1000)));
	if (c->policy)
		json_object_set_new(body, "policy", json_string(c->policy));
	code = path ? tm_rest(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;
	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	if (c->json)
		tm_out_json(c, a.body);
	else if (!c->quiet && ms) {
		_cleanup_free_ char *time = tm_text_duration(ms);

		fprintf(c->out, "%s: muted for %s\n", code_shown, time);
	} else if (!c->quiet) {
		fprintf(c->out, "%s: counts again\n", code_shown);
	}
	return code;
}
