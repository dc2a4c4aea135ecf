// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/where.c - looks at the object, then takes a barrier: what changed before the look is known then.
 */
#include "daemon/where.h"
#include "api/json.h"
#include "daemon/capture_glue.h"
#include "daemon/roots.h"
#include "daemon/schedule.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- records and paths */

static bool is_on_way(const struct tm_where_path *w, struct tm_oid dir, unsigned int upto)
{
	for (unsigned int i = 0; i < TM_MIN(upto, w->known); i++)
		if (tm_oid_eq(w->dir[i], dir))
			return true;
	return false;
}

bool tm_where_touches(const struct tm_change *c, const struct tm_where_path *w)
{
	switch (c->kind) {
	case TM_CHANGE_ALL: return true;
	case TM_CHANGE_SUBTREE: return is_on_way(w, c->dir, w->n + 1);
	/* Any entry of it may be another one: also the one on the way to the object. */
	case TM_CHANGE_DIR: return is_on_way(w, c->dir, w->n + 1);
	case TM_CHANGE_NAME:
		/* An entry of the object itself, where that is a directory. */
		if (w->known == w->n + 1 && tm_oid_eq(w->dir[w->n], c->dir))
			return true;
		for (unsigned int i = 0; i < TM_MIN(w->n, w->known); i++)
			if (tm_oid_eq(w->dir[i], c->dir) && strlen(w->name[i]) == c->name_len &&
			    memcmp(w->name[i], c->name, c->name_len) == 0)
				return true;
		return false;
	case TM_CHANGE_INODE:
		/* Where it was seen last is a hint, and good enough to say that an entry changed. */
		if (w->known == w->n + 1 && tm_oid_eq(w->dir[w->n], c->dir))
			return true;
		return !tm_oid_is_none(w->obj) && tm_oid_eq(w->obj, c->obj);
	default: return true;
	}
}

struct hit {
	const struct tm_where_path *w;
	bool all; /* only because everything is looked at */
};

static int touches(const struct tm_change *c, void *arg)
{
	struct hit *h = arg;

	if (!tm_where_touches(c, h->w))
		return 0;
	h->all = c->kind == TM_CHANGE_ALL;
	return 1;
}

static bool in_set(const struct tm_change_set *s, const struct tm_where_path *w, bool *all)
{
	struct hit h = { .w = w };

	if (!tm_change_set_each(s, touches, &h))
		return false;
	*all = *all || h.all;
	return true;
}

/* ---- looking */

