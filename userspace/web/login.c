// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/login.c - logging in and out, the session that is asked for, the own password.
 *
 * A login asks the daemon for the account's verifier, compares in a thread, tells the daemon how
 * it went, and answers; the same steps, with the same work, whether the account exists or not.
 * Who it is that tries is limited before any of that. Passwords are wiped as soon as they were
 * handed to the thread.
 */
#include "web/account.h"
#include "web/http.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "web/tls.h"

#include <stdio.h>

#define ASK_MS 10000

struct attempt {
	struct tm_limit_key by_name, by_address;
	bool charged;
	char name[TM_USER_MAX + 1];	    /* one more, likewise */
	char password[TM_PASSWORD_MAX + 2]; /* one more than is right tells that it is too long */
	char fresh[TM_PASSWORD_MAX + 1];
	struct tm_account account;
	bool known;
};

/* ---- limits */

/* 0, or answered. */
static bool may_try(struct tm_req *r, struct attempt *t)
{
	struct tm_limit *l = r->w->limit;
	uint64_t now_ms = tm_mono_ms(), wait_ms, by_name_ms;

	t->by_name = tm_limit_name(l, t->name);
	t->by_address = tm_limit_address(l, (struct sockaddr *)&r->peer);
	wait_ms = tm_limit_wait_ms(l, t->by_address, now_ms);
	by_name_ms = tm_limit_wait_ms(l, t->by_name, now_ms);
	wait_ms = TM_MAX(wait_ms, by_name_ms);
	if (wait_ms) {
		tm_req_problem_with(
			r, 429, "too-many",
			json_pack("{s:I}", "retry_after", (json_int_t)(wait_ms + 999) / 1000),
			"too many logins failed: wait a moment");
		return false;
	}
	tm_limit_charge(l, t->by_name, now_ms);
	tm_limit_charge(l, t->by_address, now_ms);
	t->charged = true;
	return true;
}

/* Nobody's fault: it does not count. */
static void refund(struct tm_req *r, struct attempt *t)
{
	if (t->charged) {
		tm_limit_refund(r->w->limit, t->by_name);
		tm_limit_refund(r->w->limit, t->by_address);
	}
	t->charged = false;
}

static void no_daemon(struct tm_req *r, int error)
{
	refund(r, r->state);
	tm_req_no_daemon(r, error);
}

/* ---- bodies */

/* Text of @field into @dst, cut to @cap; what else is in memory of it is wiped. False: answered. */
static bool take_text(struct tm_req *r, json_t *body, const char *field, char *dst, size_t cap)
{
	json_t *v = json_object_get(body, field);
	const char *s = json_string_value(v);

	if (!s || strlen(s) != json_string_length(v)) {
		tm_req_problem_with(r, 400, "bad-request", json_pack("{s:s}", "field", field),
				    "%s: text is expected", field);
		return false;
	}
	snprintf(dst, cap, "%s", s);
	explicit_bzero((char *)s, strlen(s));
	return true;
}

static json_t *take_body(struct tm_req *r)
{
	_cleanup_free_ char *why = NULL;
	json_t *body = NULL;

	if (tm_api_body_parse(r->body, r->len, &body, &why) < 0) {
		tm_req_problem(r, 400, "bad-request", "%s",
			       why ? why : "the body is not understood");
		body = NULL;
	}
	if (r->body)
		explicit_bzero(r->body, r->len);
	return body;
}

/* ---- a session as JSON */

