// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/relay.c - /v1/ to the daemon and back, in the name of the session's user.
 *
 * Nothing of the browser's head goes through but the conditions (If-Match, If-None-Match);
 * nothing of the daemon's but type, ETag and body. Roles are the daemon's business. One thing is
 * added: a browser cannot make a verifier, so a "password" for an account becomes one here.
 */
#include "web/http.h"

#include "lib/log.h"

#include <stdio.h>

#define TIMEOUT_MS  3600000 /* waiting for a run may take long */
#define PER_SESSION 16
#define ETAG_MAX    256
#define USERS	    "/v1/users/"

void tm_req_no_daemon(struct tm_req *r, int error)
{
	static struct tm_ratelimit rl;

	switch (error) {
	case -ETIMEDOUT:
		tm_req_problem(r, 504, "timeout", "tidemarkd did not answer in time");
		break;
	case -EMSGSIZE:
		tm_req_problem(r, 502, "internal", "tidemarkd's answer was too large");
		break;
	case -EBUSY:
		tm_req_problem_with(r, 503, "busy", json_pack("{s:i}", "retry_after", 2),
				    "too much is being asked of tidemarkd at the moment");
		break;
	case -EIO:
		tm_req_problem(r, 502, "internal", "tidemarkd's answer was not understood");
		break;
	case -ENOMEM: tm_req_respond(r, 500, NULL); break;
	default:
		if (tm_ratelimit_ok(&rl, 1, 60000))
			tm_warn("tidemarkd is not there: %s", strerror(-error));
		tm_req_problem_with(
			r, 503, "daemon-unreachable", json_pack("{s:i}", "retry_after", 2),
			"tidemarkd does not answer. Is it running (systemctl status tidemarkd), and does its "
			"setting web.user name the user that tidemark-web runs as?");
	}
}

static void count_call(struct tm_req *r, int by)
{
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);

	if (s)
		s->calls += (uint32_t)by;
}

static bool type_good(const char *type)
{
	static const char *const good[] = { "application/json", "application/problem+json" };

	for (size_t i = 0; i < TM_ARRAY_SIZE(good); i++)
		if (!strncmp(type, good[i], strlen(good[i])))
			return true;
	return false;
}

static void on_answer(void *arg, struct tm_up_answer *a)
{
	struct tm_req *r = arg;
	struct MHD_Response *resp;

	r->call = NULL;
	count_call(r, -1);
	if (a->error) {
		tm_req_no_daemon(r, a->error);
		return;
	}
	/* Somebody's account changed: sessions may have to end. */
	if (!strncmp(r->path, USERS, strlen(USERS)) && !tm_streq(r->method, "GET"))
		tm_accounts_stale(r->w);
	resp = a->body ? tm_resp_bytes(tm_take_ptr(a->body), a->len, true,
				       type_good(a->type) ? a->type : "application/octet-stream")
		       : tm_resp_bytes("", 0, false, "application/json");
	if (a->etag[0] && tm_header_value_good(a->etag, sizeof(a->etag)))
		tm_resp_header(resp, "ETag", a->etag);
	tm_req_respond(r, a->status, resp);
}

static void on_gone(struct tm_req *r)
{
	if (r->call)
		count_call(r, -1);
	tm_password_forget(r->w->passwords, r);
}

static void ask(struct tm_req *r, const void *body, size_t len)
{
	const char *if_match = tm_req_header(r, "If-Match"),
		   *if_none = tm_req_header(r, "If-None-Match");
	const struct tm_up_ask a = {
		.method = tm_streq(r->method, "HEAD") ? "GET" : r->method,
		.path = r->target,
		.user = r->user,
		.role = r->role,
		.address = r->address,
		.if_match = if_match,
		.if_none_match = if_none,
		.body = len ? body : NULL,
		.len = len,
		.timeout_ms = TIMEOUT_MS,
	};
	int e = tm_up_call(r->w->up, &a, NULL, on_answer, r, &r->call);

	if (e < 0)
		tm_req_no_daemon(r, e);
	else
		count_call(r, 1);
}

/* ---- a password for an account */

static void on_verifier(void *arg, const struct tm_password_result *made)
{
	struct tm_req *r = arg;
	_cleanup_json_ json_t *body = NULL;
	_cleanup_free_ char *text = NULL, *why = NULL;

	if (made->ok && tm_api_body_parse(r->body, r->len, &body, &why) == 0) {
		(void)json_object_del(body, "password");
		(void)json_object_set_new(body, "verifier", json_string(made->verifier));
		text = json_dumps(body, JSON_COMPACT);
	}
	if (text)
		ask(r, text, strlen(text));
	else
		tm_req_respond(r, 500, NULL);
}

/* Is it such a request? Then it was taken care of. */
static bool with_password(struct tm_req *r)
{
	_cleanup_json_ json_t *body = NULL;
	_cleanup_free_ char *why = NULL;
	const char *password, *wrong;
	bool mine = false;

	if (!tm_streq(r->method, "PUT") || strncmp(r->path, USERS, strlen(USERS)) != 0 ||
	    tm_api_body_parse(r->body, r->len, &body, &why) < 0)
		return false;
	password = json_string_value(json_object_get(body, "password"));
	if (password && !json_object_get(body, "verifier")) {
		mine = true;
		wrong = strlen(password) == json_string_length(json_object_get(body, "password"))
				? tm_password_wrong(password)
				: "the new password has a control character in it";
		if (wrong)
			tm_req_problem_with(r, 400, "bad-request",
					    json_pack("{s:s}", "field", "password"), "%s", wrong);
		else if (tm_password_make(r->w->passwords, password, on_verifier, r) < 0)
			tm_req_no_daemon(r, -EBUSY);
		explicit_bzero((char *)password, strlen(password));
	}
	return mine;
}

static bool conditions_good(const struct tm_req *r)
{
	const char *match = tm_req_header(r, "If-Match"), *none = tm_req_header(r, "If-None-Match");

	return (!match || tm_header_value_good(match, ETAG_MAX)) &&
	       (!none || tm_header_value_good(none, ETAG_MAX));
}

void tm_relay(struct tm_req *r)
{
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);

	if (tm_path_private(r->path)) {
		tm_req_problem(r, 404, "no-such-path", "there is no %s here", r->path);
		return;
	}
	/*
	 * The daemon trusts us that whoever changes their own password has just given the old
	 * one.
	 */
	if (tm_streq(r->method, "PUT") && tm_path_is_user(r->path, r->user)) {
		tm_req_problem(r, 403, "denied", "one's own password is changed by POST /password");
		return;
	}
	/* Left out it would be no condition at all. */
	if (!conditions_good(r)) {
		tm_req_problem(r, 400, "bad-request",
			       "If-Match or If-None-Match is not understood here");
		return;
	}
	if (s && s->calls >= PER_SESSION) {
		tm_req_problem_with(r, 429, "too-many", json_pack("{s:i}", "retry_after", 1),
				    "too many requests of this session are under way");
		return;
	}
	tm_req_defer(r, on_gone);
	if (!with_password(r))
		ask(r, r->body, r->len);
}
