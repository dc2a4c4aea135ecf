// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_who.c - who asks: the kernel's word on api.sock, the page's process's word on web.sock.
 *
 * On web.sock the process names the person who logged in and the role of that session. The account in
 * the store is asked again for every request: who was disabled or given less meanwhile has it at once,
 * and a session that claims more than its account gets no more.
 */
#include "daemon/rest_int.h"
#include "policy/check.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#define ADDRESS_MAX 45

static bool in_group(const struct tm_rest *r, const struct ucred *cred)
{
	struct passwd pw, *found = NULL;
	gid_t groups[256];
	char buf[4096];
	int n = TM_ARRAY_SIZE(groups);

	if (!r->have_group)
		return false;
	if (cred->gid == r->group)
		return true;
	if (getpwuid_r(cred->uid, &pw, buf, sizeof(buf), &found) || !found ||
	    getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == r->group)
			return true;
	return false;
}

static void identify_local(struct tm_call *c)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	(void)getpwuid_r(c->cred.uid, &pw, buf, sizeof(buf), &found);
	snprintf(c->who, sizeof(c->who), "%.64s (uid %u, pid %d)", found ? found->pw_name : "?",
		 c->cred.uid, c->cred.pid);
	c->root = c->cred.uid == 0;
	c->access = c->root || in_group(c->r, &c->cred) ? TM_ACCESS_ADMIN : TM_ACCESS_VIEWER;
}

/* An IPv4 or IPv6 address as text, for the audit log only. */
static const char *shown_address(const char *s)
{
	size_t n = s ? strspn(s, "0123456789abcdefABCDEF:.%") : 0;

	return n && n <= ADDRESS_MAX && !s[n] ? s : "unknown address";
}

static void identify_web(struct tm_call *c)
{
	const char *user = tm_call_header(c, "Tidemark-User");
	const char *role = tm_call_header(c, "Tidemark-Role");
	_cleanup_free_ char *why = NULL;
	struct tm_account_rec a;

	snprintf(c->who, sizeof(c->who), "tidemark-web (uid %u, pid %d)", c->cred.uid, c->cred.pid);
	c->access = TM_ACCESS_NONE;
	c->nobody = !user && !role && (c->cred.uid == c->r->owner || c->cred.uid == 0);
	if ((c->cred.uid != c->r->owner && c->cred.uid != 0) || !user || !role ||
	    tm_check_name(user, strlen(user), &why) < 0)
		return;
	snprintf(c->user, sizeof(c->user), "%s", user);
	snprintf(c->who, sizeof(c->who), "%s (web, %s)", user,
		 shown_address(tm_call_header(c, "Tidemark-Address")));
	if (c->r->d->store->ops->account_get(c->r->d->store, user, &a) == 0 && !a.disabled)
		c->access = TM_MIN(tm_access_parse(role), a.role);
	explicit_bzero(&a, sizeof(a));
}

void tm_call_identify(struct tm_call *c)
{
	socklen_t n = sizeof(c->cred);
	int fd = tm_call_fd(c);

	c->cred = (struct ucred){ .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (fd >= 0)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &n);
	if (c->r->web)
		identify_web(c);
	else
		identify_local(c);
}

const char *tm_call_who(const struct tm_call *c)
{
	return c->who;
}

bool tm_call_may(const struct tm_call *c, enum tm_access need)
{
	return c->access >= need;
}

bool tm_call_is_root(const struct tm_call *c)
{
	return c->root;
}

bool tm_call_is_web(const struct tm_call *c)
{
	return c->r->web;
}

bool tm_call_is_nobody(const struct tm_call *c)
{
	return c->nobody;
}

const char *tm_call_user(const struct tm_call *c)
{
	return c->user;
}
