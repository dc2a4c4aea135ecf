// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_past.c - what was: runs and failures of a policy.
 */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "cli/text.h"
#include "lib/clock.h"
#include "lib/text.h"

static char *cell_took(const struct tm_cli *c, const json_t *run)
{
	const char *from = tm_out_str(run, "started"), *to = tm_out_str(run, "finished");
	int64_t start, end = tm_wall_ns();

	if (!from || tm_text_parse_time(from, &start) < 0 ||
	    (to && tm_text_parse_time(to, &end) < 0) || end < start)
		return NULL;
	if (c->bytes || c->raw)
		return tm_asprintf("%" PRId64, (end - start) / 1000000);
	return tm_text_duration((uint64_t)(end - start) / 1000000);
}

const struct tm_column tm_run_columns[] = {
	{ .title = "ID", .key = "id", .min_width = 100 },
	{ .title = "STARTED", .key = "started", .kind = TM_K_TIME },
	{ .title = "TOOK", .kind = TM_K_MS, .cell = cell_took },
	{ .title = "KIND", .key = "kind", .min_width = 100 },
	{ .title = "RESULT", .key = "result", .kind = TM_K_WORD },
	{ .title = "FILES", .key = "files", .kind = TM_K_COUNT },
	{ .title = "DELETED", .key = "deleted", .kind = TM_K_COUNT },
	{ .title = "RENAMED", .key = "renamed", .kind = TM_K_COUNT, .min_width = 100 },
	{ .title = "PAYLOAD", .key = "payload_bytes", .kind = TM_K_BYTES },
	{ .title = "WIRE", .key = "wire_bytes", .kind = TM_K_BYTES },
	{ .title = "FINISHED", .key = "finished", .kind = TM_K_TIME, .hidden = true },
	{ .title = "BATCHES", .key = "batches", .kind = TM_K_COUNT, .hidden = true },
	{ .title = "READ", .key = "read_bytes", .kind = TM_K_BYTES, .hidden = true },
	{ .title = "VERIFIED", .key = "verified_bytes", .kind = TM_K_BYTES, .hidden = true },
	{ .title = "DIFFERED", .key = "mismatched", .kind = TM_K_COUNT, .hidden = true },
	{ .title = "ERROR", .key = "error", .hidden = true, .flex = true },
	{ 0 },
};

const struct tm_column tm_failure_columns[] = {
	{ .title = "TIME", .key = "time", .kind = TM_K_TIME },
	{ .title = "OPERATION", .key = "op" },
	{ .title = "PATH", .key = "path", .kind = TM_K_PATH, .flex = true },
	{ .title = "ERROR", .key = "error", .flex = true },
	{ 0 },
};

static int past(struct tm_cli *c, const char *what, const struct tm_column *columns,
		const char *empty)
{
	_cleanup_free_ char *query = tm_page_query(c),
			    *tail = query ? tm_asprintf("/%s%s", what, query) : NULL;
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tail ? tm_rest_get(c, tm_policy_path(tm_arg(c, 0), tail), &a) : TM_EXIT_FAILED;

	return code == TM_EXIT_OK ? tm_out_list(c, a.body, columns, empty) : code;
}

int cmd_policy_runs(struct tm_cli *c)
{
	return past(c, "runs", tm_run_columns, "No runs yet.");
}

int cmd_policy_failures(struct tm_cli *c)
{
	return past(c, "failures", tm_failure_columns, "No file failed.");
}

const struct tm_column tm_series_columns[] = {
	{ .title = "TIME", .key = "time", .kind = TM_K_TIME },
	{ .title = "RATE", .key = "rate", .kind = TM_K_RATE },
	{ .title = "LAG", .key = "lag_ms", .kind = TM_K_MS },
	{ .title = "PENDING", .key = "pending", .kind = TM_K_COUNT },
	{ 0 },
};

int cmd_policy_series(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), "/series"), &a);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	return tm_out_list(c, json_object_get(a.body, "samples"), tm_series_columns,
			   "Nothing was sampled yet.");
}
