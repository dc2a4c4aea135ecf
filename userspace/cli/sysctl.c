// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/sysctl.c - settings, with the manners of sysctl(8).
 */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/rest.h"
#include "conf/parse.h"
#include "conf/settings.h"
#include "lib/text.h"

const struct tm_column tm_sysctl_columns[] = {
	{ .title = "KEY", .key = "key" },
	{ .title = "VALUE", .key = "value", .flex = true },
	{ .title = "DEFAULT", .key = "default" },
	{ .title = "ORIGIN", .key = "origin", .flex = true },
	{ .title = "TYPE", .key = "type" },
	{ .title = "CHANGEABLE", .key = "changeable" },
	{ .title = "HELP", .key = "help", .flex = true },
	{ 0 },
};

/* One row in the form that was asked for. */
static void print_setting(const struct tm_cli *c, const json_t *s)
{
	_cleanup_free_ char *key = tm_out_text(c, s, "key"),
			    *value = tm_safe(c, tm_out_str(s, "value")), *origin = NULL;

	if (c->names)
		fprintf(c->out, "%s\n", key);
	else if (c->values)
		fprintf(c->out, "%s\n", value);
	else if (c->origin) {
		origin = tm_out_text(c, s, "origin");
		fprintf(c->out, "%s = %s  # %s\n", key, value, origin);
	} else {
		fprintf(c->out, "%s = %s\n", key, value);
	}
}

static void describe(const struct tm_cli *c, const json_t *s)
{
	static const struct tm_column fields[] = {
		{ .title = "Value", .key = "value" },
		{ .title = "Default", .key = "default" },
		{ .title = "Type", .key = "type" },
		{ .title = "Unit", .key = "unit" },
		{ .title = "Least", .key = "min" },
		{ .title = "Most", .key = "max" },
		{ .title = "Origin", .key = "origin" },
		{ .title = "At run time", .key = "changeable" },
		{ .title = "For", .key = "help" },
		{ 0 },
	};
	_cleanup_free_ char *key = tm_out_text(c, s, "key"),
			    *head = tm_out_paint(c->color, TM_BOLD, key);

	fprintf(c->out, "%s\n", head ? head : key);
	tm_out_fields(c, s, fields);
}

/* Copies the rows that are wanted into @ret; all without KEY. */
static int select_rows(const struct tm_cli *c, const json_t *all, json_t *ret)
{
	int code = TM_EXIT_OK;

	if (!c->n_args || c->all) {
		json_array_extend(ret, (json_t *)all);
		return code;
	}
	for (size_t k = 0; k < c->n_args; k++) {
		_cleanup_free_ char *want = strdup(c->args[k]), *shown = tm_safe(c, c->args[k]);
		const char *near = tm_setting_nearest(c->args[k]);
		bool found = false;
		json_t *s;
		size_t i;

		for (char *p = want; p && *p; p++)
			*p = *p == '/' ? '.' : *p;
		json_array_foreach (all, i, s)
			if (want && tm_out_is(s, "key", want)) {
				found = true;
				json_array_append(ret, s);
			}
		if (found || c->ignore)
			continue;
		tm_error(c, "no setting %s%s%s; `tidemark sysctl` lists them", shown,
			 near ? "; did you mean " : "", near ? near : "");
		code = TM_EXIT_NOT_FOUND;
	}
	return code;
}

static int show_settings(const struct tm_cli *c, const json_t *rows)
{
	json_t *s;
	size_t i;

	if (c->json) {
		/* One KEY is one object. */
		tm_out_json(c, c->n_args == 1 && !c->all ? json_array_get(rows, 0) : rows);
		return TM_EXIT_OK;
	}
	if (c->columns || c->raw)
		return tm_out_table(c, rows, tm_sysctl_columns);
	json_array_foreach (rows, i, s)
		if (c->describe)
			describe(c, s);
		else
			print_setting(c, s);
	return TM_EXIT_OK;
}

static int read_settings(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/settings", NULL, 0, &a), shown;
	json_t *rows;

	if (code != TM_EXIT_OK)
		return code;
	rows = json_array();
	code = select_rows(c, a.body, rows);
	shown = json_array_size(rows) ? show_settings(c, rows) : TM_EXIT_OK;
	json_decref(rows);
	return code != TM_EXIT_OK ? code : shown;
}

/* All assignments in one request: together or not at all. */
static int write_settings(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *body = json_object(), *s;
	int code = TM_EXIT_OK;
	size_t i;

	for (size_t k = 0; k < c->n_args && code == TM_EXIT_OK; k++) {
		char key[TM_CONF_KEY_MAX], value[TM_CONF_VALUE_MAX];
		bool optional;
		const char *wrong =
			tm_conf_split(c->args[k], strlen(c->args[k]), key, value, &optional);

		if (wrong) {
			_cleanup_free_ char *shown = tm_safe(c, c->args[k]);

			tm_error(c, "%s: '%s'; sysctl -w wants KEY=VALUE", wrong, shown);
			code = TM_EXIT_USAGE;
		} else {
			json_object_set_new(body, key, json_string(value));
		}
	}
	if (code == TM_EXIT_OK)
		code = tm_rest(c, "PATCH", "/v1/settings", body, 0, &a);
	if (code == TM_EXIT_OK && c->json)
		tm_out_json(c, a.body);
	else if (code == TM_EXIT_OK && !c->quiet)
		json_array_foreach (a.body, i, s)
			if (json_object_get(body, tm_out_str(s, "key") ?: ""))
				print_setting(c, s);
	json_decref(body);
	return code;
}

int cmd_sysctl(struct tm_cli *c)
{
	size_t assignments = 0;

	for (size_t i = 0; i < c->n_args; i++)
		assignments += strchr(c->args[i], '=') != NULL;
	if (c->write && !c->n_args) {
		tm_error(c, "sysctl -w wants KEY=VALUE");
		return TM_EXIT_USAGE;
	}
	if (assignments && assignments != c->n_args) {
		tm_error(c, "sysctl: either KEYs to read or KEY=VALUEs to change");
		return TM_EXIT_USAGE;
	}
	return c->write || assignments ? write_settings(c) : read_settings(c);
}
