/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/examine.c - exact records: what is there now becomes assertions.
 *
 * Names first: they tell where directories moved to, without which later records would not find
 * their way. Directories are visited from the root downwards and again as long as that
 * helps, so that the order in which things were renamed does not matter. Inodes come last; most of them
 * were met under a name by then.
 */
#include "source/internal.h"

#include <fcntl.h>

#include "lib/beneath.h"

#define ROUNDS_MAX 16
#define POLL_EVERY 64

bool src_err_fatal(const struct tm_source *s, int r)
{
	return s->link_broken || r == -ENOMEM || r == -ECANCELED || r == -EREMOTEIO || r == -EBADMSG ||
	       r == -EMFILE || r == -ENFILE || r == -EMSGSIZE || (r == -ESTALE && s->stop.text[0]);
}

/* Before something is emitted: close a full batch. */
static int make_room(struct tm_source *s)
{
	return src_batch_full(s) && !s->batch.running ? src_batch_run(s, false) : 0;
}

/* An object was looked at and verified at (d, name). */
static int emit_found(struct tm_source *s, struct src_dir *d, const char *name, size_t len,
		      const struct src_seen *seen, uint32_t flags)
{
	int r = src_emit_entry(s, d, name, len, seen, flags);

	if (r < 0 || seen->attrs.kind != TM_KIND_DIR)
		return r;
	return src_dir_seen(s, d, name, len, seen->oid, SRC_WANT_NOTHING);
}

/* Is @oid at (dir, name)? Then it is emitted: 1. 0: no. */
static int try_place(struct tm_source *s, struct tm_oid oid, struct tm_oid dir, const char *name, size_t len)
{
	struct src_dir *d = src_index_get(&s->index, dir);
	struct src_seen seen;
	int r;

	if (!d || d->hidden || src_index_detached(&s->index, d) || !tm_name_ok(name, len))
		return 0;
	r = make_room(s);
	if (r < 0)
		return r;
	r = src_dir_cached(s, d);
	if (r == -ESTALE) {
		r = src_dir_find(s, d, SRC_OPEN_PATH);
		if (r >= 0) {
			s->cached_fd = r;
			s->cached_dir = d->oid;
		}
	}
	if (r == -ESTALE)
		return 0;
	if (r < 0)
		return r;
	r = src_look(r, name, &seen);
	if (src_err_gone(r))
		return 0;
	if (r < 0)
		return r;
	if (!tm_oid_eq(seen.oid, oid) || seen.dev != s->root_dev || seen.mnt != s->root_mnt)
		return 0;
	r = emit_found(s, d, name, len, &seen, SRC_EXACT);
	return r < 0 ? r : 1;
}

/* By the names known of a file with several links. */
static int try_links(struct tm_source *s, struct tm_oid oid)
{
	struct src_link *l = src_links_get(s->links, oid);
	struct src_link_name *n, *next;
	int r;

	for (n = l ? l->names : NULL; n; n = next) {
		/* What is found with one link left is forgotten in emit: use nothing of it afterwards. */
		next = n->next;
		r = try_place(s, oid, n->dir, n->name, n->len);
		if (r)
			return r;
		src_links_drop(l, n);
	}
	return 0;
}

/* ---- names ---- */

/* Its link count and stamp changed, and no other record may say so. */
static int touch_other_names(struct tm_source *s, const struct src_name *n)
{
	int r;

	if (tm_oid_is_none(n->obj) || src_plan_ino(&s->plan, n->obj) || !tm_map_size(s->links))
		return 0;
	r = try_links(s, n->obj);
	return r < 0 && src_err_fatal(s, r) ? r : 0;
}

static int examine_name(struct tm_source *s, struct src_dir *d, int fd, const struct src_name *n)
{
	uint32_t flags = (s->opts.moves_told ? SRC_EXACT : 0) | (n->flags & TM_CF_WHOLE ? TM_AF_WHOLE : 0);
	struct src_seen seen;
	int r;

	r = src_name_reserved(s, d, fd, n->name);
	if (r == -EEXIST)
		src_file_failed(s, d, n->name, n->len, 1, EEXIST);
	if (r)
		return 0;
	r = make_room(s);
	if (r < 0)
		return r;
	r = src_look(fd, n->name, &seen);
	if (r == -ENOENT) {
		r = src_emit_absent(s, d, n->name, n->len);
		return r < 0 ? r : touch_other_names(s, n);
	}
	if (r == 0 && (seen.dev != s->root_dev || seen.mnt != s->root_mnt)) {
		src_file_failed(s, d, n->name, n->len, 1, EXDEV);
		return 0;
	}
	if (r < 0) {
		if (src_err_fatal(s, r))
			return r;
		src_file_failed(s, d, n->name, n->len, 1, -r);
		return src_requeue_name(s, d->oid, n->name, n->len);
	}
	return emit_found(s, d, n->name, n->len, &seen, flags);
}

