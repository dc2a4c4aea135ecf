// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_routes.c - from method and path to the function that answers, and who may ask.
 */
#include "daemon/rest.h"
#include "daemon/rest_decode.h"
#include "daemon/revision.h"
#include "lib/text.h"

#include <stdio.h>

#define VIEW	TM_ACCESS_VIEWER
#define OPERATE TM_ACCESS_OPERATOR
#define ADMIN	TM_ACCESS_ADMIN

const struct tm_route tm_routes[] = {
	{ "GET", "/v1/status", tm_rest_status, VIEW, 0 },
	{ "GET", "/v1/openapi.json", tm_rest_openapi, VIEW, 0 },
	{ "GET", "/v1/probe", tm_rest_probe, VIEW, 0 },
	{ "GET", "/v1/settings", tm_rest_settings, VIEW, 0 },
	{ "PATCH", "/v1/settings", tm_rest_settings_patch, ADMIN, 0 },
	{ "GET", "/v1/peers", tm_rest_peers, VIEW, 0 },
	{ "GET", "/v1/audit", tm_rest_audit, VIEW, 0 },
	{ "GET", "/v1/requests", tm_rest_requests, VIEW, 0 },
	{ "GET", "/v1/where", tm_rest_where, VIEW, 0 },
	{ "GET", "/v1/capture", tm_rest_capture, VIEW, 0 },
	{ "GET", "/v1/health", tm_rest_health, VIEW, 0 },
	{ "POST", "/v1/health/{code}/mute", tm_rest_mute, ADMIN, 0 },
	{ "GET", "/v1/directories", tm_rest_directories, ADMIN, 0 },
	{ "GET", "/v1/events", tm_rest_events, VIEW, TM_ROUTE_PROCESS },
	{ "GET", "/v1/users", tm_rest_users, ADMIN, TM_ROUTE_ACCOUNTS },
	{ "PUT", "/v1/users/{name}", tm_rest_user_put, ADMIN, TM_ROUTE_ACCOUNTS | TM_ROUTE_SELF },
	{ "PATCH", "/v1/users/{name}", tm_rest_user_patch, ADMIN, TM_ROUTE_ACCOUNTS },
	{ "DELETE", "/v1/users/{name}", tm_rest_user_delete, ADMIN, TM_ROUTE_ACCOUNTS },
	{ "GET", "/v1/users/{name}/verifier", tm_rest_verifier, ADMIN, TM_ROUTE_LOGIN },
	{ "POST", "/v1/logins", tm_rest_login, ADMIN, TM_ROUTE_LOGIN },
	{ "GET", "/v1/policies", tm_rest_policies, VIEW, 0 },
	{ "POST", "/v1/policies", tm_rest_create, ADMIN, 0 },
	{ "GET", "/v1/policies/{ref}", tm_rest_policy, VIEW, 0 },
	{ "PATCH", "/v1/policies/{ref}", tm_rest_edit, ADMIN, 0 },
	{ "DELETE", "/v1/policies/{ref}", tm_rest_delete, ADMIN, 0 },
	{ "POST", "/v1/policies/{ref}/accept", tm_rest_accept, ADMIN, 0 },
	{ "POST", "/v1/policies/{ref}/reject", tm_rest_reject, ADMIN, 0 },
	{ "POST", "/v1/policies/{ref}/replicate", tm_rest_replicate, OPERATE, 0 },
	{ "POST", "/v1/policies/{ref}/verify", tm_rest_verify, OPERATE, 0 },
	{ "POST", "/v1/policies/{ref}/abort", tm_rest_abort, OPERATE, 0 },
	{ "POST", "/v1/policies/{ref}/enable", tm_rest_enable, OPERATE, 0 },
	{ "POST", "/v1/policies/{ref}/disable", tm_rest_disable, OPERATE, 0 },
	{ "POST", "/v1/policies/{ref}/sync", tm_rest_sync, OPERATE, 0 },
	{ "GET", "/v1/policies/{ref}/wait", tm_rest_wait, VIEW, 0 },
	{ "GET", "/v1/policies/{ref}/failures", tm_rest_failures, VIEW, 0 },
	{ "GET", "/v1/policies/{ref}/top", tm_rest_top, VIEW, 0 },
	{ "GET", "/v1/policies/{ref}/series", tm_rest_series, VIEW, 0 },
	{ "GET", "/v1/policies/{ref}/preview", tm_rest_preview, ADMIN, 0 },
	{ "GET", "/v1/policies/{ref}/runs", tm_rest_runs, VIEW, 0 },
};
const size_t tm_n_routes = TM_ARRAY_SIZE(tm_routes);

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

