// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_list.c - policy list, policy show.
 */
#include "cli/advice.h"
#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/text.h"

/* In a list the own cluster goes without saying: what has a name in front is elsewhere. */
static char *cell_source(const struct tm_cli *c, const json_t *p)
{
	return tm_out_is(p, "role", "source") ? tm_out_cell(c, p, "source.dir", TM_K_PATH)
					      : tm_policy_source(c, p);
}

static char *cell_target(const struct tm_cli *c, const json_t *p)
{
	return tm_out_is(p, "role", "target") ? tm_out_cell(c, p, "target.dir", TM_K_PATH)
					      : tm_policy_target(c, p);
}

const struct tm_column tm_list_columns[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "STATUS", .kind = TM_K_WORD, .cell = tm_policy_status, .flex = true },
	{ .title = "ROLE", .key = "role", .min_width = 76 },
	{ .title = "SOURCE", .cell = cell_source, .flex = true },
	{ .title = "TARGET", .cell = cell_target, .flex = true },
	{ .title = "LAG", .kind = TM_K_MS, .cell = tm_policy_lag },
	{ .title = "PENDING", .key = "pending", .kind = TM_K_COUNT, .min_width = 100 },
	{ .title = "RECOVERY POINT", .key = "recovery_point", .kind = TM_K_TIME, .hidden = true },
	{ .title = "PROGRESS", .key = "progress.percent", .kind = TM_K_PERCENT, .hidden = true },
	{ .title = "RATE", .key = "progress.rate_now", .kind = TM_K_RATE, .hidden = true },
	{ .title = "MODE", .key = "mode", .hidden = true },
	{ .title = "FAILURES", .key = "failures", .kind = TM_K_COUNT, .hidden = true },
	{ .title = "CREATED", .key = "created", .kind = TM_K_TIME, .hidden = true },
	{ .title = "ID", .key = "id", .hidden = true },
	{ 0 },
};

int cmd_policy_list(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/policies", NULL, 0, &a);
	json_t *p;
	size_t i;

	if (code == TM_EXIT_OK)
		code = tm_out_list(
			c, a.body, tm_list_columns,
			"No relationships yet. Create one: tidemark policy create NAME --source-dir DIR "
			"--target-dir DIR --target-address ADDRESS");
	if (code != TM_EXIT_OK)
		return code;
	json_array_foreach (a.body, i, p) {
		_cleanup_free_ char *name = NULL, *cluster = NULL;

		if (!tm_out_is(p, "status", "Awaiting Authorization") ||
		    !tm_out_is(p, "role", "target"))
			continue;
		name = tm_out_text(c, p, "name");
		cluster = tm_out_text(c, p, "source.cluster");
		tm_hint(c,
			"Authorization request from %s: see tidemark policy show %s; then accept or reject it.\n",
			cluster, name);
	}
	return code;
}

/* ---- show */

static char *cell_address(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *address = tm_out_text(c, p, "target.address"),
			    *port = tm_out_text(c, p, "target.port");

	return tm_asprintf("%s port %s", address, port);
}

static char *cell_changed(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *files = NULL, *deleted = NULL, *renamed = NULL;

	if (!json_is_object(json_object_get(p, "last_run")))
		return NULL;
	files = tm_out_cell(c, p, "last_run.files", TM_K_COUNT);
	deleted = tm_out_cell(c, p, "last_run.deleted", TM_K_COUNT);
	renamed = tm_out_cell(c, p, "last_run.renamed", TM_K_COUNT);
	return tm_asprintf("%s changed, %s deleted, %s renamed", files, deleted, renamed);
}

static char *cell_moved(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *payload = NULL, *wire = NULL;

	if (!json_is_object(json_object_get(p, "last_run")))
		return NULL;
	payload = tm_out_cell(c, p, "last_run.payload_bytes", TM_K_BYTES);
	wire = tm_out_cell(c, p, "last_run.wire_bytes", TM_K_BYTES);
	return tm_asprintf("%s of file data, %s on the wire", payload, wire);
}

