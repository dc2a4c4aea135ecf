// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web/account.c - see account.h.
 */
#include "web/account.h"

#include "api/json.h"
#include "lib/log.h"
#include "lib/text.h"

#include <stdio.h>

#define ASK_MS	   10000
#define RECHECK_MS 5000

struct query {
	struct query *next;
	struct tm_web *w;
	struct tm_up_call *call;
	char name[TM_USER_MAX];
	tm_account_fn fn; /* NULL: forgotten */
	void *arg;
};

struct tm_accounts {
	struct query *queries;
	unsigned int rechecks; /* under way */
	uint64_t checked_ms;
	bool stale, none;
	char cluster[65];
};

static void query_free(struct query *q)
{
	struct query **p = &q->w->accounts->queries;

	while (*p && *p != q)
		p = &(*p)->next;
	if (*p)
		*p = q->next;
	free(q);
}

static bool text_of(json_t *o, const char *key, char *dst, size_t cap)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s || strlen(s) >= cap)
		return false;
	memcpy(dst, s, strlen(s) + 1);
	return true;
}

static bool role_good(const char *role)
{
	return tm_streq(role, "viewer") || tm_streq(role, "operator") || tm_streq(role, "admin");
}

/* 0 with @a, -ENOENT, -EIO. */
static int understand(struct tm_accounts *t, const struct tm_up_answer *a, struct tm_account *ret)
{
	_cleanup_json_ json_t *o =
		a->body ? json_loadb(a->body, a->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *any;

	if (a->status == 404 && o) {
		any = json_object_get(o, "accounts");
		if (json_is_boolean(any))
			t->none = json_is_false(any);
		return -ENOENT;
	}
	if (a->status != 200 || !o ||
	    !text_of(o, "verifier", ret->verifier, sizeof(ret->verifier)) ||
	    !text_of(o, "role", ret->role, sizeof(ret->role)) || !role_good(ret->role))
		return -EIO;
	t->none = false;
	ret->disabled = json_is_true(json_object_get(o, "disabled"));
	(void)text_of(o, "last_login", ret->last_login, sizeof(ret->last_login));
	return 0;
}

static void on_answer(void *arg, struct tm_up_answer *a)
{
	struct query *q = arg;
	struct tm_account account = { 0 };
	int e = a->error ? a->error : understand(q->w->accounts, a, &account);
	tm_account_fn fn = q->fn;
	void *fn_arg = q->arg;

	q->call = NULL;
	if (a->body)
		explicit_bzero(a->body, a->len);
	query_free(q);
	if (fn)
		fn(fn_arg, e, e ? NULL : &account);
	explicit_bzero(&account, sizeof(account));
}

int tm_account_get(struct tm_web *w, const char *name, tm_account_fn fn, void *arg)
{
	_cleanup_free_ char *path = tm_asprintf("/v1/users/%s/verifier", name);
	struct tm_up_ask ask = { .method = "GET", .path = path, .timeout_ms = ASK_MS };
	struct query *q = calloc(1, sizeof(*q));
	int e;

	if (!q || !path) {
		free(q);
		return -ENOMEM;
	}
	q->w = w;
	q->fn = fn;
	q->arg = arg;
	snprintf(q->name, sizeof(q->name), "%s", name);
	q->next = w->accounts->queries;
	w->accounts->queries = q;
	e = tm_up_call(w->up, &ask, NULL, on_answer, q, &q->call);
	if (e < 0)
		query_free(q);
	return e;
}

void tm_account_forget(struct tm_web *w, void *arg)
{
	for (struct query *q = w->accounts->queries; q; q = q->next)
		if (q->arg == arg)
			q->fn = NULL;
}

static void on_reported(void *arg, struct tm_up_answer *a)
{
	(void)arg;
	if (a->error || a->status != 200)
		tm_warn("tidemarkd did not take note of a login (%s%u)",
			a->error ? strerror(-a->error) : "status ", a->status);
}

void tm_account_report_login(struct tm_web *w, const char *name, const char *address, bool ok)
{
	_cleanup_json_ json_t *body =
		json_pack("{s:s,s:b,s:s}", "name", name, "ok", ok, "address", address);
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct tm_up_ask ask = {
		.method = "POST", .path = "/v1/logins", .body = text, .timeout_ms = ASK_MS
	};

	if (!text)
		return;
	ask.len = strlen(text);
	if (tm_up_call(w->up, &ask, NULL, on_reported, NULL, NULL) < 0)
		tm_warn("a login could not be told to tidemarkd: too much is being asked of it");
}

/* ---- while somebody is logged in */

struct recheck {
	struct tm_web *w;
	char name[TM_USER_MAX];
};

static void on_recheck(void *arg, int error, const struct tm_account *a)
{
	struct recheck *c = arg;
	struct tm_web *w = c->w;
	size_t ended = 0;

	w->accounts->rechecks--;
	if (error == 0)
		ended = tm_sessions_user_is(w->sessions, c->name, a->role,
					    a->disabled ? NULL : a->verifier);
	else if (error == -ENOENT)
		ended = tm_sessions_user_is(w->sessions, c->name, "", NULL);
	/* Else the daemon is away: nothing can be done with a session either. */
	if (ended) {
		tm_notice("%zu sessions of %s ended: the account has changed", ended, c->name);
		tm_events_check_sessions(w);
	}
	free(c);
}

static void recheck(struct tm_web *w)
{
	const char *name;
	size_t pos = 0;

	while ((name = tm_sessions_next_user(w->sessions, &pos))) {
		struct recheck *c = calloc(1, sizeof(*c));

		if (!c)
			return;
		c->w = w;
		snprintf(c->name, sizeof(c->name), "%s", name);
		if (tm_account_get(w, name, on_recheck, c) < 0)
			free(c);
		else
			w->accounts->rechecks++;
	}
}

void tm_accounts_learn_cluster(struct tm_web *w, const struct tm_up_answer *a)
{
	_cleanup_json_ json_t *o = NULL;

	if (a->error || a->status != 200 || !a->body)
		return;
	o = json_loadb(a->body, a->len, JSON_REJECT_DUPLICATES, NULL);
	(void)text_of(o, "cluster", w->accounts->cluster, sizeof(w->accounts->cluster));
}

void tm_accounts_tick(struct tm_web *w, uint64_t now_ms)
{
	struct tm_accounts *t = w->accounts;

	if (t->rechecks || (!t->stale && now_ms - t->checked_ms < RECHECK_MS))
		return;
	t->checked_ms = now_ms;
	t->stale = false;
	recheck(w);
}

void tm_accounts_stale(struct tm_web *w)
{
	w->accounts->stale = true;
}

bool tm_accounts_any(const struct tm_web *w)
{
	return !w->accounts->none;
}

const char *tm_accounts_cluster(const struct tm_web *w)
{
	return w->accounts->cluster;
}

int tm_accounts_new(struct tm_web *w)
{
	w->accounts = calloc(1, sizeof(*w->accounts));
	return w->accounts ? 0 : -ENOMEM;
}

void tm_accounts_free(struct tm_web *w)
{
	struct tm_accounts *t = w->accounts;

	if (!t)
		return;
	while (t->queries) {
		struct query *q = t->queries;

		if (q->fn == on_recheck)
			free(q->arg);
		tm_up_cancel(q->call);
		query_free(q);
	}
	free(t);
	w->accounts = NULL;
}
