// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/misc.c - everything that only shows something: status, failures, runs, probe, peers, audit, settings.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/output.h"
#include "cli/rest.h"
#include "lib/text.h"

static int show_table(struct tm_cli *c, const char *path, const struct tm_column *cols, size_t n,
		      const char *empty)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = path ? tm_rest(c, "GET", path, NULL, 0, &a) : TM_EXIT_FAILED;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(a.body);
		return code;
	}
	if (!json_array_size(a.body)) {
		fprintf(stderr, "%s\n", empty);
		return code;
	}
	return tm_out_table(a.body, cols, n);
}

int cmd_policy_failures(struct tm_cli *c)
{
	static const struct tm_column cols[] = {
		{ "TIME", "time", NULL },
		{ "OPERATION", "op", NULL },
		{ "PATH", "path", NULL },
		{ "ERROR", "error", NULL },
	};
	_cleanup_free_ char *path = tm_policy_path(c->ref, "/failures");

	return show_table(c, path, cols, TM_ARRAY_SIZE(cols), "No file failed.");
}

int cmd_policy_runs(struct tm_cli *c)
{
	static const struct tm_column cols[] = {
		{ "STARTED", "started", NULL }, { "FINISHED", "finished", NULL },
		{ "KIND", "kind", NULL },	{ "RESULT", "result", NULL },
		{ "FILES", "files", NULL },	{ "DELETED", "deleted", NULL },
		{ "RENAMED", "renamed", NULL }, { "PAYLOAD", "payload_bytes", NULL },
		{ "WIRE", "wire_bytes", NULL },
	};
	_cleanup_free_ char *path = tm_policy_path(c->ref, "/runs");

	return show_table(c, path, cols, TM_ARRAY_SIZE(cols), "No runs yet.");
}

int cmd_peers(struct tm_cli *c)
{
	static const struct tm_column cols[] = {
		{ "CLUSTER", "cluster", NULL },
		{ "ADDRESS", "address", NULL },
		{ "FINGERPRINT", "fingerprint", NULL },
		{ "LAST SEEN", "last_seen", NULL },
	};

	return show_table(c, "/v1/peers", cols, TM_ARRAY_SIZE(cols),
			  "No other cluster is known yet.");
}

int cmd_audit(struct tm_cli *c)
{
	static const struct tm_column cols[] = {
		{ "TIME", "time", NULL },     { "WHO", "who", NULL },
		{ "ACTION", "action", NULL }, { "POLICY", "name", NULL },
		{ "DETAIL", "detail", NULL },
	};

	return show_table(c, "/v1/audit", cols, TM_ARRAY_SIZE(cols), "Nothing happened yet.");
}

int cmd_sysctl(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/settings", NULL, 0, &a);
	bool found = false;
	json_t *s;
	size_t i;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json && !c->ref) {
		tm_out_json(a.body);
		return code;
	}
	json_array_foreach (a.body, i, s) {
		_cleanup_free_ char *key = tm_out_text(s, "key"), *value = tm_out_text(s, "value");
		const char *raw = json_string_value(json_object_get(s, "key"));

		if (c->ref && (!raw || !tm_streq(raw, c->ref)))
			continue;
		found = true;
		if (c->json)
			tm_out_json(s);
		else
			printf("%s = %s\n", key, value);
	}
	if (c->ref && !found) {
		fprintf(stderr, "tidemark: no setting %s; `tidemark sysctl` lists them\n", c->ref);
		return TM_EXIT_NOT_FOUND;
	}
	return code;
}

int cmd_probe(struct tm_cli *c)
{
	static const struct tm_column cols[] = {
		{ "WHAT", "name", NULL },
		{ "STATE", "state", NULL },
		{ "DETAIL", "detail", NULL },
	};
	_cleanup_answer_ struct tm_answer a = { 0 };
	int code = tm_rest(c, "GET", "/v1/probe", NULL, 60000, &a);

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(a.body);
		return code;
	}
	{
		_cleanup_free_ char *backend = tm_out_text(a.body, "backend");

		printf("Capture backend in use: %s\n\nWhat this kernel allows:\n", backend);
	}
	tm_out_table(json_object_get(a.body, "probe"), cols, TM_ARRAY_SIZE(cols));
	if (json_array_size(json_object_get(a.body, "report"))) {
		printf("\nWhat is in place:\n");
		tm_out_table(json_object_get(a.body, "report"), cols, TM_ARRAY_SIZE(cols));
	}
	return code;
}