/* @rel is cut into names. 0, or -errno when the root itself cannot be looked at. */
static int locate(int rootfd, char *rel, struct tm_where_path *w, int64_t *ret_ctime_ns)
{
	_cleanup_close_ int at = tm_open_beneath(rootfd, "", O_RDONLY | O_DIRECTORY, 0);
	char *save = NULL;
	struct stat st;
	int r;

	memset(w, 0, sizeof(*w));
	for (char *s = strtok_r(rel, "/", &save); s; s = strtok_r(NULL, "/", &save)) {
		if (w->n == TM_WHERE_DEPTH_MAX)
			return -ELOOP;
		w->name[w->n++] = s;
	}
	r = at < 0 ? at : tm_oid_at(at, "", &w->dir[0]);
	if (r < 0)
		return r;
	w->known = 1;
	if (w->n == 0)
		w->obj = w->dir[0];
	for (unsigned int i = 0; i < w->n; i++) {
		int next;

		r = tm_stat_name(at, w->name[i], &st);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		if (i + 1 == w->n) {
			*ret_ctime_ns = TM_MAX((int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
					       (int64_t)1);
			(void)tm_oid_at(at, w->name[i], &w->obj);
		}
		if (!S_ISDIR(st.st_mode))
			/* Beyond a symlink lies another path. */
			return i + 1 < w->n && S_ISLNK(st.st_mode) ? -ELOOP : 0;
		next = tm_open_name(at, w->name[i], O_RDONLY | O_DIRECTORY, 0);
		if (next < 0)
			return next == -ENOENT ? 0 : next;
		r = tm_oid_at(next, "", &w->dir[i + 1]);
		if (r < 0) {
			tm_close(next);
			return r;
		}
		w->known++;
		tm_close(at);
		at = next;
	}
	return 0;
}

/* What could not be replicated of this very path, or NULL. */
static const struct tm_failure *failure_of(const struct tm_policy *p, const char *rel)
{
	const struct tm_failure *found = NULL;
	size_t n = strlen(rel);

	for (unsigned int i = 0; i < p->n_failures; i++) {
		const struct tm_failure *f = &p->failures[i];

		if (f->path_len == n && memcmp(f->path, rel, n) == 0 &&
		    (!found || f->seq > found->seq))
			found = f;
	}
	return found;
}

/* ---- the answer for one policy */

struct answer {
	const char *state;
	int64_t change_ns, durable_ns;
	char detail[TM_REC_TEXT_MAX + 256];
};

/* By what is owed; "" when nothing of this path is. */
static void judge_backlog(const struct tm_policy *p, const struct tm_where_path *w, const char *rel,
			  struct answer *a)
{
	const struct tm_failure *f = failure_of(p, rel);
	bool all = false, waits, tried, out;

	waits = in_set(p->bl->pending, w, &all);
	tried = in_set(p->bl->retry, w, &all) || in_set(p->bl->torn, w, &all);
	out = p->bl->out && in_set(p->bl->inflight, w, &all);
	if (f && (tried || f->op == 3)) {
		a->state = "failed";
		tm_text_set(a->detail, sizeof(a->detail), "%s%s",
			    f->op == 3 ? "the target refused a part of it" : "it could not be sent yet",
			    f->err ? "" : "; see the failures");
		if (f->err)
			tm_text_set(a->detail + strlen(a->detail),
				    sizeof(a->detail) - strlen(a->detail), ": %s",
				    strerror(abs(f->err)));
	} else if (waits || tried) {
		a->state = "pending";
	} else if (out) {
		a->state = "in-flight";
	}
	if (!f && all)
		tm_text_set(a->detail, sizeof(a->detail), "everything is being compared");
}

static void judge_source(struct tm_policy *p, const struct tm_where_path *w, const char *rel,
			 struct answer *a)
{
	if (!p->bl || !p->tracked) {
		a->state = "unknown";
		tm_text_set(a->detail, sizeof(a->detail), "%s",
			    p->untracked_why[0] ? p->untracked_why
						: "changes of this policy are not tracked now");
		return;
	}
	if (p->rec.incomplete_ns && p->rec.first_done) {
		a->state = "incomplete";
		tm_text_set(a->detail, sizeof(a->detail),
			    "changes may have been missed (%s); everything is compared",
			    p->rec.incomplete_reason);
		return;
	}
	judge_backlog(p, w, rel, a);
	if (a->state)
		return;
	if (!p->rec.first_done) {
		a->state = "pending";
		tm_text_set(a->detail, sizeof(a->detail), "the first sync is not through");
		return;
	}
	if (w->n == 0 && !tm_backlog_clean(p->bl)) {
		a->state = "pending";
		tm_text_set(a->detail, sizeof(a->detail), "something below it is");
		return;
	}
	a->state = "safe";
	a->durable_ns = a->change_ns;
	if (tm_oid_is_none(w->obj))
		tm_text_set(a->detail, sizeof(a->detail),
			    "there is nothing at this path, and nothing on the target");
	else if (w->n && w->known == w->n + 1)
		tm_text_set(a->detail, sizeof(a->detail),
			    "the directory and its entries; what is below those is not looked at");
	else if (tm_glue_blind_spots(p->d)[0])
		tm_text_set(a->detail, sizeof(a->detail), "as far as it is seen: %s",
			    tm_glue_blind_spots(p->d));
}

static void look_source(struct tm_policy *p, const char *rel, struct answer *a)
{
	_cleanup_free_ struct tm_where_path *w = malloc(sizeof(*w));
	_cleanup_free_ char *copy = strdup(rel);
	_cleanup_close_ int fd = -EBADF;
	int r = w && copy ? tm_root_open(p, &fd) : -ENOMEM;

	if (r == 0)
		r = locate(fd, copy, w, &a->change_ns);
	if (r == 0 && p->bl && p->tracked)
		r = tm_glue_drain(p->d, true, NULL);
	if (r < 0) {
		a->state = "unknown";
		tm_text_set(a->detail, sizeof(a->detail), "%s%s",
			    r == -EXDEV	  ? "it is on another file system: mounts below a root are not followed"
			    : r == -ELOOP ? "the path leads through a symlink: ask for the real one"
					  : "it cannot be looked at: ",
			    r == -EXDEV || r == -ELOOP ? "" : strerror(-r));
		return;
	}
	judge_source(p, w, rel, a);
}

static void look(struct tm_policy *p, const char *rel, struct answer *a)
{
	char peer[96];

	*a = (struct answer){ .state = NULL };
	if (p->rec.auth != TM_REC_AUTHORIZED) {
		a->state = "unknown";
		tm_text_set(a->detail, sizeof(a->detail), "nothing is replicated: the policy is not authorized");
	} else if (p->rec.role == TM_REC_TARGET) {
		a->state = "unknown";
		tm_text_set(a->detail, sizeof(a->detail),
			    "this is the copy: it is as the source was at the recovery point; what changed "
			    "there since, only its source can tell (%s)",
			    tm_policy_peer_name(p, peer));
	} else {
		look_source(p, rel, a);
	}
}

static json_t *answer_json(struct tm_policy *p, const char *rel)
{
	_cleanup_json_ json_t *o = json_object();
	struct answer a;

	look(p, rel, &a);
	tm_schedule_refresh(p);
	if (tm_api_set_str(o, "policy", p->rec.name) < 0 || tm_api_set_str(o, "id", p->id_hex) < 0 ||
	    tm_api_set_str(o, "role", tm_rec_role_name(p->rec.role)) < 0 ||
	    tm_api_set_str(o, "relative", rel) < 0 || tm_api_set_str(o, "state", a.state) < 0 ||
	    tm_api_set_time(o, "last_change", a.change_ns) < 0 ||
	    tm_api_set_time(o, "last_durable", a.durable_ns) < 0 ||
	    tm_api_set_time(o, "recovery_point", p->rec.recovery_ns) < 0 ||
	    tm_api_set_bytes(o, "detail", a.detail, strlen(a.detail), true) < 0)
		return NULL;
	return json_incref(o);
}

json_t *tm_where_json(struct tm_daemon *d, const char *path, unsigned int *ret_n)
{
	_cleanup_json_ json_t *o = json_object(), *list = json_array();
	unsigned int n = 0;

	tm_policy_foreach(d, p)
	{
		const char *root = tm_root_path(p), *rel;
		size_t len = strlen(root);

		if (p->embryo || p->doomed || strncmp(path, root, len) ||
		    (path[len] && path[len] != '/' && !tm_streq(root, "/")))
			continue;
		for (rel = path + len; *rel == '/'; rel++)
			;
		n++;
		if (json_array_append_new(list, answer_json(p, rel)) < 0)
			return NULL;
	}
	if (tm_api_set_str(o, "path", path) < 0 || json_object_set(o, "policies", list) < 0)
		return NULL;
	*ret_n = n;
	return json_incref(o);
}
