// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/node.c - this node and its peers: peer, audit, probe, capture, top, bugtool, version.
 */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/policy.h"
#include "cli/rest.h"
#include "lib/text.h"

/* ---- peers */

const struct tm_column tm_peer_columns[] = {
	{ .title = "CLUSTER", .key = "cluster" },
	{ .title = "ADDRESS", .key = "address" },
	{ .title = "FINGERPRINT", .key = "fingerprint", .flex = true },
	{ .title = "LAST SEEN", .key = "last_seen", .kind = TM_K_TIME },
	{ .title = "FIRST SEEN", .key = "first_seen", .kind = TM_K_TIME, .hidden = true },
	{ .title = "POLICIES", .key = "policies", .kind = TM_K_COUNT, .hidden = true },
	{ 0 },
};

static const struct tm_column peer_fields[] = {
	{ .title = "Cluster", .key = "cluster" },
	{ .title = "Fingerprint", .key = "fingerprint" },
	{ .title = "Address", .key = "address" },
	{ .title = "First seen", .key = "first_seen", .kind = TM_K_TIME_LONG },
	{ .title = "Last seen", .key = "last_seen", .kind = TM_K_TIME_LONG },
	{ .title = "Policies", .key = "policies", .kind = TM_K_COUNT },
	{ 0 },
};

int cmd_peer_list(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/peers", NULL, 0, &a);

	return code == TM_EXIT_OK
		       ? tm_out_list(c, a.body, tm_peer_columns, "No other cluster is known yet.")
		       : code;
}

/* By cluster, or by the beginning of the fingerprint (at least 4 digits). NULL: none or several, told. */
static const json_t *find_peer(const struct tm_cli *c, const json_t *peers, const char *want,
			       int *ret_code)
{
	_cleanup_free_ char *shown = tm_safe(c, want);
	const json_t *found = NULL;
	json_t *p;
	size_t i;

	*ret_code = TM_EXIT_NOT_FOUND;
	json_array_foreach (peers, i, p) {
		const char *fp = tm_out_str(p, "fingerprint");

		if (!tm_out_is(p, "cluster", want) &&
		    !(fp && strlen(want) >= 4 && strncmp(fp, want, strlen(want)) == 0))
			continue;
		if (found) {
			tm_error(
				c,
				"%s stands for several peers: name one by its fingerprint (tidemark peer list)",
				shown);
			*ret_code = TM_EXIT_USAGE;
			return NULL;
		}
		found = p;
	}
	if (!found)
		tm_error(c, "no peer %s; tidemark peer list shows them", shown);
	return found;
}

int cmd_peer_show(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 }, l = { 0 };
	int code = tm_rest(c, "GET", "/v1/peers", NULL, 0, &a);
	json_t *mine = NULL, *policy;
	const json_t *p;
	size_t i;

	if (code != TM_EXIT_OK)
		return code;
	p = find_peer(c, a.body, tm_arg(c, 0), &code);
	if (!p)
		return code;
	if (c->json) {
		tm_out_json(c, p);
		return TM_EXIT_OK;
	}
	code = tm_out_fields(c, p, c->columns ? tm_peer_columns : peer_fields);
	if (code != TM_EXIT_OK || c->columns)
		return code;
	code = tm_rest(c, "GET", "/v1/policies", NULL, 0, &l);
	mine = json_array();
	json_array_foreach (l.body, i, policy)
		if (tm_out_is(policy, "peer_fingerprint", tm_out_str(p, "fingerprint") ?: ""))
			json_array_append(mine, policy);
	if (json_array_size(mine)) {
		fputc('\n', c->out);
		code = tm_out_table(c, mine, tm_list_columns);
	}
	json_decref(mine);
	return code;
}

/* ---- audit */

const struct tm_column tm_audit_columns[] = {
	{ .title = "TIME", .key = "time", .kind = TM_K_TIME },
	{ .title = "WHO", .key = "who" },
	{ .title = "ACTION", .key = "action" },
	{ .title = "POLICY", .key = "name" },
	{ .title = "DETAIL", .key = "detail", .flex = true },
	{ .title = "ID", .key = "id", .hidden = true },
	{ 0 },
};

int cmd_audit(struct tm_cli *c)
{
	_cleanup_free_ char *query = tm_page_query(c),
			    *path = query ? tm_asprintf("/v1/audit%s", query) : NULL;
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "GET", path, NULL, 0, &a) : TM_EXIT_FAILED;

	return code == TM_EXIT_OK
		       ? tm_out_list(c, a.body, tm_audit_columns, "Nothing happened yet.")
		       : code;
}

/* ---- probe, capture, top */

const struct tm_column tm_probe_columns[] = {
	{ .title = "WHAT", .key = "name" },
	{ .title = "STATE", .key = "state", .kind = TM_K_WORD },
	{ .title = "DETAIL", .key = "detail", .flex = true },
	{ 0 },
};