/* One line a policy: is it safe, and if not, why and what to do. */
static bool tell_policy(const json_t *p)
{
	_cleanup_free_ char *name = tm_out_text(p, "name"), *status = tm_out_status(p);
	_cleanup_free_ char *point = tm_out_text(p, "recovery_point"),
			    *error = tm_out_text(p, "last_error");
	const char *word = json_string_value(json_object_get(p, "status"));
	const char *role = json_string_value(json_object_get(p, "role"));
	bool good = word && (tm_streq(word, "Finished") || tm_streq(word, "Replicating") ||
			     tm_streq(word, "Authorized"));

	printf("  %s (%s): %s; recovery point %s; %" PRId64 " changes pending\n", name,
	       role ? role : "?", status, point, tm_out_int(p, "pending"));
	if (tm_out_int(p, "failures")) {
		printf("      %" PRId64
		       " files could not be replicated: tidemark policy failures %s\n",
		       tm_out_int(p, "failures"), name);
		good = false;
	}
	if (!good && error && !tm_streq(error, "-"))
		printf("      %s\n", error);
	if (word && tm_streq(word, "Awaiting Authorization") && role && tm_streq(role, "target"))
		printf("      this cluster is asked: tidemark policy show %s; tidemark policy accept %s\n",
		       name, name);
	if (word && tm_streq(word, "Stopped"))
		printf("      look first; then go on with: tidemark policy replicate %s --yes\n",
		       name);
	if (word && tm_streq(word, "Authorized") && role && tm_streq(role, "source"))
		printf("      nothing is replicated yet: tidemark policy replicate %s\n", name);
	return good;
}

int cmd_status(struct tm_cli *c)
{
	_cleanup_answer_ struct tm_answer s = { 0 }, l = { 0 };
	_cleanup_free_ char *cluster = NULL, *fp = NULL, *backend = NULL, *why = NULL,
			    *blind = NULL;
	int code = tm_rest(c, "GET", "/v1/status", NULL, 0, &s);
	bool good = true;
	json_t *p;
	size_t i;

	if (code != TM_EXIT_OK)
		return code;
	if (c->json) {
		tm_out_json(s.body);
		return code;
	}
	code = tm_rest(c, "GET", "/v1/policies", NULL, 0, &l);
	if (code != TM_EXIT_OK)
		return code;
	cluster = tm_out_text(s.body, "cluster");
	fp = tm_out_text(s.body, "fingerprint");
	backend = tm_out_text(s.body, "capture.backend");
	why = tm_out_text(s.body, "capture.why");
	blind = tm_out_text(s.body, "capture.blind_spots");
	printf("Cluster %s\n  key fingerprint %s\n  capture: %s\n", cluster, fp, backend);
	if (why && *why && !tm_streq(why, "-"))
		printf("    %s\n", why);
	if (blind && *blind && !tm_streq(blind, "-"))
		printf("    %s\n", blind);
	if (json_is_string(json_object_get(s.body, "listen_error"))) {
		_cleanup_free_ char *e = tm_out_text(s.body, "listen_error");

		printf("  not listening: %s\n", e);
		good = false;
	}
	printf("Relationships: %zu\n", json_array_size(l.body));
	json_array_foreach (l.body, i, p)
		good = tell_policy(p) && good;
	return good ? TM_EXIT_OK : TM_EXIT_UNHEALTHY;
}

int cmd_version(struct tm_cli *c)
{
	if (c->json)
		printf("{\"version\": \"%s\"}\n", TM_VERSION);
	else
		printf("tidemark %s\n", TM_VERSION);
	return TM_EXIT_OK;
}
