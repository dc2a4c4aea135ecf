// SPDX-License-Identifier: GPL-2.0-or-later
/* link: daemon */
/*
 * tests/unit/test_daemon_rest.c - percent-decoding, ETags, and the table of routes.
 */
#include "api/openapi.h"
#include "daemon/peer_state.h"
#include "daemon/rest.h"
#include "daemon/rest_decode.h"
#include "daemon/revision.h"

#include "tap.h"

TEST(percent_decoding_is_exact_and_bounded)
{
	char out[8];

	CHECK_EQ(tm_percent_decode("a%2Fb", 5, out, sizeof(out)), 0);
	CHECK_STR(out, "a/b");
	CHECK_EQ(tm_percent_decode("%ff", 3, out, sizeof(out)), 0);
	CHECK_STR(out, "\xff");
	CHECK_EQ(tm_percent_decode("", 0, out, sizeof(out)), 0);
	CHECK_STR(out, "");
	CHECK_EQ(tm_percent_decode("%00", 3, out, sizeof(out)), -EINVAL);
	CHECK_EQ(tm_percent_decode("%f", 2, out, sizeof(out)), -EINVAL);
	CHECK_EQ(tm_percent_decode("%zz", 3, out, sizeof(out)), -EINVAL);
	CHECK_EQ(tm_percent_decode("%41", 2, out, sizeof(out)), -EINVAL);
	CHECK_EQ(tm_percent_decode("1234567", 7, out, sizeof(out)), 0);
	CHECK_EQ(tm_percent_decode("12345678", 8, out, sizeof(out)), -EINVAL);
}

TEST(an_etag_is_found_in_a_list_and_only_whole)
{
	CHECK(tm_etag_lists("\"abc\"", "abc"));
	CHECK(tm_etag_lists("\"x\", W/\"abc\"", "abc"));
	CHECK(!tm_etag_lists("abc", "abc"));
	CHECK(!tm_etag_lists("\"abcd\"", "abc"));
	CHECK(!tm_etag_lists("\"ab\"", "abc"));
	CHECK(!tm_etag_lists("\"abc", "abc"));
	/* What stands between two tags is none. */
	CHECK(!tm_etag_lists("\"x\"abc\"y\"", "abc"));
	CHECK(!tm_etag_lists("", "abc"));
}

TEST(a_revision_follows_the_definition_and_not_the_progress)
{
	static struct tm_policy p;
	char a[TM_REVISION_LEN], b[TM_REVISION_LEN];

	p.rec.role = TM_REC_SOURCE;
	p.rec.auth = TM_REC_AUTHORIZED;
	p.rec.enabled = true;
	strcpy(p.rec.name, "web");
	tm_policy_revision(&p, a);
	p.rec.recovery_ns = 5;
	p.rec.totals.files = 7;
	strcpy(p.rec.last_error, "x");
	CHECK_STR(tm_policy_revision(&p, b), a);
	p.rec.port = 1;
	CHECK(strcmp(tm_policy_revision(&p, b), a) != 0);
	p.rec.port = 0;
	p.rec.run_wanted = true; /* Replicating */
	CHECK(strcmp(tm_policy_revision(&p, b), a) != 0);
	p.rec.run_wanted = false;
	CHECK_STR(tm_policy_revision(&p, b), a);
	p.rec.continuous = true;
	CHECK(strcmp(tm_policy_revision(&p, b), a) != 0);
}

TEST(what_the_other_side_says_is_read_back_and_nonsense_is_refused)
{
	static const char *const bad[] = { "", "mode=manual", "status=Happy", "status=Finished;recovery=x",
					   "status", "status=Finished;recovery=-1", "=;=",
					   "status=Finished;recovery=99999999999999999999" };
	struct tm_peer_state a = { .known = true,
				   .status = TM_STATUS_STOPPED,
				   .continuous = true,
				   .recovery_ns = 5,
				   .finished_ns = INT64_MAX,
				   .why = "a;b=c;status=Finished\xff" },
			     b;
	char text[1024];

	tm_peer_state_format(&a, text, sizeof(text));
	CHECK_EQ(tm_peer_state_parse(text, &b), 0);
	CHECK(b.status == a.status && b.continuous && b.recovery_ns == 5 && b.finished_ns == INT64_MAX);
	CHECK_STR(b.why, a.why);
	CHECK_EQ(tm_peer_state_parse("status=Finished;colour=red", &b), 0);
	CHECK(b.status == TM_STATUS_FINISHED && !b.why[0]);
	for (unsigned int i = 0; i < TM_ARRAY_SIZE(bad); i++)
		CHECK_EQ(tm_peer_state_parse(bad[i], &b), -EBADMSG);
}

TEST(every_route_that_changes_something_needs_more_than_to_look)
{
	for (size_t i = 0; i < tm_n_routes; i++) {
		const struct tm_route *t = &tm_routes[i];

		CHECK(t->fn && strncmp(t->path, "/v1/", 4) == 0);
		CHECK(strcmp(t->method, "GET") == 0 || t->need >= TM_ACCESS_OPERATOR);
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(t->path, tm_routes[k].path) || strcmp(t->method, tm_routes[k].method));
	}
}

static json_t *document(void)
{
	json_error_t e;
	json_t *doc = json_loads(tm_openapi_text, JSON_REJECT_DUPLICATES, &e);

	CHECK(doc != NULL);
	return doc;
}

static const char *lower(const char *method)
{
	static char buf[16];
	size_t i;

	for (i = 0; method[i] && i + 1 < sizeof(buf); i++)
		buf[i] = (char)(method[i] | 0x20);
	buf[i] = 0;
	return buf;
}

TEST(every_route_is_in_the_document_with_the_role_it_takes)
{
	_cleanup_json_ json_t *doc = document();

	for (size_t i = 0; i < tm_n_routes; i++) {
		const struct tm_route *t = &tm_routes[i];
		json_t *path = json_object_get(json_object_get(doc, "paths"), t->path);
		json_t *op = json_object_get(path, lower(t->method));
		const char *role = json_string_value(json_object_get(op, "x-role"));

		if (!op)
			printf("# %s %s\n", t->method, t->path);
		CHECK(op != NULL && role != NULL);
		CHECK_STR(role, t->flags & TM_ROUTE_LOGIN	? "login"
				: t->flags & TM_ROUTE_ACCOUNTS	? "accounts"
								: tm_access_name(t->need));
	}
}

TEST(nothing_is_in_the_document_that_is_not_answered)
{
	_cleanup_json_ json_t *doc = document();
	const char *path, *method;
	json_t *ops, *op;

	json_object_foreach (json_object_get(doc, "paths"), path, ops)
		json_object_foreach (ops, method, op) {
			bool found = false;

			(void)op;
			for (size_t i = 0; i < tm_n_routes; i++)
				found = found || (strcmp(tm_routes[i].path, path) == 0 &&
						  strcmp(lower(tm_routes[i].method), method) == 0);
			if (!found)
				printf("# %s %s\n", method, path);
			CHECK(found);
		}
}

int main(int argc, char **argv)
{
	return tap_main(argc, argv);
}