int cmd_probe(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	_cleanup_free_ char *backend = NULL;
	int code = tm_rest(c, "GET", "/v1/probe", NULL, 60000, &a);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	backend = tm_out_text(c, a.body, "backend");
	tm_hint(c, "Capture backend in use: %s\n\nWhat this kernel allows:\n", backend);
	fflush(c->talk);
	code = tm_out_table(c, json_object_get(a.body, "probe"), tm_probe_columns);
	fflush(c->out);
	if (code == TM_EXIT_OK && json_array_size(json_object_get(a.body, "report"))) {
		tm_hint(c, "\nWhat is in place:\n");
		fflush(c->talk);
		code = tm_out_table(c, json_object_get(a.body, "report"), tm_probe_columns);
	}
	return code;
}

const struct tm_column tm_hook_columns[] = {
	{ .title = "HOOK", .key = "name" },
	{ .title = "WANTED", .key = "wanted" },
	{ .title = "ATTACHED", .key = "attached" },
	{ .title = "FALLBACK", .key = "fallback" },
	{ .title = "WHY", .key = "why", .flex = true },
	{ 0 },
};

static void print_counters(const struct tm_cli *c, const json_t *counters)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)counters, key, v) {
		_cleanup_free_ char *name = tm_safe(c, key),
				    *value = tm_out_cell(c, counters, key, TM_K_COUNT);

		fprintf(c->out, "%20s: %s\n", name, value);
	}
}

int cmd_capture(struct tm_cli *c)
{
	static const struct tm_column fields[] = {
		{ .title = "Backend", .key = "backend" },
		{ .title = "Because", .key = "why" },
		{ .title = "Cannot see", .key = "blind_spots" },
		{ 0 },
	};
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/capture", NULL, 0, &a);
	const json_t *hooks;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	hooks = json_object_get(a.body, "hooks");
	if (c->columns)
		return tm_out_list(c, hooks, tm_hook_columns, "This backend has no hooks.");
	code = tm_out_fields(c, a.body, fields);
	if (json_object_size(json_object_get(a.body, "counters"))) {
		fprintf(c->out, "\nCounters\n");
		print_counters(c, json_object_get(a.body, "counters"));
	}
	if (code != TM_EXIT_OK || !json_array_size(hooks))
		return code;
	fputc('\n', c->out);
	return tm_out_table(c, hooks, tm_hook_columns);
}

const struct tm_column tm_top_columns[] = {
	{ .title = "COMMAND", .key = "comm" },
	{ .title = "PID", .key = "pid" },
	{ .title = "UID", .key = "uid" },
	{ .title = "OPERATIONS", .key = "operations", .kind = TM_K_COUNT },
	{ .title = "BYTES", .key = "bytes", .kind = TM_K_BYTES },
	{ .title = "LAST", .key = "last", .kind = TM_K_TIME },
	{ .title = "CGROUP", .key = "cgroup", .hidden = true, .flex = true },
	{ 0 },
};

int cmd_top(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	_cleanup_free_ char *since = NULL;
	int code = tm_rest_get(c, tm_policy_path(tm_arg(c, 0), "/top"), &a);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(c, a.body);
		return code;
	}
	since = tm_out_cell(c, a.body, "since", TM_K_TIME_LONG);
	tm_hint(c, "Since %s\n", since);
	return tm_out_list(c, json_object_get(a.body, "writers"), tm_top_columns, "Nobody wrote.");
}

/* ---- this program */

int cmd_version(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	_cleanup_free_ char *daemon = NULL;
	struct tm_cli silent = *c;
	FILE *nowhere = fopen("/dev/null", "w");
	json_t *o;

	/* Without a daemon the answer is complete too. */
	silent.talk = nowhere ? nowhere : stderr;
	tm_rest_quiet(&silent, "GET", "/v1/status", NULL, 2000, &a);
	if (nowhere)
		fclose(nowhere);
	if (c->json) {
		o = json_object();
		json_object_set_new(o, "version", json_string(TM_VERSION));
		json_object_set(o, "daemon", json_object_get(a.body, "version") ?: json_null());
		tm_out_json(c, o);
		json_decref(o);
		return TM_EXIT_OK;
	}
	fprintf(c->out, "tidemark %s\n", TM_VERSION);
	daemon = tm_out_text(c, a.body, "version");
	if (!tm_streq(daemon, "-"))
		fprintf(c->out, "tidemarkd %s\n", daemon);
	return TM_EXIT_OK;
}

int cmd_bugtool(struct tm_cli *c)
{
	static const char *const parts[] = { "status",	"health", "policies", "settings",
					     "capture", "probe",  "peers",    "audit" };
	json_t *o = json_object();
	int code = TM_EXIT_OK;

	json_object_set_new(o, "version", json_string(TM_VERSION));
	for (size_t i = 0; i < TM_ARRAY_SIZE(parts) && code != TM_EXIT_NO_DAEMON; i++) {
		_cleanup_free_ char *path = tm_asprintf("/v1/%s", parts[i]);
		_cleanup_answer_ struct tm_answer a = { 0 };

		code = path ? tm_rest_quiet(c, "GET", path, NULL, 60000, &a) : TM_EXIT_FAILED;
		/* A problem is part of the report. */
		if (a.body)
			json_object_set(o, parts[i], a.body);
	}
	if (code != TM_EXIT_NO_DAEMON)
		tm_out_json(c, o);
	json_decref(o);
	return code == TM_EXIT_NO_DAEMON ? code : TM_EXIT_OK;
}
