// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/unit/test_api_json.c - request bodies are strict, objects have the promised fields and types. */
#include "api/object.h"
#include "api/request.h"

#include "tap.h"

static json_t *body(const char *s)
{
	_cleanup_free_ char *why = NULL;
	json_t *j = NULL;
	int r = tm_api_body_parse(s, strlen(s), &j, &why);

	return r < 0 ? NULL : j;
}

TEST(bodies_that_are_not_one_strict_object_are_refused)
{
	static const char *const bad[] = {
		"[]", "{\"a\":1,\"a\":2}", "{} x", "{\"a\":\"\xff\"}", "null", "{", "{\"a\":NaN}"
	};
	_cleanup_json_ json_t *empty = NULL;
	static char big[TM_API_BODY_MAX + 2];
	_cleanup_free_ char *why = NULL;
	json_t *j = NULL;

	for (unsigned int i = 0; i < TM_ARRAY_SIZE(bad); i++)
		CHECK(body(bad[i]) == NULL);
	empty = body("");
	CHECK(json_is_object(empty) && json_object_size(empty) == 0);
	memset(big, ' ', sizeof(big));
	CHECK_EQ(tm_api_body_parse(big, sizeof(big), &j, &why), -EMSGSIZE);
}

static int create(const char *s, struct tm_api_create *c, struct tm_api_refusal *no)
{
	_cleanup_json_ json_t *j = body(s);

	CHECK(j != NULL);
	return tm_api_create_get(j, c, no);
}

#define BASE "\"name\":\"web\",\"source_dir\":\"/a\",\"target_dir\":\"/b\",\"target_address\":\"h\""

TEST(create_has_the_tutorials_defaults)
{
	static struct tm_api_create c;
	struct tm_api_refusal no;

	CHECK_EQ(create("{" BASE "}", &c, &no), 0);
	CHECK_EQ(c.port, 3712);
	CHECK(!c.continuous && !c.has_fingerprint);
	CHECK_STR(c.source_dir.s, "/a");
	CHECK_EQ(create("{" BASE ",\"mode\":\"continuous\",\"target_port\":65535}", &c, &no), 0);
	CHECK(c.continuous);
	CHECK_EQ(c.port, 65535);
}

TEST(create_refuses_by_field)
{
	static const struct {
		const char *body, *field;
	} bad[] = {
		{ "{\"name\":\"x\"}", "source_dir" },
		{ "{" BASE ",\"target_port\":0}", "target_port" },
		{ "{" BASE ",\"target_port\":65536}", "target_port" },
		{ "{" BASE ",\"target_port\":\"3712\"}", "target_port" },
		{ "{" BASE ",\"target_port\":1.5}", "target_port" },
		{ "{" BASE ",\"mode\":\"sometimes\"}", "mode" },
		{ "{" BASE ",\"colour\":\"red\"}", "colour" },
		{ "{" BASE ",\"target_fingerprint\":\"abc\"}", "target_fingerprint" },
		{ "{" BASE ",\"source_dir_b64\":\"L2E=\"}", "source_dir_b64" },
		{ "{\"name\":1}", "name" },
	};
	static struct tm_api_create c;
	struct tm_api_refusal no;

	for (unsigned int i = 0; i < TM_ARRAY_SIZE(bad); i++) {
		CHECK_EQ(create(bad[i].body, &c, &no), -EINVAL);
		CHECK_STR(no.field, bad[i].field);
		CHECK(strstr(no.text, bad[i].field));
	}
}

TEST(a_path_that_is_not_utf8_goes_both_ways_as_base64)
{
	static struct tm_api_create c;
	struct tm_api_refusal no;
	_cleanup_json_ json_t *o = json_object();
	char text[256];

	CHECK_EQ(tm_api_set_str(o, "dir", "/a\xff"), 0);
	snprintf(
		text, sizeof(text),
		"{\"name\":\"w\",\"target_dir\":\"/b\",\"target_address\":\"h\",\"source_dir_b64\":\"%s\"}",
		json_string_value(json_object_get(o, "dir_b64")));
	CHECK_EQ(create(text, &c, &no), 0);
	CHECK_EQ(c.source_dir.len, 3);
	CHECK_STR(c.source_dir.s, "/a\xff");
	CHECK(json_object_get(o, "dir") != NULL);
}

