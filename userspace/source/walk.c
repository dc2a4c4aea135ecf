/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/walk.c - listings: the index at the start, and directories as assertions.
 *
 * A directory is listed as a whole or not at all as far as the target is told: only a listing that
 * was read to its end, with every entry looked at, is closed with LISTED. Whatever cannot be
 * read is reported and stays dirty; it never looks empty.
 */
#include "source/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/beneath.h"

#define POLL_EVERY 256

int src_list_each(int fd, int (*fn)(const struct src_list_item *it, void *arg), void *arg)
{
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		r = -errno;
		tm_close(fd);
		return r;
	}
	for (;;) {
		struct src_list_item it;
		size_t len;

		errno = 0;
		e = readdir(dir);
		if (!e) {
			r = -errno;
			break;
		}
		len = strlen(e->d_name);
		/* Also "." and "..", and what a broken file system may return. */
		if (!tm_name_ok(e->d_name, len))
			continue;
		it = (struct src_list_item){
			.name = e->d_name, .len = (uint8_t)len, .d_type = e->d_type, .ino = e->d_ino,
		};
		r = fn(&it, arg);
		if (r)
			break;
	}
	closedir(dir);
	return r;
}

/* ---- the index at the start ---- */

/* One bit per inode number, hashed: which files appear a second time? */
#define SEEN_BITS ((size_t)1 << 26)

struct index_walk {
	struct tm_source *s;
	struct src_dir *dir;
	int fd;
	uint64_t *seen;
	uint32_t n;
};

static bool seen_before(uint64_t *seen, uint64_t ino)
{
	uint64_t h = (ino * 0x9e3779b97f4a7c15ULL) >> 38;
	uint64_t bit = (uint64_t)1 << (h & 63);
	bool was = seen[h / 64] & bit;

	seen[h / 64] |= bit;
	return was;
}

static int index_file(struct index_walk *w, const struct src_list_item *it)
{
	struct tm_oid oid;
	struct stat st;

	w->s->n_files++;
	if (!w->seen || !seen_before(w->seen, it->ino))
		return 0;
	if (tm_stat_name(w->fd, it->name, &st) < 0 || S_ISDIR(st.st_mode) || st.st_nlink < 2)
		return 0;
	if (tm_oid_at(w->fd, it->name, &oid) < 0)
		return 0;
	return src_links_add(w->s->links, oid, w->dir->oid, it->name, it->len);
}

static int index_one(const struct src_list_item *it, void *arg)
{
	struct index_walk *w = arg;
	struct tm_source *s = w->s;
	struct src_dir *d;
	struct tm_oid oid;
	struct stat st;
	bool is_dir = it->d_type == DT_DIR, is_new;

	if (++w->n % POLL_EVERY == 0 && src_poll(s) < 0)
		return -ECANCELED;
	if (it->d_type == DT_UNKNOWN)
		is_dir = tm_stat_name(w->fd, it->name, &st) == 0 && S_ISDIR(st.st_mode);
	if (!is_dir)
		return index_file(w, it);
	/* Gone already, or unreadable: the listing that comes will tell. */
	if (tm_oid_at(w->fd, it->name, &oid) < 0)
		return 0;
	d = src_index_place(&s->index, w->dir, it->name, it->len, oid, &is_new);
	if (!d)
		return -ENOMEM;
	if (src_name_reserved(s, w->dir, w->fd, it->name) > 0)
		d->hidden = true;
	return is_new ? src_enqueue(s, d, SRC_WANT_ONE) : 0;
}

struct src_dir *src_dequeue(struct tm_source *s)
{
	struct src_dir *d = s->queue;

	s->queue = d->queue_next;
	if (!s->queue)
		s->queue_last = &s->queue;
	d->queue_next = NULL;
	d->queued = false;
	return d;
}