static char *cell_seen(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *seen = tm_out_cell(c, p, "capture.seen", TM_K_COUNT),
			    *queued = tm_out_cell(c, p, "capture.queued", TM_K_COUNT),
			    *coalesced = tm_out_cell(c, p, "capture.coalesced", TM_K_COUNT),
			    *dropped = tm_out_cell(c, p, "capture.dropped", TM_K_COUNT);

	if (!tm_out_is(p, "role", "source"))
		return NULL;
	return tm_asprintf("%s seen = %s queued + %s coalesced + %s dropped", seen, queued,
			   coalesced, dropped);
}

/* What is asked about the source only makes sense there. */
static char *cell_pending(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *pending = tm_out_cell(c, p, "pending", TM_K_COUNT),
			    *flight = tm_out_cell(c, p, "in_flight", TM_K_COUNT);

	if (!tm_out_is(p, "role", "source"))
		return NULL;
	return tm_asprintf("%s changes, %s of them in flight", pending, flight);
}

static char *cell_in_sync(const struct tm_cli *c, const json_t *p)
{
	return tm_out_is(p, "role", "source") ? tm_out_text(c, p, "in_sync") : NULL;
}

static char *cell_backend(const struct tm_cli *c, const json_t *p)
{
	return tm_out_is(p, "role", "source") ? tm_out_text(c, p, "capture.backend") : NULL;
}

static char *cell_allowed(const struct tm_cli *c, const json_t *p)
{
	bool devices = json_is_true(json_object_get(p, "allow_devices"));
	bool suid = json_is_true(json_object_get(p, "allow_suid"));

	(void)c;
	if (!devices && !suid)
		return NULL;
	return tm_asprintf("%s%s%s", devices ? "device nodes" : "", devices && suid ? ", " : "",
			   suid ? "setuid, setgid, file capabilities" : "");
}

static bool is_replicating(const json_t *p)
{
	return tm_out_is(p, "last_run.result", "running");
}

static char *cell_done(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *files = NULL, *total = NULL, *bytes = NULL, *of = NULL;

	if (!is_replicating(p))
		return NULL;
	files = tm_out_cell(c, p, "progress.files_done", TM_K_COUNT);
	total = tm_out_cell(c, p, "progress.files_total", TM_K_COUNT);
	bytes = tm_out_cell(c, p, "progress.bytes_done", TM_K_BYTES);
	of = tm_out_cell(c, p, "progress.bytes_total", TM_K_BYTES);
	return tm_asprintf("%s of %s files, %s of %s", files, total, bytes, of);
}

static char *cell_rate(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *now = NULL, *average = NULL;

	if (!is_replicating(p))
		return NULL;
	now = tm_out_cell(c, p, "progress.rate_now", TM_K_RATE);
	average = tm_out_cell(c, p, "progress.rate_average", TM_K_RATE);
	return tm_asprintf("%s now, %s on average", now, average);
}

static char *cell_left(const struct tm_cli *c, const json_t *p)
{
	return is_replicating(p) ? tm_out_cell(c, p, "progress.seconds_left", TM_K_SECONDS) : NULL;
}

