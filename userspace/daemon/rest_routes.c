// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_routes.c - from method and path to the function that answers.
 */
#include "daemon/rest.h"
#include "daemon/view.h"
#include "lib/text.h"

#include <stdio.h>

#define REF_MAX 256

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One path segment, percent-decoded. 0 or -EINVAL. */
static int segment_decode(const char *s, size_t n, char *dst, size_t cap)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int hi = i + 2 < n ? hex_digit(s[i + 1]) : -1;
			int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;

			if (lo < 0)
				return -EINVAL;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (!c || out + 1 >= cap)
			return -EINVAL;
		dst[out++] = c;
	}
	dst[out] = 0;
	return 0;
}

/* By id, else by name. NULL: answered with a problem. */
static struct tm_policy *find_policy(struct tm_call *c, const char *ref)
{
	struct tm_daemon *d = tm_call_daemon(c);
	struct tm_policy *found = NULL;
	uint8_t id[TM_POLICY_ID_LEN];
	unsigned int n = 0;
	json_t *ids;

	if (strlen(ref) == 2 * sizeof(id) && tm_unhex(ref, id, sizeof(id)) == 0) {
		found = tm_policy_by_id(d, id);
		if (found && !found->embryo)
			return found;
		found = NULL;
	}
	tm_policy_foreach(d, p) if (!p->embryo && tm_streq(p->rec.name, ref))
	{
		found = p;
		n++;
	}
	if (n == 1)
		return found;
	if (n == 0) {
		_cleanup_free_ char *shown = tm_escape(ref, strlen(ref));

		tm_call_problem(c, 404, "not-found", "there is no policy %s here", shown ?: "");
		return NULL;
	}
	ids = json_array();
	tm_policy_foreach(d, p) if (!p->embryo && tm_streq(p->rec.name, ref))(void)
		json_array_append_new(ids, json_string(p->id_hex));
	tm_call_problem_with(c, 409, "ambiguous", json_pack("{s:o}", "ids", ids),
			     "%u policies are called %s: name one by its id", n, ref);
	return NULL;
}

static void show(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_policy(q->p));
}

static void failures(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_failures(q->p));
}

static void runs(struct tm_rest_request *q)
{
	tm_call_reply(q->c, 200, tm_view_runs(q->p));
}

static const struct {
	const char *method, *verb; /* verb "": the policy itself */
	void (*fn)(struct tm_rest_request *q);
} policy_routes[] = {
	{ "GET", "", show },
	{ "DELETE", "", tm_rest_delete },
	{ "POST", "accept", tm_rest_accept },
	{ "POST", "reject", tm_rest_reject },
	{ "POST", "replicate", tm_rest_replicate },
	{ "POST", "abort", tm_rest_abort },
	{ "POST", "enable", tm_rest_enable },
	{ "POST", "disable", tm_rest_disable },
	{ "POST", "sync", tm_rest_sync },
	{ "GET", "wait", tm_rest_wait },
	{ "GET", "failures", failures },
	{ "GET", "runs", runs },
};

static void no_such_path(struct tm_call *c)
{
	tm_call_problem(c, 404, "no-such-path", "there is nothing at this path");
}

static void wrong_method(struct tm_call *c, const char *method)
{
	tm_call_problem(c, 405, "method-not-allowed", "%.16s cannot be used here", method);
}

static json_t *parse_body(struct tm_call *c, const void *body, size_t len)
{
	_cleanup_free_ char *why = NULL;
	json_t *j = NULL;
	int r = tm_api_body_parse(body, len, &j, &why);

	if (r < 0)
		tm_call_problem(c, 400, "bad-request", "%s", why ?: strerror(-r));
	return j;
}

static void route_policy(struct tm_call *c, const char *method, const char *rest, const void *body,
			 size_t len)
{
	size_t n = strcspn(rest, "/");
	const char *verb = rest[n] ? rest + n + 1 : "";
	struct tm_rest_request q = { .c = c };
	bool known = false;
	char ref[REF_MAX];

	for (size_t i = 0; i < TM_ARRAY_SIZE(policy_routes); i++) {
		if (!tm_streq(policy_routes[i].verb, verb))
			continue;
		known = true;
		if (!tm_streq(policy_routes[i].method, method))
			continue;
		if (segment_decode(rest, n, ref, sizeof(ref)) < 0) {
			tm_call_problem(c, 404, "not-found", "there is no such policy here");
			return;
		}
		q.p = find_policy(c, ref);
		if (!q.p)
			return;
		q.body = parse_body(c, body, len);
		if (!q.body)
			return;
		policy_routes[i].fn(&q);
		json_decref(q.body);
		return;
	}
	if (known)
		wrong_method(c, method);
	else
		no_such_path(c);
}

static void list(struct tm_call *c)
{
	tm_call_reply(c, 200, tm_view_policies(tm_call_daemon(c)));
}

static void status(struct tm_call *c)
{
	tm_call_reply(c, 200, tm_view_status(tm_call_daemon(c)));
}

static void probe(struct tm_call *c)
{
	tm_call_reply(c, 200, tm_view_probe(tm_call_daemon(c)));
}

static void settings(struct tm_call *c)
{
	tm_call_reply(c, 200, tm_config_settings_json(&tm_call_daemon(c)->cfg));
}

static void peers(struct tm_call *c)
{
	tm_call_reply(c, 200, tm_view_peers(tm_call_daemon(c)));
}

static void audit(struct tm_call *c)
{
	const char *limit = tm_call_query(c, "limit");
	unsigned long n = limit ? strtoul(limit, NULL, 10) : 100;

	tm_call_reply(c, 200, tm_view_audit(tm_call_daemon(c), (unsigned int)TM_MIN(n, 1000ul)));
}

static const struct {
	const char *path;
	void (*fn)(struct tm_call *c);
} plain_routes[] = {
	{ "/v1/status", status },     { "/v1/policies", list }, { "/v1/probe", probe },
	{ "/v1/settings", settings }, { "/v1/peers", peers },	{ "/v1/audit", audit },
};

void tm_rest_route(struct tm_call *c, const char *method, const char *path, const void *body,
		   size_t len)
{
	static const char prefix[] = "/v1/policies/";

	if (tm_streq(path, "/v1/policies") && tm_streq(method, "POST")) {
		json_t *j = parse_body(c, body, len);

		if (j)
			tm_rest_create(c, j);
		json_decref(j);
		return;
	}
	for (size_t i = 0; i < TM_ARRAY_SIZE(plain_routes); i++)
		if (tm_streq(plain_routes[i].path, path)) {
			if (tm_streq(method, "GET"))
				plain_routes[i].fn(c);
			else
				wrong_method(c, method);
			return;
		}
	if (strncmp(path, prefix, sizeof(prefix) - 1) == 0 && path[sizeof(prefix) - 1])
		route_policy(c, method, path + sizeof(prefix) - 1, body, len);
	else
		no_such_path(c);
}