static int requeue_group(struct tm_source *s, const struct src_group *g)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		const struct src_name *n = &s->plan.names[g->first + i];
		const struct tm_change c = {
			.kind = TM_CHANGE_NAME, .flags = n->flags, .dir = n->dir, .obj = n->obj,
			.name = n->name, .name_len = n->len,
		};

		r = src_requeue(s, &c);
	}
	return r;
}

/* The directory is there but cannot be looked into. */
static int group_unreadable(struct tm_source *s, struct src_group *g, struct src_dir *d, int err)
{
	if (src_err_fatal(s, err))
		return err;
	g->done = true;
	src_file_failed(s, d, "", 0, 1, -err);
	return err == -EXDEV ? 0 : requeue_group(s, g);
}

static int visit(struct tm_source *s, struct src_group *g, struct src_dir *d, int dirfd)
{
	_cleanup_close_ int fd = dirfd;
	struct src_seen seen;
	int r;

	for (size_t i = 0; i < g->n; i++) {
		r = i % POLL_EVERY ? 0 : src_poll(s);
		if (r == 0)
			r = examine_name(s, d, fd, &s->plan.names[g->first + i]);
		if (r < 0)
			return r;
	}
	/* Its own times changed with its entries. */
	r = src_look(fd, "", &seen);
	if (r == 0)
		r = src_emit_dir(s, d, &seen);
	return r < 0 && !src_err_fatal(s, r) ? src_requeue_dir(s, d->oid, false) : r;
}

/* Returns 1 when the group is done, 0 when its directory was not found, -errno. */
static int try_group(struct tm_source *s, struct src_group *g, bool search)
{
	struct src_dir *d = src_index_get(&s->index, g->dir);
	int fd, r;

	if (!d || src_index_detached(&s->index, d))
		return 0;
	/* What is about to be listed needs no names. */
	if (d->hidden || d->queued) {
		g->done = true;
		return 1;
	}
	fd = src_dir_open(s, d, SRC_OPEN_PATH);
	if (fd == -ESTALE && search)
		fd = src_dir_find(s, d, SRC_OPEN_PATH);
	if (fd == -ESTALE)
		return 0;
	if (fd < 0) {
		r = group_unreadable(s, g, d, fd);
		return r < 0 ? r : 1;
	}
	g->done = true;
	r = visit(s, g, d, fd);
	return r < 0 ? r : 1;
}

/* Its directory is not to be found. */
static int settle_group(struct tm_source *s, struct src_group *g)
{
	struct src_dir *d = src_index_get(&s->index, g->dir);
	bool live = false, hinted = src_plan_hint(&s->plan, g->dir, &live);

	g->done = true;
	/*
	 * In limbo: this set says that it left its place. If it lives on elsewhere the next one says so,
	 * and then it is listed as a whole, because it is forgotten here.
	 */
	if (d && src_index_detached(&s->index, d))
		return src_dir_owe_listing(s, d);
	/* Came and went. */
	if (!d && hinted && !live)
		return 0;
	return src_miss(s, g->dir) ? requeue_group(s, g) : 0;
}

static int cmp_depth(const void *a, const void *b)
{
	const struct src_group *x = a, *y = b;

	return (x->depth > y->depth) - (x->depth < y->depth);
}