int tm_percent_decode(const char *s, size_t n, char *dst, size_t cap)
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

/* Does @path fit the @pattern? *@ret: the segment in the place of its parameter, if it has one. */
static bool matches(const char *pattern, const char *path, const char **ret, size_t *ret_len)
{
	*ret = "";
	*ret_len = 0;
	while (*pattern && *path) {
		size_t n = strcspn(path, "/");

		if (*pattern == '{') {
			if (n == 0)
				return false;
			*ret = path;
			*ret_len = n;
			path += n;
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

struct tm_policy *tm_rest_find_policy(struct tm_call *c, const char *ref)
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

/* What the caller saw must still be so. False: answered. */
static bool unchanged(struct tm_call *c, struct tm_policy *p)
{
	const char *want = tm_call_header(c, "If-Match");
	char have[TM_REVISION_LEN];

	if (!want || tm_streq(want, "*") || tm_etag_lists(want, tm_policy_revision(p, have)))
		return true;
	tm_call_problem_with(c, 412, "changed", json_pack("{s:s}", "revision", have),
			     "policy %s is not as it was when you looked: look again", p->rec.name);
	return false;
}

/* The page's process says so after it compared the old password; no browser can make it say so. */
static bool is_self(struct tm_call *c, const char *name)
{
	const char *again = tm_call_header(c, "Tidemark-Reauthenticated");

	return tm_call_is_web(c) && tm_call_may(c, VIEW) && again && tm_streq(again, "yes") &&
	       tm_streq(tm_call_user(c), name);
}

static bool allowed(struct tm_call *c, const struct tm_route *t, const char *arg)
{
	bool yes;

	if (t->flags & TM_ROUTE_LOGIN)
		yes = tm_call_is_root(c) || tm_call_is_nobody(c);
	else if (((t->flags & TM_ROUTE_PROCESS) && tm_call_is_nobody(c)) ||
		 ((t->flags & TM_ROUTE_SELF) && is_self(c, arg)))
		yes = true;
	else
		yes = tm_call_may(c, t->need) &&
		      (!(t->flags & TM_ROUTE_ACCOUNTS) || tm_call_is_root(c) || tm_call_is_web(c));
	if (!yes)
		tm_call_problem(c, 403, "denied", "%s may not do this here: it takes %s",
				tm_call_who(c),
				t->flags & (TM_ROUTE_ACCOUNTS | TM_ROUTE_LOGIN) ? "root, or an admin of the page" : tm_access_name(t->need));
	return yes;
}

static void run_route(struct tm_call *c, const struct tm_route *t, const char *arg, size_t arg_len,
		      const void *body, size_t len)
{
	struct tm_rest_request q = { .c = c };
	bool good = tm_percent_decode(arg, arg_len, q.arg, sizeof(q.arg)) == 0;
	_cleanup_free_ char *why = NULL;
	int r;

	if (!allowed(c, t, good ? q.arg : ""))
		return;
	if (!good) {
		tm_call_problem(c, 404, "not-found", "there is nothing of this name here");
		return;
	}
	if (strstr(t->path, "{ref}")) {
		q.p = tm_rest_find_policy(c, q.arg);
		if (!q.p || (!tm_streq(t->method, "GET") && !unchanged(c, q.p)))
			return;
	}
	r = tm_api_body_parse(body, len, &q.body, &why);
	if (r < 0) {
		tm_call_problem(c, 400, "bad-request", "%s", why ?: strerror(-r));
		return;
	}
	t->fn(&q);
	json_decref(q.body);
}

void tm_rest_route(struct tm_call *c, const char *method, const char *path, const void *body,
		   size_t len)
{
	bool known = false;

	for (size_t i = 0; i < tm_n_routes; i++) {
		const char *arg;
		size_t n;

		if (!matches(tm_routes[i].path, path, &arg, &n))
			continue;
		known = true;
		if (!tm_streq(tm_routes[i].method, method))
			continue;
		run_route(c, &tm_routes[i], arg, n, body, len);
		return;
	}
	if (known)
		tm_call_problem(c, 405, "method-not-allowed", "%.16s cannot be used here", method);
	else
		tm_call_problem(c, 404, "no-such-path", "there is nothing at this path");
}