static json_t *session_json(struct tm_req *r, const struct tm_session *s)
{
	json_t *o = json_pack(
		"{s:s,s:s,s:s,s:I}", "name", s->user, "role", s->role, "csrf", s->csrf,
		"idle_seconds",
		(json_int_t)(tm_session_idle_left_ms(r->w->sessions, s, tm_mono_ms()) / 1000));
	const char *cluster = tm_accounts_cluster(r->w);

	if (o &&
	    (json_object_set_new(o, "cluster", *cluster ? json_string(cluster) : json_null()) < 0 ||
	     json_object_set_new(o, "last_login",
				 *s->last_login ? json_string(s->last_login) : json_null()) < 0)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

/* ---- login */

static void gone(struct tm_req *r)
{
	tm_password_forget(r->w->passwords, r);
	tm_account_forget(r->w, r);
}

static void refuse(struct tm_req *r)
{
	tm_req_problem(r, 401, "login-failed", "name or password is wrong");
}

static void welcome(struct tm_req *r, struct attempt *t)
{
	uint8_t random[2 * TM_TOKEN_LEN];
	char cookie[TM_TOKEN_TEXT];
	struct tm_session *s;

	/* The browser's old session does not live on beside the new one. */
	s = tm_session_by_serial(r->w->sessions, r->session);
	if (s)
		tm_session_end(r->w->sessions, s);
	tm_random(random, sizeof(random));
	s = tm_session_new(r->w->sessions, random, t->name, t->account.role, t->account.verifier,
			   tm_mono_ms());
	snprintf(s->last_login, sizeof(s->last_login), "%s", t->account.last_login);
	tm_session_cookie(s, cookie);
	tm_events_check_sessions(r->w);
	tm_info("%s logged in from %s", t->name, r->address);
	tm_req_json_cookie(r, 200, session_json(r, s), cookie);
	explicit_bzero(random, sizeof(random));
	explicit_bzero(cookie, sizeof(cookie));
}

/* Where one is, before the first answer that tells it. */
static void on_status(void *arg, struct tm_up_answer *a)
{
	struct tm_req *r = arg;

	r->call = NULL;
	tm_accounts_learn_cluster(r->w, a);
	welcome(r, r->state);
}

static void ask_where(struct tm_req *r, struct attempt *t)
{
	const struct tm_up_ask ask = { .method = "GET",
				       .path = "/v1/status",
				       .user = t->name,
				       .role = t->account.role,
				       .address = r->address,
				       .timeout_ms = ASK_MS };

	if (*tm_accounts_cluster(r->w) ||
	    tm_up_call(r->w->up, &ask, NULL, on_status, r, &r->call) < 0)
		welcome(r, t);
}

static void on_checked(void *arg, const struct tm_password_result *result)
{
	static struct tm_ratelimit rl;
	struct tm_req *r = arg;
	struct attempt *t = r->state;
	bool ok = result->ok && t->known && !t->account.disabled;

	if (tm_user_name_good(t->name))
		tm_account_report_login(r->w, t->name, r->address, ok);
	if (!ok) {
		if (tm_ratelimit_ok(&rl, 10, 60000))
			tm_notice("a login failed, from %s", r->address);
		refuse(r);
		return;
	}
	tm_limit_clear(r->w->limit, t->by_name);
	/* Not clear: an account of one's own must not buy tries at those of others. */
	tm_limit_refund(r->w->limit, t->by_address);
	ask_where(r, t);
}

static void compare(struct tm_req *r, tm_password_fn then)
{
	struct attempt *t = r->state;
	int e = tm_password_check(r->w->passwords, t->password,
				  t->known ? t->account.verifier : NULL, then, r);

	explicit_bzero(t->password, sizeof(t->password));
	if (e < 0)
		no_daemon(r, e);
}

static void on_account(void *arg, int error, const struct tm_account *a)
{
	struct tm_req *r = arg;
	struct attempt *t = r->state;

	if (error && error != -ENOENT) {
		no_daemon(r, error);
		return;
	}
	t->known = !error;
	if (a)
		t->account = *a;
	compare(r, on_checked);
}

void tm_login(struct tm_req *r)
{
	struct attempt *t = tm_req_state(r, sizeof(*t));
	_cleanup_json_ json_t *body = take_body(r);
	int e;

	if (!t)
		tm_req_respond(r, 500, NULL);
	if (!t || !body || !take_text(r, body, "name", t->name, sizeof(t->name)) ||
	    !take_text(r, body, "password", t->password, sizeof(t->password)) || !may_try(r, t))
		return;
	tm_req_defer(r, gone);
	/* No account can have such a name: it is not asked for, but costs the same. */
	if (!tm_user_name_good(t->name)) {
		on_account(r, -ENOENT, NULL);
		return;
	}
	e = tm_account_get(r->w, t->name, on_account, r);
	if (e < 0)
		no_daemon(r, e);
}

/* ---- the session */

static void on_any_account(void *arg, int error, const struct tm_account *a)
{
	struct tm_req *r = arg;

	(void)a;
	if (error && error != -ENOENT)
		tm_req_no_daemon(r, error);
	else
		tm_req_problem_with(r, 401, "login-required",
				    json_pack("{s:b}", "accounts", tm_accounts_any(r->w)),
				    "log in first");
}

void tm_session_show(struct tm_req *r)
{
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);
	int e;

	if (s) {
		tm_req_json(r, 200, session_json(r, s));
		return;
	}
	tm_req_defer(r, gone);
	/* Whether there is any account is told with the answer about this one. */
	e = tm_account_get(r->w, "admin", on_any_account, r);
	if (e < 0)
		tm_req_no_daemon(r, e);
}

void tm_logout(struct tm_req *r)
{
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);

	if (s)
		tm_session_end(r->w->sessions, s);
	tm_events_check_sessions(r->w);
	tm_info("%s logged out", r->user);
	tm_req_json_cookie(r, 200, json_pack("{s:b}", "logged_out", 1), NULL);
}

