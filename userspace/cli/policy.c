// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/policy.c - the tutorial's commands: create, accept, replicate, watch, delete.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/rest.h"
#include "lib/clock.h"
#include "lib/text.h"

#define CREATE_TIMEOUT_MS 40000 /* the daemon itself gives up after 15 s */
#define WAIT_STEP_MS	  1000

static void note(const struct tm_cli *c, const json_t *policy)
{
	_cleanup_free_ char *status = NULL, *name = NULL;

	if (c->json) {
		tm_out_json(policy);
		return;
	}
	status = tm_out_status(policy);
	name = tm_out_text(policy, "name");
	printf("%s: %s\n", name ? name : "?", status ? status : "?");
}

/* POST to a policy and show what became of it. */
static int act(struct tm_cli *c, const char *tail, json_t *body)
{
	_cleanup_free_ char *path = tm_policy_path(c->ref, tail);
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;

	json_decref(body);
	if (code == TM_EXIT_OK)
		note(c, a.body);
	return code;
}

/* A path argument: as text, or as base64 if it is not UTF-8. */
static void set_path(json_t *body, const char *key, const char *value)
{
	_cleanup_free_ char *b64 = NULL, *key64 = NULL;

	if (tm_utf8_valid(value, strlen(value))) {
		json_object_set_new(body, key, json_string(value));
		return;
	}
	b64 = tm_base64(value, strlen(value));
	key64 = tm_asprintf("%s_b64", key);
	if (b64 && key64)
		json_object_set_new(body, key64, json_string(b64));
}

int cmd_policy_create(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *body = json_object();
	int code;

	if (!c->source_dir || !c->target_dir || !c->target_address) {
		fprintf(stderr,
			"tidemark: policy create wants --source-dir, --target-dir and --target-address\n");
		json_decref(body);
		return TM_EXIT_USAGE;
	}
	set_path(body, "name", c->ref);
	set_path(body, "source_dir", c->source_dir);
	set_path(body, "target_dir", c->target_dir);
	json_object_set_new(body, "target_address", json_string(c->target_address));
	if (c->target_port)
		json_object_set_new(body, "target_port", json_integer((json_int_t)c->target_port));
	if (c->mode)
		json_object_set_new(body, "mode", json_string(c->mode));
	if (c->fingerprint)
		json_object_set_new(body, "target_fingerprint", json_string(c->fingerprint));
	code = tm_rest(c, "POST", "/v1/policies", body, CREATE_TIMEOUT_MS, &a);
	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	note(c, a.body);
	if (!c->json) {
		_cleanup_free_ char *fp = tm_out_text(a.body, "peer_fingerprint");

		printf("The target's key, pinned from now on: %s\n"
		       "Compare it with `tidemark status` on the target; its admin accepts with: tidemark policy accept %s\n",
		       fp ? fp : "?", c->ref);
	}
	return code;
}

static char *cell_source(const json_t *row)
{
	_cleanup_free_ char *cluster = tm_out_text(row, "source.cluster"),
			    *dir = tm_out_text(row, "source.dir");

	return cluster && dir ? tm_asprintf("%s:%s", cluster, dir) : NULL;
}

static char *cell_target(const json_t *row)
{
	_cleanup_free_ char *cluster = tm_out_text(row, "target.cluster"),
			    *dir = tm_out_text(row, "target.dir");
	_cleanup_free_ char *address = tm_out_text(row, "target.address");

	if (!cluster || !dir || !address)
		return NULL;
	return tm_asprintf("%s:%s", tm_streq(cluster, "-") ? address : cluster, dir);
}

static const struct tm_column list_columns[] = {
	{ "NAME", "name", NULL },	 { "STATUS", NULL, tm_out_status },
	{ "ROLE", "role", NULL },	 { "SOURCE", NULL, cell_source },
	{ "TARGET", NULL, cell_target }, { "RECOVERY POINT", "recovery_point", NULL },
	{ "PENDING", "pending", NULL },
};

