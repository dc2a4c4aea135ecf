// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_request.c - asking for a relationship, and answering: create, edit, accept, reject, preview.
 */
#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "cli/text.h"
#include "lib/text.h"

#define CREATE_TIMEOUT_MS 40000 /* the daemon itself gives up after 15 s */

static void created(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *fp = tm_out_text(c, p, "peer_fingerprint"),
			    *name = tm_out_text(c, p, "name");

	tm_policy_note(c, p);
	if (c->json || c->columns || c->quiet)
		return;
	fprintf(c->out,
		"The target's key, pinned from now on: %s\n"
		"Compare it with `tidemark status` on the target; its admin accepts with: tidemark policy accept %s\n",
		fp, name);
}

int cmd_policy_create(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *body;
	int code;

	if (!c->source_dir || !c->target_dir || !c->target_address) {
		tm_error(c, "policy create wants --source-dir, --target-dir and --target-address");
		tm_hint(c, "See tidemark policy create --help\n");
		return TM_EXIT_USAGE;
	}
	body = json_object();
	tm_set_bytes(body, "name", tm_arg(c, 0));
	tm_set_bytes(body, "source_dir", c->source_dir);
	tm_set_bytes(body, "target_dir", c->target_dir);
	json_object_set_new(body, "target_address", json_string(c->target_address));
	if (c->target_port)
		json_object_set_new(body, "target_port", json_integer((json_int_t)c->target_port));
	if (c->mode)
		json_object_set_new(body, "mode", json_string(c->mode));
	if (c->fingerprint)
		json_object_set_new(body, "target_fingerprint", json_string(c->fingerprint));
	code = tm_rest(c, "POST", "/v1/policies", body, CREATE_TIMEOUT_MS, &a);
	json_decref(body);
	if (code == TM_EXIT_OK)
		created(c, a.body);
	return code;
}

int cmd_policy_edit(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), "");
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *body;
	int code;

	if (!c->mode && !c->target_address && !c->target_port) {
		tm_error(
			c,
			"policy edit wants what to change: --mode, --target-address or --target-port");
		return TM_EXIT_USAGE;
	}
	body = json_object();
	if (c->mode)
		json_object_set_new(body, "mode", json_string(c->mode));
	if (c->target_address)
		json_object_set_new(body, "target_address", json_string(c->target_address));
	if (c->target_port)
		json_object_set_new(body, "target_port", json_integer((json_int_t)c->target_port));
	code = path ? tm_rest(c, "PATCH", path, body, 0, &a) : TM_EXIT_FAILED;
	json_decref(body);
	if (code == TM_EXIT_OK)
		tm_policy_note(c, a.body);
	return code;
}

int cmd_policy_reject(struct tm_cli *c)
{
	json_t *body = json_object();

	if (c->reason)
		json_object_set_new(body, "reason", json_string(c->reason));
	return tm_policy_post(c, "/reject", body);
}

/* ---- preview */

const struct tm_column tm_preview_columns[] = {
	{ .title = "NAME", .key = "name", .kind = TM_K_PATH, .flex = true },
	{ .title = "TYPE", .key = "type" },
	{ .title = "SIZE", .key = "size", .kind = TM_K_BYTES },
	{ .title = "CHANGED", .key = "mtime", .kind = TM_K_TIME },
	{ 0 },
};

/* Takes @text. */
static void tell(const struct tm_cli *c, char *text)
{
	_cleanup_free_ char *line = text;
	_cleanup_free_ char *body =
		line ? tm_text_wrap(line, 0, c->width && c->width < 100 ? c->width : 100) : NULL;

	if (body)
		fprintf(c->talk, "%s\n", body);
}

static char *counted(const struct tm_cli *c, const json_t *v, const char *key, const char *one,
		     const char *many)
{
	_cleanup_free_ char *n = tm_out_cell(c, v, key, TM_K_COUNT);

	return tm_asprintf("%s %s", n, tm_out_int(v, key) == 1 ? one : many);
}

