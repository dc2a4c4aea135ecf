// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy_run.c - starting runs and waiting for them: replicate, verify, sync, wait.
 */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/policy.h"
#include "cli/progress.h"
#include "cli/rest.h"
#include "cli/text.h"
#include "cli/watch.h"
#include "lib/clock.h"
#include "lib/text.h"

#define WAIT_STEP_MS	1000
#define SYNC_TIMEOUT_MS 60000

static uint64_t deadline_of(const struct tm_cli *c)
{
	return c->timeout_ms ? tm_mono_ms() + c->timeout_ms : UINT64_MAX;
}

static bool over(const json_t *p, const char *run)
{
	const char *result = tm_out_str(p, "last_run.result");

	return tm_out_is(p, "last_run.id", run) && result && !tm_streq(result, "running");
}

/* Follow one run of @policy until it is over. */
static int wait_run(struct tm_cli *c, const json_t *policy, const char *run)
{
	_cleanup_free_ char *tail = tm_asprintf("/wait?run=%s&timeout_ms=%d", run, WAIT_STEP_MS);
	_cleanup_free_ char *path =
		tail ? tm_policy_path(tm_out_str(policy, "id") ?: "", tail) : NULL;
	uint64_t deadline = deadline_of(c);
	struct tm_progress pr = { 0 };

	tm_progress_show(c, &pr, policy);
	for (;;) {
		_cleanup_answer_ struct tm_answer a = { 0 };
		int code = path ? tm_rest_quiet(c, "GET", path, NULL, WAIT_STEP_MS + 30000, &a)
				: TM_EXIT_FAILED;

		if (code != TM_EXIT_OK || over(a.body, run))
			tm_progress_end(c, &pr);
		if (code != TM_EXIT_OK) {
			tm_problem_print(c, &a);
			return code;
		}
		if (over(a.body, run)) {
			tm_policy_note(c, a.body);
			return tm_out_is(a.body, "last_run.result", "finished") ? TM_EXIT_OK
										: TM_EXIT_FAILED;
		}
		tm_progress_show(c, &pr, a.body);
		if (tm_mono_ms() > deadline) {
			tm_progress_end(c, &pr);
			tm_error(c, "the run is still under way; it goes on");
			return TM_EXIT_TIMEOUT;
		}
	}
}

/* Takes @body. */
static int start_run(struct tm_cli *c, const char *verb, json_t *body)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), verb);
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;
	const char *run;

	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	run = tm_out_str(a.body, "run");
	if (c->wait && run)
		return wait_run(c, a.body, run);
	tm_policy_note(c, a.body);
	return code;
}

int cmd_policy_replicate(struct tm_cli *c)
{
	json_t *body = json_object();

	json_object_set_new(body, "yes", json_boolean(c->yes));
	return start_run(c, "/replicate", body);
}

/* What the run found; a difference that was left is not as it should be. */
static int verified(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	_cleanup_free_ char *files = NULL, *bytes = NULL, *bad = NULL, *name = NULL;
	int code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), ""), &a);
	bool differs = tm_out_int(a.body, "last_run.mismatched") > 0;

	if (code != TM_EXIT_OK)
		return code;
	if (!c->json && !c->quiet && !c->columns) {
		files = tm_out_cell(c, a.body, "last_run.verified_files", TM_K_COUNT);
		bytes = tm_out_cell(c, a.body, "last_run.verified_bytes", TM_K_BYTES);
		bad = tm_out_cell(c, a.body, "last_run.mismatched", TM_K_COUNT);
		name = tm_out_text(c, a.body, "name");
		fprintf(c->out, "%s files, %s compared; %s found different%s\n", files, bytes, bad,
			!differs       ? ""
			: c->no_repair ? " and left as found"
				       : " and put right");
		if (differs && c->no_repair)
			tm_hint(c, "Which ones: tidemark policy failures %s\n", name);
	}
	return differs && c->no_repair ? TM_EXIT_UNHEALTHY : TM_EXIT_OK;
}

int cmd_policy_verify(struct tm_cli *c)
{
	json_t *body = json_object();
	int code;

	json_object_set_new(body, "repair", json_boolean(!c->no_repair));
	code = start_run(c, "/verify", body);
	return code == TM_EXIT_OK && c->wait ? verified(c) : code;
}

int cmd_policy_sync(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), "/sync"),
			    *name = tm_safe(c, tm_arg(c, 0)), *took = NULL;
	_cleanup_answer_ struct tm_answer a = { 0 };
	uint64_t timeout_ms = c->timeout_ms ? c->timeout_ms : SYNC_TIMEOUT_MS;
	json_t *body = json_object();
	int code;

	json_object_set_new(body, "timeout_ms", json_integer((json_int_t)timeout_ms));
	code = path ? tm_rest(c, "POST", path, body, timeout_ms + 30000, &a) : TM_EXIT_FAILED;
	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	took = tm_out_cell(c, a.body, "milliseconds", TM_K_MS);
	if (c->json)
		tm_out_json(c, a.body);
	else if (!c->quiet)
		fprintf(c->out, "%s: in sync up to this call, after %s\n", name, took);
	return code;
}

/* ---- wait */

static int wait_status(struct tm_cli *c)
{
	uint64_t deadline = deadline_of(c), cursor = 0;
	struct tm_progress pr = { 0 };

	for (;;) {
		_cleanup_free_ char *path = tm_policy_path(tm_arg(c, 0), "");
		_cleanup_answer_ struct tm_answer a = { 0 };
		int code = path ? tm_rest_quiet(c, "GET", path, NULL, 0, &a) : TM_EXIT_FAILED;
		bool there = code == TM_EXIT_OK && tm_out_is(a.body, "status", c->status);
		uint64_t now = tm_mono_ms();

		if (code != TM_EXIT_OK || there || now >= deadline)
			tm_progress_end(c, &pr);
		if (code != TM_EXIT_OK) {
			tm_problem_print(c, &a);
			return code;
		}
		if (there) {
			tm_policy_note(c, a.body);
			return TM_EXIT_OK;
		}
		if (now >= deadline) {
			_cleanup_free_ char *status = tm_out_text(c, a.body, "status");

			tm_error(c, "it is still %s", status);
			return TM_EXIT_TIMEOUT;
		}
		tm_progress_show(c, &pr, a.body);
		tm_watch_wait(c, TM_MIN(deadline - now, (uint64_t)WAIT_STEP_MS), &cursor);
	}
}

static bool known_status(const char *word)
{
	static const char *const words[] = { "Awaiting Authorization",
					     "Authorized",
					     "Replicating",
					     "Finished",
					     "Rejected",
					     "Incomplete",
					     "Stopped",
					     "Failed",
					     "Disabled",
					     "Disconnected" };

	for (size_t i = 0; i < TM_ARRAY_SIZE(words); i++)
		if (tm_streq(words[i], word))
			return true;
	return false;
}

int cmd_policy_wait(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	_cleanup_free_ char *shown = NULL;
	const char *run;
	int code;

	if (c->status && !known_status(c->status)) {
		shown = tm_safe(c, c->status);
		tm_error(c, "no such status: '%s'; tidemark-policy(1) lists them", shown);
		return TM_EXIT_USAGE;
	}
	if (c->status)
		return wait_status(c);
	code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), ""), &a);
	if (code != TM_EXIT_OK)
		return code;
	run = tm_out_str(a.body, "last_run.id");
	if (run && !over(a.body, run))
		return wait_run(c, a.body, run);
	tm_policy_note(c, a.body);
	return !run || tm_out_is(a.body, "last_run.result", "finished") ? TM_EXIT_OK
									: TM_EXIT_FAILED;
}