TEST(base64_is_exact)
{
	char out[8];

	CHECK_EQ(tm_api_unbase64("", out, 8), 0);
	CHECK_EQ(tm_api_unbase64("YQ==", out, 8), 1);
	CHECK_EQ(tm_api_unbase64("YR==", out, 8), -EINVAL);
	CHECK_EQ(tm_api_unbase64("YQ=", out, 8), -EINVAL);
	CHECK_EQ(tm_api_unbase64("Y===", out, 8), -EINVAL);
	CHECK_EQ(tm_api_unbase64("YQ==YQ==", out, 8), -EINVAL);
	CHECK_EQ(tm_api_unbase64("YWJj", out, 2), -EMSGSIZE);
}

TEST(a_fingerprint_may_have_colons_and_capitals)
{
	static struct tm_api_create c;
	struct tm_api_refusal no;

	CHECK_EQ(create("{" BASE ",\"target_fingerprint\":\"AB:cd0123456789abcdef0123456789abcdef"
			"0123456789abcdef0123456789ab\"}", &c, &no), 0);
	CHECK(c.has_fingerprint && c.fingerprint[0] == 0xab && c.fingerprint[1] == 0xcd);
}

TEST(sync_and_reject_have_limits)
{
	_cleanup_json_ json_t *a = body("{\"timeout_ms\":86400001}"), *b = body("{}"),
			      *c = body("{\"reason\":\"a\\u0007\"}");
	char reason[TM_API_TEXT_MAX + 1];
	struct tm_api_refusal no;
	uint64_t ms = 0;

	CHECK_EQ(tm_api_sync_get(a, &ms, &no), -EINVAL);
	CHECK_EQ(tm_api_sync_get(b, &ms, &no), 0);
	CHECK_EQ(ms, 60000);
	CHECK_EQ(tm_api_reject_get(c, reason, &no), -EINVAL);
	CHECK_EQ(tm_api_empty_get(a, &no), -EINVAL);
}

TEST(an_account_is_a_hash_and_a_role_and_nothing_else)
{
	static const char *const bad_put[] = {
		"{}", "{\"verifier\":\"secret\"}", "{\"verifier\":\"$y$a b c d e\"}",
		"{\"verifier\":\"$y$j9T$a:b:c:d\"}", "{\"verifier\":\"$y$j9T$abcd\",\"role\":\"root\"}",
		"{\"verifier\":\"$y$j9T$abcd\",\"password\":\"x\"}", "{\"verifier\":7}"
	};
	_cleanup_json_ json_t *good = body("{\"verifier\":\"$y$j9T$abcd\",\"role\":\"viewer\"}"),
			      *none = body("{}"), *off = body("{\"disabled\":true}");
	struct tm_api_account a;
	struct tm_api_refusal no;

	for (unsigned int i = 0; i < TM_ARRAY_SIZE(bad_put); i++) {
		_cleanup_json_ json_t *j = body(bad_put[i]);

		CHECK(j != NULL);
		CHECK_EQ(tm_api_account_put_get(j, &a, &no), -EINVAL);
	}
	CHECK_EQ(tm_api_account_put_get(good, &a, &no), 0);
	CHECK(a.has_role && !a.has_disabled);
	CHECK_STR(a.verifier, "$y$j9T$abcd");
	CHECK_STR(a.role, "viewer");
	CHECK_EQ(tm_api_account_patch_get(none, &a, &no), -EINVAL);
	CHECK_EQ(tm_api_account_patch_get(off, &a, &no), 0);
	CHECK(a.has_disabled && a.disabled && !a.has_role);
}

TEST(what_a_stranger_typed_as_a_name_is_harmless_text)
{
	_cleanup_json_ json_t *j = body("{\"name\":\"a\\u001b[2J \\u00e9\",\"ok\":false}"),
			      *k = body("{\"name\":\"a\"}");
	struct tm_api_login l;
	struct tm_api_refusal no;

	CHECK_EQ(tm_api_login_get(j, &l, &no), 0);
	CHECK_STR(l.name, "a?[2J???");
	CHECK(!l.ok);
	CHECK_EQ(tm_api_login_get(k, &l, &no), -EINVAL);
	CHECK_STR(no.field, "ok");
}

static json_type type_at(json_t *o, const char *path)
{
	char part[64];

	while (*path) {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		o = json_object_get(o, part);
		CHECK(o != NULL);
		path += n + (path[n] == '.');
	}
	return json_typeof(o);
}