int src_examine_names(struct tm_source *s, bool all)
{
	struct src_plan *p = &s->plan;
	bool progress = true;
	int r = 0;

	for (size_t i = 0; i < p->n_groups; i++) {
		struct src_dir *d = src_index_get(&s->index, p->groups[i].dir);

		p->groups[i].depth = d ? src_index_depth(d) : UINT32_MAX;
	}
	if (p->n_groups)
		qsort(p->groups, p->n_groups, sizeof(*p->groups), cmp_depth);
	for (int round = 0; progress && round < ROUNDS_MAX; round++) {
		progress = false;
		for (size_t i = 0; i < p->n_groups; i++) {
			if (p->groups[i].done)
				continue;
			r = try_group(s, &p->groups[i], false);
			if (r < 0)
				return r;
			progress |= r;
		}
	}
	for (size_t i = 0; all && i < p->n_groups; i++) {
		if (p->groups[i].done)
			continue;
		r = try_group(s, &p->groups[i], true);
		if (r == 0)
			r = settle_group(s, &p->groups[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- inodes ---- */

static int requeue_ino(struct tm_source *s, const struct src_ino *i)
{
	const struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = i->flags, .dir = i->dir, .obj = i->obj,
		.name = i->name, .name_len = i->name_len, .ranges = i->ranges, .n_ranges = i->n_ranges,
	};

	return src_requeue(s, &c);
}

static int try_dir_object(struct tm_source *s, struct src_dir *d)
{
	_cleanup_close_ int fd = -EBADF;
	struct src_seen seen;
	int r;

	if (d->hidden || src_index_detached(&s->index, d))
		return 0;
	fd = src_dir_open(s, d, SRC_OPEN_PATH);
	if (fd == -ESTALE)
		fd = src_dir_find(s, d, SRC_OPEN_PATH);
	if (fd < 0)
		return fd == -ESTALE ? 0 : fd;
	r = src_look(fd, "", &seen);
	if (r == 0)
		r = make_room(s);
	if (r == 0)
		r = src_emit_dir(s, d, &seen);
	return r < 0 ? r : 1;
}

/* Returns 1 when it was found (or reported), 0 when not. */
static int try_ino(struct tm_source *s, struct src_ino *i)
{
	struct src_dir *d = src_index_get(&s->index, i->obj);
	int r;

	if (d)
		r = try_dir_object(s, d);
	else
		r = i->name_len ? try_place(s, i->obj, i->dir, i->name, i->name_len) : 0;
	if (r == 0 && !d)
		r = try_links(s, i->obj);
	if (r >= 0 || src_err_fatal(s, r))
		return r;
	/* It may be there, but cannot be looked at. */
	i->asserted = true;
	src_file_failed(s, src_index_get(&s->index, i->dir), i->name ? i->name : "", i->name_len, 1, -r);
	r = requeue_ino(s, i);
	return r < 0 ? r : 1;
}

struct scan {
	struct tm_source *s;
	struct src_dir *dir;
	int fd;
	const struct tm_map *inos;	/* inode numbers wanted */
};

static int scan_one(const struct src_list_item *it, void *arg)
{
	struct scan *x = arg;
	struct tm_source *s = x->s;
	struct src_seen seen;
	struct src_ino *i;
	int r;

	if (!tm_map_get(x->inos, &it->ino, sizeof(it->ino)))
		return 0;
	if (src_look(x->fd, it->name, &seen) < 0 || seen.dev != s->root_dev || seen.mnt != s->root_mnt)
		return 0;
	i = src_plan_ino(&s->plan, seen.oid);
	if (!i)
		return 0;
	r = make_room(s);
	return r < 0 ? r : emit_found(s, x->dir, it->name, it->len, &seen, SRC_EXACT);
}

/* Look through one directory for inodes. What cannot be read is not found there. */
static int scan_dir(struct tm_source *s, struct src_dir *d, const struct tm_map *inos)
{
	struct scan x = { .s = s, .dir = d, .inos = inos };
	int r = src_poll(s);

	if (r < 0 || d->hidden || src_index_detached(&s->index, d))
		return r;
	x.fd = src_dir_open(s, d, SRC_OPEN_LIST);
	if (x.fd < 0)
		return src_err_fatal(s, x.fd) ? x.fd : 0;
	r = src_list_each(x.fd, scan_one, &x);
	return r < 0 && src_err_fatal(s, r) ? r : 0;
}

/* Does this set itself say that it left the place it was last seen at? */
static bool explained(struct tm_source *s, const struct src_ino *i)
{
	struct src_dir *d = src_index_get(&s->index, i->dir), *self = src_index_get(&s->index, i->obj);
	bool live = false, hinted = src_plan_hint(&s->plan, i->obj, &live);

	if (hinted)
		return !live;
	if (self)
		return src_index_detached(&s->index, self);
	if (d && (d->hidden || src_index_detached(&s->index, d)))
		return true;
	return i->name_len && src_plan_has_name(&s->plan, i->dir, i->name, i->name_len);
}

/* Where else can it be? In its directory under another name; with several links or no hint, anywhere. */
static bool search_dir(struct tm_source *s, const struct src_ino *i)
{
	return !explained(s, i) && src_index_get(&s->index, i->dir) && !src_index_get(&s->index, i->obj);
}

static bool search_all(struct tm_source *s, const struct src_ino *i)
{
	if ((i->flags & TM_CF_LINKS) || src_links_get(s->links, i->obj))
		return true;
	return !explained(s, i) && tm_oid_is_none(i->dir) && !src_index_get(&s->index, i->obj);
}

static int want_ino(struct tm_map *m, const struct src_ino *i)
{
	return tm_map_put(m, &i->obj.ino, sizeof(i->obj.ino), m, NULL);
}

/* The plan's inodes are sorted by directory: one scan serves all of one. */
static int search_hinted_dirs(struct tm_source *s)
{
	struct src_plan *p = &s->plan;
	int r = 0;

	for (size_t i = 0, end; r == 0 && i < p->n_inos; i = end) {
		struct tm_map *want = NULL;

		for (end = i; r == 0 && end < p->n_inos; end++) {
			if (!tm_oid_eq(p->inos[end].dir, p->inos[i].dir))
				break;
			if (p->inos[end].asserted || !search_dir(s, &p->inos[end]))
				continue;
			if (!want)
				want = tm_map_new();
			r = want ? want_ino(want, &p->inos[end]) : -ENOMEM;
		}
		if (r == 0 && want)
			r = scan_dir(s, src_index_get(&s->index, p->inos[i].dir), want);
		tm_map_free(want, NULL);
	}
	return r;
}

static int scan_tree(struct tm_source *s, const struct tm_map *want)
{
	_cleanup_free_ struct tm_oid *oids = calloc(s->index.n, sizeof(*oids));
	size_t n = 0;
	int r = 0;

	if (!oids)
		return -ENOMEM;
	/* The index may change while directories are visited: go by identity. */
	for (size_t i = 0; i < s->index.cap; i++)
		for (struct src_dir *d = s->index.by_oid[i]; d; d = d->oid_chain)
			oids[n++] = d->oid;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct src_dir *d = src_index_get(&s->index, oids[i]);

		r = d ? scan_dir(s, d, want) : 0;
	}
	return r;
}

static int search_everywhere(struct tm_source *s)
{
	struct src_plan *p = &s->plan;
	struct tm_map *want = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_inos; i++) {
		if (p->inos[i].asserted || !search_all(s, &p->inos[i]))
			continue;
		if (!want)
			want = tm_map_new();
		r = want ? want_ino(want, &p->inos[i]) : -ENOMEM;
	}
	if (r == 0 && want)
		r = scan_tree(s, want);
	tm_map_free(want, NULL);
	return r;
}

static int settle_ino(struct tm_source *s, struct src_ino *i)
{
	bool live = false, hinted = src_plan_hint(&s->plan, i->obj, &live);

	/* Searched for everywhere, and nowhere. */
	src_links_forget(s->links, i->obj);
	/* Deleted, most likely. If it moved on, a later set brings it, and knows nothing of this change. */
	if (explained(s, i))
		return src_owe(s, i->obj);
	/*
	 * Last seen in a directory that is none of ours: a file with a link outside, or in a directory
	 * that a later set brings, with all that is in it.
	 */
	if (!hinted && !tm_oid_is_none(i->dir) && !src_index_get(&s->index, i->dir) &&
	    !src_index_get(&s->index, i->obj))
		return src_owe(s, i->obj);
	return src_miss(s, i->obj) ? requeue_ino(s, i) : 0;
}

int src_examine_inodes(struct tm_source *s)
{
	struct src_plan *p = &s->plan;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_inos; i++) {
		r = i % POLL_EVERY ? 0 : src_poll(s);
		if (r == 0 && !p->inos[i].asserted)
			r = try_ino(s, &p->inos[i]);
	}
	if (r >= 0)
		r = search_hinted_dirs(s);
	if (r >= 0)
		r = search_everywhere(s);
	for (size_t i = 0; r >= 0 && i < p->n_inos; i++)
		if (!p->inos[i].asserted)
			r = settle_ino(s, &p->inos[i]);
	return r < 0 ? r : 0;
}