int src_walk_index(struct tm_source *s)
{
	_cleanup_free_ uint64_t *seen = calloc(SEEN_BITS / 64, sizeof(*seen));
	struct index_walk w = { .s = s, .seen = seen };
	int r, fd;

	r = src_enqueue(s, s->index.root, SRC_WANT_ONE);
	while (r == 0 && s->queue) {
		w.dir = src_dequeue(s);
		fd = src_dir_open(s, w.dir, SRC_OPEN_LIST);
		/* A changing tree is normal here; a root that cannot be read is not. */
		if (fd < 0) {
			if (w.dir == s->index.root || fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
				return fd;
			continue;
		}
		w.fd = fd;
		r = src_list_each(fd, index_one, &w);
		if (r < 0 && r != -ENOMEM && r != -ECANCELED && w.dir != s->index.root)
			r = 0;
	}
	return r;
}

/* ---- directories as assertions ---- */

int src_enqueue(struct tm_source *s, struct src_dir *d, enum src_want want)
{
	if (d->hidden && want == SRC_WANT_TREE)
		return 0;
	if (d->queued) {
		d->want = TM_MAX(d->want, (uint8_t)want);
		return 0;
	}
	d->want = (uint8_t)want;
	d->queued = true;
	d->queue_next = NULL;
	*s->queue_last = d;
	s->queue_last = &d->queue_next;
	return 0;
}

static int note_fresh(struct tm_source *s, struct src_dir *d)
{
	size_t cap = s->cap_fresh ? s->cap_fresh * 2 : 64;
	struct src_dir **v;

	if (d->fresh)
		return 0;
	if (s->n_fresh == s->cap_fresh) {
		v = reallocarray(s->fresh, cap, sizeof(struct src_dir *));
		if (!v)
			return -ENOMEM;
		s->fresh = v;
		s->cap_fresh = cap;
	}
	s->fresh[s->n_fresh++] = d;
	d->fresh = true;
	return 0;
}

int src_dir_seen(struct tm_source *s, struct src_dir *parent, const char *name, size_t len,
		 struct tm_oid oid, enum src_want want)
{
	bool is_new;
	struct src_dir *d = src_index_place(&s->index, parent, name, len, oid, &is_new);
	int r;

	if (!d)
		return -ENOMEM;
	d->seen = s->mark;
	if (is_new) {
		r = note_fresh(s, d);
		if (r < 0)
			return r;
	}
	/* A fresh one may be known from a set that failed: what is below it was never acknowledged. */
	if (d->fresh)
		want = want == SRC_WANT_NOTHING ? SRC_WANT_ONE : want;
	return want == SRC_WANT_NOTHING ? 0 : src_enqueue(s, d, want);
}

int src_dir_owe_listing(struct tm_source *s, struct src_dir *d)
{
	d->owed = true;
	return note_fresh(s, d);
}

int src_pay_listings(struct tm_source *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_fresh; i++)
		if (s->fresh[i]->owed && !src_index_detached(&s->index, s->fresh[i]))
			r = src_enqueue(s, s->fresh[i], SRC_WANT_ONE);
	return r;
}

struct listing {
	struct tm_source *s;
	struct src_dir *dir;
	enum src_want want;
	int fd;
	uint32_t n;
	int failed;		/* an entry could not be looked at: not to be closed with LISTED */
	bool may_cut;		/* a batch may end between two entries */
	bool was_cut;
	struct src_seen seen;
};

/* An entry exists but cannot be said what it is. */
static int cannot_look(struct listing *l, const struct src_list_item *it, int err)
{
	/* EXDEV: something mounted there covers it, and no later look will see more. */
	if (!l->failed || l->failed == -EXDEV)
		l->failed = err;
	src_file_failed(l->s, l->dir, it->name, it->len, 1, -err);
	return 0;
}

