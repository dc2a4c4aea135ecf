// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_accounts.c - who may log in to the page, and that somebody did.
 *
 * No password comes here: whoever sets one hashes it, and the page's process compares.
 */
#include "daemon/rest.h"
#include "policy/check.h"

static struct tm_store *store_of(struct tm_call *c)
{
	return tm_call_daemon(c)->store;
}

static json_t *account_json(const struct tm_account_rec *a)
{
	json_t *o = json_object();

	if (tm_api_set_str(o, "name", a->name) < 0 ||
	    tm_api_set_str(o, "role", tm_access_name(a->role)) < 0 ||
	    tm_api_set_time(o, "created", a->created_ns) < 0 ||
	    tm_api_set_time(o, "last_login", a->last_login_ns) < 0 ||
	    tm_api_set_bool(o, "disabled", a->disabled) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static int add_account(const struct tm_account_rec *a, void *arg)
{
	return json_array_append_new(arg, account_json(a)) < 0 ? -ENOMEM : 0;
}

void tm_rest_users(struct tm_rest_request *q)
{
	struct tm_store *s = store_of(q->c);
	json_t *list = json_array();

	if (!list || s->ops->account_each(s, add_account, list) < 0) {
		json_decref(list);
		list = NULL;
	}
	tm_call_reply(q->c, 200, list);
}

struct census {
	const char *but;
	unsigned int all, admins; /* admins: enabled, and not @but */
};

static int count_account(const struct tm_account_rec *a, void *arg)
{
	struct census *n = arg;

	n->all++;
	n->admins += a->role == TM_ACCESS_ADMIN && !a->disabled && !tm_streq(a->name, n->but);
	return 0;
}

static struct census census(struct tm_store *s, const char *but)
{
	struct census n = { .but = but };

	(void)s->ops->account_each(s, count_account, &n);
	return n;
}

/* @a as stored; false: answered. */
static bool find(struct tm_rest_request *q, struct tm_account_rec *a)
{
	struct tm_store *s = store_of(q->c);
	int r = s->ops->account_get(s, q->arg, a);

	if (r == 0)
		return true;
	if (r == -ENOENT)
		tm_call_problem_with(q->c, 404, "not-found",
				     json_pack("{s:b}", "accounts", census(s, "").all > 0),
				     "there is no such user");
	else
		tm_call_problem(q->c, 500, "internal", "the users cannot be read");
	return false;
}

/* Through the page nobody locks everybody out of it, root always finds a way back. False: answered. */
static bool leaves_admin(struct tm_rest_request *q, const struct tm_account_rec *after)
{
	if (!tm_call_is_web(q->c) || (after && after->role == TM_ACCESS_ADMIN && !after->disabled) ||
	    census(store_of(q->c), q->arg).admins)
		return true;
	tm_call_problem(q->c, 409, "wrong-state", "%s is the last admin who can log in", q->arg);
	return false;
}

static void store_account(struct tm_rest_request *q, const struct tm_account_rec *a,
			  unsigned int status, const char *action)
{
	struct tm_store *s = store_of(q->c);
	int r = s->ops->account_put(s, a);

	if (r == -ENOSPC) {
		tm_call_problem(q->c, 503, "busy", "there are %d users, no more are kept",
				TM_STORE_ACCOUNTS_MAX);
		return;
	}
	if (r < 0) {
		tm_call_problem(q->c, 500, "internal", "the user cannot be stored");
		return;
	}
	tm_audit(tm_call_daemon(q->c), tm_call_who(q->c), action, NULL, "%s (%s%s)", a->name,
		 tm_access_name(a->role), a->disabled ? ", disabled" : "");
	tm_call_reply(q->c, status, account_json(a));
}

void tm_rest_user_put(struct tm_rest_request *q)
{
	struct tm_store *s = store_of(q->c);
	_cleanup_free_ char *why = NULL;
	struct tm_api_account body;
	struct tm_api_refusal no;
	struct tm_account_rec a = { .created_ns = tm_wall_ns() };
	bool fresh;

	if (tm_check_name(q->arg, strlen(q->arg), &why) < 0) {
		tm_call_problem_with(q->c, 400, "bad-name", json_pack("{s:s}", "field", "name"), "%s",
				     why ?: "bad name");
		return;
	}
	if (tm_api_account_put_get(q->body, &body, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	/* Whoever changes their own password changes nothing else. */
	if (body.has_role && !tm_call_may(q->c, TM_ACCESS_ADMIN)) {
		tm_call_problem(q->c, 403, "denied", "a role is given by an admin");
		return;
	}
	fresh = s->ops->account_get(s, q->arg, &a) == -ENOENT;
	if (fresh && !body.has_role && census(s, "").all) {
		tm_call_bad(q->c, "role", "a new user needs a role: viewer, operator or admin");
		return;
	}
	if (fresh)
		a.role = TM_ACCESS_ADMIN;
	memcpy(a.name, q->arg, strlen(q->arg) + 1);
	memcpy(a.verifier, body.verifier, sizeof(a.verifier));
	if (body.has_role)
		a.role = tm_access_parse(body.role);
	if (fresh || leaves_admin(q, &a))
		store_account(q, &a, fresh ? 201 : 200, fresh ? "user-add" : "user-password");
	explicit_bzero(&a, sizeof(a));
	explicit_bzero(&body, sizeof(body));
}

void tm_rest_user_patch(struct tm_rest_request *q)
{
	struct tm_api_account body;
	struct tm_api_refusal no;
	struct tm_account_rec a;

	if (tm_api_account_patch_get(q->body, &body, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	if (!find(q, &a))
		return;
	if (body.has_role)
		a.role = tm_access_parse(body.role);
	if (body.has_disabled)
		a.disabled = body.disabled;
	if (leaves_admin(q, &a))
		store_account(q, &a, 200, "user-change");
	explicit_bzero(&a, sizeof(a));
}

void tm_rest_user_delete(struct tm_rest_request *q)
{
	struct tm_store *s = store_of(q->c);
	struct tm_account_rec a;
	json_t *o;

	if (!find(q, &a) || !leaves_admin(q, NULL))
		return;
	explicit_bzero(&a, sizeof(a));
	if (s->ops->account_del(s, q->arg) < 0) {
		tm_call_problem(q->c, 500, "internal", "the user cannot be deleted");
		return;
	}
	tm_audit(tm_call_daemon(q->c), tm_call_who(q->c), "user-delete", NULL, "%s", q->arg);
	o = json_object();
	(void)tm_api_set_str(o, "deleted", q->arg);
	tm_call_reply(q->c, 200, o);
}

void tm_rest_verifier(struct tm_rest_request *q)
{
	struct tm_account_rec a;
	json_t *o;

	if (!find(q, &a))
		return;
	o = json_object();
	if (tm_api_set_str(o, "verifier", a.verifier) < 0 ||
	    tm_api_set_str(o, "role", tm_access_name(a.role)) < 0 ||
	    tm_api_set_bool(o, "disabled", a.disabled) < 0 ||
	    tm_api_set_time(o, "last_login", a.last_login_ns) < 0) {
		json_decref(o);
		o = NULL;
	}
	explicit_bzero(&a, sizeof(a));
	tm_call_reply(q->c, 200, o);
}

void tm_rest_login(struct tm_rest_request *q)
{
	/* Whoever guesses passwords must not push what matters out of the audit log. */
	static struct tm_ratelimit limit;
	struct tm_store *s = store_of(q->c);
	struct tm_api_refusal no;
	struct tm_api_login l;
	struct tm_account_rec a;
	char who[160];
	bool known;

	if (tm_api_login_get(q->body, &l, &no) < 0) {
		tm_call_refused(q->c, &no);
		return;
	}
	known = s->ops->account_get(s, l.name, &a) == 0;
	if (l.ok && !known) {
		tm_call_problem(q->c, 404, "not-found", "there is no such user");
		return;
	}
	if (l.ok) {
		a.last_login_ns = tm_wall_ns();
		(void)s->ops->account_put(s, &a);
	}
	if (known)
		explicit_bzero(&a, sizeof(a));
	tm_text_set(who, sizeof(who), "%s (web, %s)", l.name, l.address[0] ? l.address : "?");
	if (l.ok || tm_ratelimit_ok(&limit, 30, 60000))
		tm_audit(tm_call_daemon(q->c), who, l.ok ? "login" : "login-failed", NULL, "%s", "");
	tm_call_reply(q->c, 200, json_pack("{s:b}", "recorded", 1));
}