/* In words, on stderr: what accepting would replace or delete. */
static void preview_summary(const struct tm_cli *c, const json_t *v)
{
	_cleanup_free_ char *dir = tm_out_cell(c, v, "dir", TM_K_PATH), *newest = NULL,
			    *bytes = NULL, *files = NULL, *dirs = NULL;

	if (!json_is_true(json_object_get(v, "exists"))) {
		tell(c, tm_asprintf("%s does not exist: accepting takes --create-dir.", dir));
		return;
	}
	if (json_is_true(json_object_get(v, "empty"))) {
		tell(c, tm_asprintf("%s is empty: nothing would be lost.", dir));
		return;
	}
	files = counted(c, v, "files", "file", "files");
	dirs = counted(c, v, "directories", "directory", "directories");
	bytes = tm_out_cell(c, v, "bytes", TM_K_BYTES);
	newest = tm_out_cell(c, v, "newest", TM_K_TIME_LONG);
	tell(c,
	     tm_asprintf(
		     "%s holds %s%s and %s, %s, last changed %s. What the source has under the same name "
		     "replaces it; everything else there is deleted.",
		     dir, json_is_true(json_object_get(v, "more")) ? "more than " : "", files, dirs,
		     bytes, newest));
}

int cmd_policy_preview(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), "/preview"), &a);
	const json_t *sample;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	sample = json_object_get(a.body, "sample");
	if (!c->quiet)
		preview_summary(c, a.body);
	return json_array_size(sample) ? tm_out_table(c, sample, tm_preview_columns) : code;
}

/* ---- accept */

static json_t *consent(const struct tm_cli *c)
{
	json_t *body = json_object();

	json_object_set_new(body, "yes", json_boolean(c->yes));
	json_object_set_new(body, "create_dir", json_boolean(c->create_dir));
	json_object_set_new(body, "allow_devices", json_boolean(c->allow_devices));
	json_object_set_new(body, "allow_suid", json_boolean(c->allow_suid));
	return body;
}

static bool agrees_to_create(const struct tm_cli *c, const json_t *problem)
{
	_cleanup_free_ char *dir = tm_out_cell(c, problem, "dir", TM_K_PATH);
	_cleanup_free_ char *question = tm_asprintf("%s does not exist. Create it? [y/N] ", dir);

	return question && tm_ask(c, NULL, question);
}

/* An explicit yes to what is lost: the name, after a look. */
static bool agrees_to_replace(const struct tm_cli *c, const char *ref)
{
	_cleanup_free_ char *path = tm_policy_path(ref, "/preview"), *name = tm_safe(c, ref),
			    *question = NULL;
	_cleanup_answer_ struct tm_answer a = { 0 };

	if (path && tm_rest_quiet(c, "GET", path, NULL, 0, &a) == TM_EXIT_OK) {
		struct tm_cli show = *c;

		preview_summary(c, a.body);
		show.out = c->talk;
		show.columns = NULL;
		if (json_array_size(json_object_get(a.body, "sample")))
			tm_out_table(&show, json_object_get(a.body, "sample"), tm_preview_columns);
	} else {
		tell(c,
		     strdup("The target directory is not empty: what the source does not have is deleted there."));
	}
	question = tm_asprintf("Type the name of the policy (%s) to agree: ", name);
	return question && tm_ask(c, ref, question);
}

int cmd_policy_accept(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), "/accept");

	for (;;) {
		_cleanup_answer_ struct tm_answer a = { 0 };
		bool asked = true, agreed = false;
		json_t *body = consent(c);
		int code = path ? tm_rest_quiet(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;

		json_decref(body);
		if (code == TM_EXIT_OK) {
			tm_policy_note(c, a.body);
			return code;
		}
		if (tm_can_ask(c) && tm_out_is(a.body, "code", "target-missing") && !c->create_dir)
			c->create_dir = agreed = agrees_to_create(c, a.body);
		else if (tm_can_ask(c) && tm_out_is(a.body, "code", "target-not-empty") && !c->yes)
			c->yes = agreed = agrees_to_replace(c, tm_arg(c, 0));
		else
			asked = false;
		if (asked && agreed)
			continue;
		if (asked)
			tm_error(c, "nothing was accepted");
		else
			tm_problem_print(c, &a);
		return code;
	}
}