/* ---- the own password: the old one is checked, the new one hashed, the daemon told */

static void on_stored(void *arg, struct tm_up_answer *a)
{
	struct tm_req *r = arg;
	struct attempt *t = r->state;
	struct tm_session *s = tm_session_by_serial(r->w->sessions, r->session);

	r->call = NULL;
	if (a->error) {
		tm_req_no_daemon(r, a->error);
		return;
	}
	if (a->status != 200) {
		tm_req_problem(r, a->status == 403 ? 403 : 502,
			       a->status == 403 ? "denied" : "internal",
			       "tidemarkd did not take the new password (%u)", a->status);
		return;
	}
	/* This session goes on; the others of this user end. */
	if (s)
		tm_session_new_verifier(s, t->account.verifier);
	(void)tm_sessions_user_is(r->w->sessions, r->user, r->role, t->account.verifier);
	tm_events_check_sessions(r->w);
	tm_notice("%s has a new password", r->user);
	tm_req_json(r, 200, json_pack("{s:b}", "changed", 1));
}

static void on_made(void *arg, const struct tm_password_result *made)
{
	struct tm_req *r = arg;
	struct attempt *t = r->state;
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ json_t *body = NULL;
	struct tm_up_ask ask = { .method = "PUT",
				 .user = r->user,
				 .role = r->role,
				 .address = r->address,
				 .reauthenticated = true,
				 .timeout_ms = ASK_MS };
	int e = -ENOMEM;

	if (made->ok && asprintf(&path, "/v1/users/%s", r->user) > 0)
		body = json_pack("{s:s}", "verifier", made->verifier);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	if (text) {
		snprintf(t->account.verifier, sizeof(t->account.verifier), "%s", made->verifier);
		ask.path = path;
		ask.body = text;
		ask.len = strlen(text);
		e = tm_up_call(r->w->up, &ask, NULL, on_stored, r, &r->call);
	}
	if (e < 0)
		tm_req_no_daemon(r, e);
}

static void on_old_checked(void *arg, const struct tm_password_result *result)
{
	struct tm_req *r = arg;
	struct attempt *t = r->state;

	if (!result->ok || !t->known) {
		tm_req_problem_with(r, 403, "wrong-password", json_pack("{s:s}", "field", "old"),
				    "the present password is not that one");
		return;
	}
	refund(r, t);
	if (tm_password_make(r->w->passwords, t->fresh, on_made, r) < 0)
		tm_req_no_daemon(r, -EBUSY);
	explicit_bzero(t->fresh, sizeof(t->fresh));
}

static void on_own_account(void *arg, int error, const struct tm_account *a)
{
	struct tm_req *r = arg;
	struct attempt *t = r->state;

	if (error && error != -ENOENT) {
		no_daemon(r, error);
		return;
	}
	t->known = !error;
	if (a)
		t->account = *a;
	compare(r, on_old_checked);
}

void tm_password_change(struct tm_req *r)
{
	struct attempt *t = tm_req_state(r, sizeof(*t));
	_cleanup_json_ json_t *body = take_body(r);
	const char *wrong;
	int e;

	if (!t)
		tm_req_respond(r, 500, NULL);
	if (!t || !body)
		return;
	snprintf(t->name, sizeof(t->name), "%s", r->user);
	if (!take_text(r, body, "old", t->password, sizeof(t->password)))
		return;
	/* One byte more than fits is too long, and said so. */
	wrong = json_string_length(json_object_get(body, "new")) > TM_PASSWORD_MAX
			? "the new password is longer than 511 bytes"
			: NULL;
	if (!take_text(r, body, "new", t->fresh, sizeof(t->fresh)))
		return;
	wrong = wrong ? wrong : tm_password_wrong(t->fresh);
	if (wrong) {
		tm_req_problem_with(r, 400, "bad-request", json_pack("{s:s}", "field", "new"), "%s",
				    wrong);
		return;
	}
	if (!may_try(r, t))
		return;
	tm_req_defer(r, gone);
	e = tm_account_get(r->w, t->name, on_own_account, r);
	if (e < 0)
		no_daemon(r, e);
}