static const struct tm_column show_columns[] = {
	{ .title = "Name", .key = "name" },
	{ .title = "Id", .key = "id" },
	{ .title = "Status", .kind = TM_K_WORD, .cell = tm_policy_status },
	{ .title = "Role", .key = "role" },
	{ .title = "Source", .cell = tm_policy_source },
	{ .title = "Target", .cell = tm_policy_target },
	{ .title = "Address", .cell = cell_address },
	{ .title = "Mode", .key = "mode" },
	{ .title = "Peer key", .key = "peer_fingerprint" },
	{ .title = "Allowed", .cell = cell_allowed },
	{ .title = "Created", .key = "created", .kind = TM_K_TIME_LONG },
	{ .title = "Safety", .kind = TM_K_SECTION },
	{ .title = "Recovery point", .key = "recovery_point", .kind = TM_K_TIME_LONG },
	{ .title = "Lag", .kind = TM_K_MS, .cell = tm_policy_lag },
	{ .title = "Pending", .cell = cell_pending },
	{ .title = "In sync", .cell = cell_in_sync },
	{ .title = "Failures", .key = "failures", .kind = TM_K_COUNT },
	{ .title = "Last error", .key = "last_error" },
	{ .title = "Progress", .kind = TM_K_SECTION },
	{ .title = "Done", .cell = cell_done },
	{ .title = "Rate", .cell = cell_rate },
	{ .title = "Time left", .cell = cell_left },
	{ .title = "Last run", .kind = TM_K_SECTION },
	{ .title = "Kind", .key = "last_run.kind" },
	{ .title = "Result", .key = "last_run.result", .kind = TM_K_WORD },
	{ .title = "Started", .key = "last_run.started", .kind = TM_K_TIME_LONG },
	{ .title = "Ended", .key = "last_run.finished", .kind = TM_K_TIME_LONG },
	{ .title = "Files", .cell = cell_changed },
	{ .title = "Bytes", .cell = cell_moved },
	{ .title = "Error", .key = "last_run.error" },
	{ .title = "Capture", .kind = TM_K_SECTION },
	{ .title = "Backend", .cell = cell_backend },
	{ .title = "Operations", .cell = cell_seen },
	{ .title = "Incomplete", .key = "capture.incomplete.since", .kind = TM_K_TIME_LONG },
	{ .title = "Because", .key = "capture.incomplete.reason" },
	{ .title = "Scope", .key = "capture.incomplete.scope" },
	{ 0 },
};

static void print_request(const struct tm_cli *c, const json_t *p)
{
	_cleanup_free_ char *cluster = NULL, *fp = NULL, *source = NULL, *target = NULL,
			    *address = NULL, *ask = NULL, *warning = NULL;

	if (!json_is_object(json_object_get(p, "request")))
		return;
	cluster = tm_out_text(c, p, "source.cluster");
	fp = tm_out_text(c, p, "peer_fingerprint");
	source = tm_out_cell(c, p, "source.dir", TM_K_PATH);
	target = tm_out_cell(c, p, "target.dir", TM_K_PATH);
	address = tm_out_text(c, p, "request.address");
	ask = tm_asprintf(
		"Authorization request: cluster %s at %s, key %s, asks to replicate its %s into %s of this cluster.",
		cluster, address, fp, source, target);
	fputc('\n', c->out);
	tm_out_paragraph(c, 0, ask ? ask : "?");
	if (tm_out_int(p, "request.est_bytes") > 0) {
		_cleanup_free_ char *bytes = tm_out_cell(c, p, "request.est_bytes", TM_K_BYTES),
				    *files = tm_out_cell(c, p, "request.est_files", TM_K_COUNT);

		fprintf(c->out, "About %s in %s files.\n", bytes, files);
	}
	if (json_is_false(tm_out_at(p, "request.target_exists")))
		warning = tm_asprintf(
			"Warning: %s does not exist here. Create it and accept again, or accept with "
			"--create-dir.",
			target);
	else if (tm_out_int(p, "request.target_entries") > 0)
		warning = tm_asprintf(
			"Warning: %s is not empty: what the source does not have is deleted. Accepting it "
			"takes --yes.",
			target);
	if (warning)
		tm_out_paragraph(c, 0, warning);
}

static void what_to_do(const struct tm_cli *c, const json_t *p)
{
	_cleanup_(tm_advice_free) struct tm_advice a = { 0 };
	_cleanup_free_ char *name = tm_out_text(c, p, "name"),
			    *head = tm_out_paint(c->color, TM_BOLD, "What to do");

	tm_advise(c, p, &a);
	if (!a.what)
		return;
	fprintf(c->out, "\n%s\n", head ? head : "What to do");
	tm_advice_lines(c, &a, name);
}

int cmd_policy_show(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), ""), &a);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	/* -o means the API's fields here: the labels above are for reading. */
	code = tm_out_fields(c, a.body, c->columns ? NULL : show_columns);
	if (code != TM_EXIT_OK || c->columns)
		return code;
	print_request(c, a.body);
	if (!c->quiet)
		what_to_do(c, a.body);
	return code;
}