static int list_once(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/policies", NULL, 0, &a);
	json_t *p;
	size_t i;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(a.body);
		return code;
	}
	if (!json_array_size(a.body)) {
		fprintf(stderr,
			"No relationships yet. Create one: tidemark policy create NAME --source-dir DIR "
			"--target-dir DIR --target-address ADDRESS\n");
		return code;
	}
	code = tm_out_table(a.body, list_columns, TM_ARRAY_SIZE(list_columns));
	json_array_foreach (a.body, i, p) {
		const char *status = json_string_value(json_object_get(p, "status"));
		const char *role = json_string_value(json_object_get(p, "role"));
		_cleanup_free_ char *name = NULL, *cluster = NULL;

		if (!status || !role || !tm_streq(status, "Awaiting Authorization") ||
		    !tm_streq(role, "target"))
			continue;
		name = tm_out_text(p, "name");
		cluster = tm_out_text(p, "source.cluster");
		fprintf(stderr,
			"Authorization request from %s: see tidemark policy show %s; then accept or reject it.\n",
			cluster ? cluster : "?", name ? name : "?");
	}
	return code;
}

static void pause_ms(uint64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
			       .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

int cmd_policy_list(struct tm_cli *c)
{
	int code;

	for (;;) {
		if (c->watch && !c->json && isatty(STDOUT_FILENO))
			printf("\033[H\033[J");
		code = list_once(c);
		fflush(stdout);
		if (!c->watch || code != TM_EXIT_OK)
			return code;
		pause_ms(c->watch_ms);
	}
}

static void print_request(const json_t *p)
{
	_cleanup_free_ char *cluster = NULL, *fp = NULL, *source = NULL, *target = NULL,
			    *name = NULL;

	if (!json_is_object(json_object_get(p, "request")))
		return;
	cluster = tm_out_text(p, "source.cluster");
	fp = tm_out_text(p, "peer_fingerprint");
	source = tm_out_text(p, "source.dir");
	target = tm_out_text(p, "target.dir");
	name = tm_out_text(p, "name");
	printf("\nAuthorization request: cluster %s, key %s,\nasks to replicate its %s into %s of this cluster.\n",
	       cluster, fp, source, target);
	if (json_is_false(tm_out_at(p, "request.target_exists")))
		printf("Warning: %s does not exist here. Create it and accept again, or accept with --create-dir.\n",
		       target);
	else if (tm_out_int(p, "request.target_entries") > 0)
		printf("Warning: %s is not empty: what the source does not have is deleted. Accepting it takes --yes.\n",
		       target);
	printf("  tidemark policy accept %s\n  tidemark policy reject %s\n", name, name);
}

int cmd_policy_show(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(c->ref, "");
	int code;

	for (;;) {
		_cleanup_answer_ struct tm_answer a = { 0 };

		code = path ? tm_rest(c, "GET", path, NULL, 0, &a) : TM_EXIT_FAILED;
		if (code != TM_EXIT_OK)
			return code;
		if (c->watch && !c->json && isatty(STDOUT_FILENO))
			printf("\033[H\033[J");
		if (c->json) {
			tm_out_json(a.body);
		} else {
			tm_out_policy(a.body);
			print_request(a.body);
		}
		fflush(stdout);
		if (!c->watch)
			return code;
		pause_ms(c->watch_ms);
	}
}

int cmd_policy_accept(struct tm_cli *c)
{
	json_t *body = json_object();

	json_object_set_new(body, "yes", json_boolean(c->yes));
	json_object_set_new(body, "create_dir", json_boolean(c->create_dir));
	json_object_set_new(body, "allow_devices", json_boolean(c->allow_devices));
	json_object_set_new(body, "allow_suid", json_boolean(c->allow_suid));
	return act(c, "/accept", body);
}

int cmd_policy_reject(struct tm_cli *c)
{
	json_t *body = json_object();

	if (c->reason)
		json_object_set_new(body, "reason", json_string(c->reason));
	return act(c, "/reject", body);
}

int cmd_policy_abort(struct tm_cli *c)
{
	return act(c, "/abort", NULL);
}

int cmd_policy_enable(struct tm_cli *c)
{
	return act(c, "/enable", NULL);
}

int cmd_policy_disable(struct tm_cli *c)
{
	return act(c, "/disable", NULL);
}

static void show_progress(const json_t *p, bool tty)
{
	_cleanup_free_ char *text = tm_out_progress(p);

	if (text && tty)
		fprintf(stderr, "\r\033[K%s", text);
}

/* Follow one run until it is over. */
static int wait_run(struct tm_cli *c, const char *id, const char *run)
{
	_cleanup_free_ char *tail = tm_asprintf("/wait?run=%s&timeout_ms=%d", run, WAIT_STEP_MS);
	_cleanup_free_ char *path = tail ? tm_policy_path(id, tail) : NULL;
	uint64_t deadline = c->timeout_ms ? tm_mono_ms() + c->timeout_ms : UINT64_MAX;
	bool tty = !c->json && isatty(STDERR_FILENO);

	for (;;) {
		_cleanup_answer_ struct tm_answer a = { 0 };
		const char *result, *last;
		int code = path ? tm_rest(c, "GET", path, NULL, WAIT_STEP_MS + 30000, &a)
				: TM_EXIT_FAILED;

		if (code != TM_EXIT_OK)
			return code;
		last = json_string_value(tm_out_at(a.body, "last_run.id"));
		result = json_string_value(tm_out_at(a.body, "last_run.result"));
		if (last && tm_streq(last, run) && result && !tm_streq(result, "running")) {
			if (tty)
				fprintf(stderr, "\r\033[K");
			note(c, a.body);
			return tm_streq(result, "finished") ? TM_EXIT_OK : TM_EXIT_FAILED;
		}
		show_progress(a.body, tty);
		if (tm_mono_ms() > deadline) {
			fprintf(stderr, "tidemark: the run is still under way; it goes on\n");
			return TM_EXIT_TIMEOUT;
		}
	}
}

int cmd_policy_replicate(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(c->ref, "/replicate");
	_cleanup_answer_ struct tm_answer a = { 0 };
	json_t *body = json_object();
	const char *id, *run;
	int code;

	json_object_set_new(body, "yes", json_boolean(c->yes));
	code = path ? tm_rest(c, "POST", path, body, 0, &a) : TM_EXIT_FAILED;
	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	id = json_string_value(json_object_get(a.body, "id"));
	run = json_string_value(json_object_get(a.body, "run"));
	if (!c->wait || !id || !run) {
		note(c, a.body);
		return code;
	}
	return wait_run(c, id, run);
}

int cmd_policy_sync(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(c->ref, "/sync");
	_cleanup_answer_ struct tm_answer a = { 0 };
	uint64_t timeout_ms = c->timeout_ms ? c->timeout_ms : 60000;
	json_t *body = json_pack("{s:I}", "timeout_ms", (json_int_t)timeout_ms);
	int code = path ? tm_rest(c, "POST", path, body, timeout_ms + 30000, &a) : TM_EXIT_FAILED;

	json_decref(body);
	if (code != TM_EXIT_OK)
		return code;
	if (c->json)
		tm_out_json(a.body);
	else
		printf("%s: in sync up to this call, after %" PRId64 " ms\n", c->ref,
		       tm_out_int(a.body, "milliseconds"));
	return code;
}

static bool confirmed(const json_t *p)
{
	_cleanup_free_ char *name = tm_out_text(p, "name");
	_cleanup_free_ char *source = cell_source(p), *target = cell_target(p);
	char answer[256];

	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "tidemark: deleting %s needs a confirmation: --yes\n",
			name ? name : "?");
		return false;
	}
	fprintf(stderr,
		"Delete the relationship %s?\n  source %s\n  target %s\n"
		"The data on both sides stays. Type its name to delete it: ",
		name, source, target);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\n")] = 0;
	return name && tm_streq(answer, name);
}

int cmd_policy_delete(struct tm_cli *c)
{
	_cleanup_free_ char *path = tm_policy_path(c->ref, "");
	_cleanup_answer_ struct tm_answer show = { 0 }, a = { 0 };
	int code = path ? tm_rest(c, "GET", path, NULL, 0, &show) : TM_EXIT_FAILED;

	if (code != TM_EXIT_OK)
		return code;
	if (!c->yes && !confirmed(show.body)) {
		fprintf(stderr, "tidemark: nothing was deleted\n");
		return TM_EXIT_FAILED;
	}
	code = tm_rest(c, "DELETE", path, NULL, 0, &a);
	if (code != TM_EXIT_OK)
		return code;
	if (c->json)
		tm_out_json(a.body);
	else
		printf("%s: deleted; the data stays as it is\n", c->ref);
	return code;
}