TEST(a_policy_object_has_every_promised_field)
{
	struct tm_api_run run = {
		.id = 3, .kind = "manual", .result = "finished", .error = "", .started_ns = 1
	};
	struct tm_api_policy p = {
		.name = "web",
		.id = "00",
		.role = "source",
		.revision = "0",
		.lag_ms = -1,
		.status = "Finished",
		.status_detail = "",
		.source_cluster = "a",
		.source_dir = "/\xff",
		.target_cluster = "b",
		.target_dir = "/b",
		.target_address = "h",
		.target_port = 3712,
		.last_error = "",
		.last_run = &run,
		.progress = { .percent = -1, .seconds_left = -1 },
		.peer_fingerprint = "ff",
		.peer_cluster = "b",
		.capture = { .backend = "bpf", .seen = UINT64_MAX },
	};
	static const struct {
		const char *path;
		json_type type;
	} want[] = {
		{ "name", JSON_STRING },
		{ "id", JSON_STRING },
		{ "role", JSON_STRING },
		{ "revision", JSON_STRING },
		{ "lag_ms", JSON_NULL },
		{ "status", JSON_STRING },
		{ "source.cluster", JSON_STRING },
		{ "source.dir", JSON_STRING },
		{ "source.dir_b64", JSON_STRING },
		{ "target.cluster", JSON_STRING },
		{ "target.dir", JSON_STRING },
		{ "target.address", JSON_STRING },
		{ "target.port", JSON_INTEGER },
		{ "mode", JSON_STRING },
		{ "recovery_point", JSON_NULL },
		{ "last_error", JSON_NULL },
		{ "last_run.started", JSON_STRING },
		{ "last_run.finished", JSON_NULL },
		{ "last_run.result", JSON_STRING },
		{ "last_run.files", JSON_INTEGER },
		{ "last_run.deleted", JSON_INTEGER },
		{ "last_run.renamed", JSON_INTEGER },
		{ "last_run.payload_bytes", JSON_INTEGER },
		{ "last_run.wire_bytes", JSON_INTEGER },
		{ "last_run.read_bytes", JSON_INTEGER },
		{ "totals.batches", JSON_INTEGER },
		{ "totals.rescans", JSON_INTEGER },
		{ "totals.files", JSON_INTEGER },
		{ "totals.payload_bytes", JSON_INTEGER },
		{ "totals.wire_bytes", JSON_INTEGER },
		{ "totals.read_bytes", JSON_INTEGER },
		{ "totals.sendfile_bytes", JSON_INTEGER },
		{ "totals.ktls_bytes", JSON_INTEGER },
		{ "totals.copy_bytes", JSON_INTEGER },
		{ "progress.percent", JSON_NULL },
		{ "progress.files_done", JSON_INTEGER },
		{ "progress.files_total", JSON_INTEGER },
		{ "progress.bytes_done", JSON_INTEGER },
		{ "progress.bytes_total", JSON_INTEGER },
		{ "progress.rate_now", JSON_INTEGER },
		{ "progress.rate_average", JSON_INTEGER },
		{ "progress.seconds_left", JSON_NULL },
		{ "capture.backend", JSON_STRING },
		{ "capture.seen", JSON_INTEGER },
		{ "capture.queued", JSON_INTEGER },
		{ "capture.coalesced", JSON_INTEGER },
		{ "capture.dropped", JSON_INTEGER },
		{ "capture.incomplete", JSON_NULL },
		{ "pending", JSON_INTEGER },
		{ "in_sync", JSON_FALSE },
	};
	_cleanup_json_ json_t *o = tm_api_policy_json(&p), *q = NULL;

	CHECK(o != NULL);
	for (unsigned int i = 0; i < TM_ARRAY_SIZE(want); i++)
		CHECK_EQ(type_at(o, want[i].path), want[i].type);
	CHECK(json_integer_value(json_object_get(json_object_get(o, "capture"), "seen")) ==
	      INT64_MAX);
	p.capture.incomplete_ns = 1000000000;
	p.capture.reason = "ring-full";
	p.capture.scope = "root";
	q = tm_api_policy_json(&p);
	CHECK_EQ(type_at(q, "capture.incomplete.since"), JSON_STRING);
	CHECK_EQ(type_at(q, "capture.incomplete.reason"), JSON_STRING);
	CHECK_EQ(type_at(q, "capture.incomplete.scope"), JSON_STRING);
}

TEST(report_lines_become_objects)
{
	_cleanup_json_ json_t *a =
		tm_api_report_json("hook\tattached\tfexit ext4\nbare\n\nx\ty\tz\tw");

	CHECK_EQ(json_array_size(a), 3);
	CHECK_STR(json_string_value(json_object_get(json_array_get(a, 0), "detail")), "fexit ext4");
	CHECK_STR(json_string_value(json_object_get(json_array_get(a, 1), "state")), "");
	CHECK_STR(json_string_value(json_object_get(json_array_get(a, 2), "detail")), "z\tw");
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