static int list_one(const struct src_list_item *it, void *arg)
{
	struct listing *l = arg;
	struct tm_source *s = l->s;
	enum src_want below = l->want == SRC_WANT_TREE ? SRC_WANT_TREE : SRC_WANT_NOTHING;
	int r;

	if (++l->n % POLL_EVERY == 0) {
		r = src_poll(s);
		if (r < 0)
			return r;
	}
	r = src_name_reserved(s, l->dir, l->fd, it->name);
	if (r == -EEXIST)
		src_file_failed(s, l->dir, it->name, it->len, 1, EEXIST);
	if (r)
		return 0;
	r = src_look(l->fd, it->name, &l->seen);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r == -ENOMEM ? r : cannot_look(l, it, r);
	if (l->seen.dev != s->root_dev || l->seen.mnt != s->root_mnt)
		return cannot_look(l, it, -EXDEV);
	r = src_emit_entry(s, l->dir, it->name, it->len, &l->seen,
			   l->want == SRC_WANT_TREE ? SRC_HEAL : 0);
	if (r < 0)
		return r;
	if (l->seen.attrs.kind == TM_KIND_DIR)
		r = src_dir_seen(s, l->dir, it->name, it->len, l->seen.oid, below);
	if (r < 0)
		return r;
	if (l->may_cut && src_batch_over_bytes(s)) {
		l->was_cut = true;
		return src_batch_run(s, false);
	}
	return 0;
}

/* What the index had in this directory and the listing did not meet has left it. */
static void detach_unseen(struct listing *l)
{
	struct src_dir *c, *next;

	for (c = l->dir->child; c; c = next) {
		next = c->next;
		if (c->seen != l->s->mark && !c->hidden)
			src_index_detach(&l->s->index, c);
	}
}

static int list_pass(struct listing *l)
{
	struct tm_source *s = l->s;
	int fd, r;

	fd = src_dir_open(s, l->dir, SRC_OPEN_LIST);
	if (fd == -ESTALE)
		fd = src_dir_find(s, l->dir, SRC_OPEN_LIST);
	if (fd < 0)
		return fd;
	s->mark++;
	l->fd = fd;
	l->failed = 0;
	/* The directory itself: its times changed with its entries, and a root has no other assertion. */
	r = src_look(fd, "", &l->seen);
	if (r == 0)
		r = src_emit_dir(s, l->dir, &l->seen);
	if (r < 0) {
		tm_close(fd);
		return r;
	}
	return src_list_each(fd, list_one, l);
}

static int listing_failed(struct listing *l, int r)
{
	struct tm_source *s = l->s;

	/*
	 * Not there: it was removed or moved since it was seen. The change that says so comes with a later
	 * set, but if it was moved, that set will not ask for what is below: so it stays to be listed.
	 */
	if (!src_err_gone(r))
		src_file_failed(s, l->dir, "", 0, 1, -r);
	if (r == -EXDEV)
		return 0;
	if (src_err_gone(r) && src_index_detached(&s->index, l->dir))
		return src_dir_owe_listing(s, l->dir);
	return src_requeue_dir(s, l->dir->oid, l->want == SRC_WANT_TREE);
}

int src_list_next(struct tm_source *s)
{
	struct src_dir *d = src_dequeue(s);
	struct listing l = { .s = s, .dir = d, .want = d->want, .may_cut = !s->batch.running };
	int r;

	d->owed = false;
	if (d->hidden)
		return 0;
	/* In limbo: if it turns up again in this set it is listed then, else it is forgotten. */
	if (src_index_detached(&s->index, d))
		return src_dir_owe_listing(s, d);
	r = list_pass(&l);
	/*
	 * Too much content for one batch: its entries went out over several. LISTED needs them all in one,
	 * which costs only their assertions now.
	 */
	if (r == 0 && l.was_cut) {
		l.may_cut = false;
		s->plain = true;
		r = list_pass(&l);
		s->plain = false;
	}
	if (r < 0)
		return src_err_fatal(s, r) ? r : listing_failed(&l, r);
	if (l.failed)
		return l.failed == -EXDEV ? 0 : src_requeue_dir(s, d->oid, l.want == SRC_WANT_TREE);
	detach_unseen(&l);
	return src_emit_listed(s, d);
}
