/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/apply.c - carry out the steps of a committed batch, each so that it can be repeated.
 *
 * A step looks first whether its object (by inode number) still stands where it starts, or already
 * where it ends. What somebody else put in the way is moved to PARK and removed. A step that cannot
 * be done for a reason of its own (somebody removed the object) is reported and leaves the table as
 * it is; trouble of the file system ends it all, to be repeated when the target is opened again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/failpoint.h"
#include "target/target_int.h"

/* What a step found. */
enum found { AT_START, DONE, LOST };

static int ino_at(int dirfd, const char *name, uint64_t *ret_ino, mode_t *ret_mode)
{
	struct stat st;
	int r = tm_stat_name(dirfd, name, &st);

	*ret_ino = r == 0 ? st.st_ino : 0;
	*ret_mode = r == 0 ? st.st_mode : 0;
	return r == -ENOENT ? 0 : r;
}

/* Something nobody told us about is in the way. */
static int displace(struct tm_target *t, int dirfd, const char *name)
{
	char to[32];

	snprintf(to, sizeof(to), "x%llu-%u", (unsigned long long)t->seq, t->displaced_n++);
	if (renameat(dirfd, name, t->parkfd, to) < 0)
		return errno == ENOENT ? 0 : -errno;
	return tm_remove_tree(t->parkfd, to);
}

static int two_dirs(struct tm_target *t, const struct tm_step *s, int *ret_from, int *ret_to)
{
	int from = tm_dirs_get(&t->dirs, s->from.dir), to;

	if (from < 0)
		return from;
	to = tm_dirs_get(&t->dirs, s->to.dir);
	if (to < 0)
		return to;
	*ret_from = from;
	*ret_to = to;
	return 0;
}

/* rename(2) that never replaces; what is in the way goes. */
static int rename_new(struct tm_target *t, int from, const char *a, int to, const char *b)
{
	for (int tries = 0; tries < 3; tries++) {
		int r;

		if (renameat2(from, a, to, b, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		r = displace(t, to, b);
		if (r < 0)
			return r;
	}
	return -EEXIST;
}

static int step_move(struct tm_target *t, const struct tm_step *s)
{
	uint64_t a, b;
	mode_t ma, mb;
	int from, to, r = two_dirs(t, s, &from, &to);

	if (r == 0)
		r = ino_at(from, s->from.name, &a, &ma);
	if (r == 0 && a != s->tino) {
		r = ino_at(to, s->to.name, &b, &mb);
		return r < 0 ? r : b == s->tino ? DONE : LOST;
	}
	if (r < 0)
		return r;
	if (!(s->flags & TM_SF_REPLACE))
		return rename_new(t, from, s->from.name, to, s->to.name);
	r = ino_at(to, s->to.name, &b, &mb);
	if (r == 0 && (S_ISDIR(mb) || b == s->tino))
		r = displace(t, to, s->to.name);
	/* The one moment of a replacement: the old one until here, the new one from here. */
	if (r == 0 && renameat(from, s->from.name, to, s->to.name) < 0)
		r = -errno;
	return r;
}

static int step_exchange(struct tm_target *t, const struct tm_step *s)
{
	uint64_t a, b;
	mode_t ma, mb;
	int from, to, r = two_dirs(t, s, &from, &to);

	if (r == 0)
		r = ino_at(from, s->from.name, &a, &ma);
	if (r == 0)
		r = ino_at(to, s->to.name, &b, &mb);
	if (r < 0)
		return r;
	if (a == s->tino2 && b == s->tino)
		return DONE;
	if (a != s->tino || b != s->tino2)
		return LOST;
	return renameat2(from, s->from.name, to, s->to.name, RENAME_EXCHANGE) < 0 ? -errno
										  : AT_START;
}

static int step_link(struct tm_target *t, const struct tm_step *s)
{
	uint64_t a, b;
	mode_t ma, mb;
	int from, to, r = two_dirs(t, s, &from, &to);

	if (r == 0)
		r = ino_at(from, s->from.name, &a, &ma);
	if (r == 0)
		r = ino_at(to, s->to.name, &b, &mb);
	if (r < 0)
		return r;
	if (b == s->tino)
		return DONE;
	if (a != s->tino)
		return LOST;
	if (b)
		r = displace(t, to, s->to.name);
	return r == 0 && linkat(from, s->from.name, to, s->to.name, 0) < 0 ? -errno : r;
}

static int step_unlink(struct tm_target *t, const struct tm_step *s)
{
	int dir = tm_dirs_get(&t->dirs, s->from.dir);
	uint64_t a;
	mode_t ma;
	int r = dir < 0 ? dir : ino_at(dir, s->from.name, &a, &ma);

	if (r < 0)
		return r;
	if (!a)
		return DONE;
	if (a != s->tino || S_ISDIR(ma))
		return displace(t, dir, s->from.name);
	return unlinkat(dir, s->from.name, 0) < 0 && errno != ENOENT ? -errno : AT_START;
}

static int step_purge(struct tm_target *t, const struct tm_step *s)
{
	int dir = tm_dirs_get(&t->dirs, s->from.dir);
	uint64_t a;
	mode_t ma;
	int r = dir < 0 ? dir : ino_at(dir, s->from.name, &a, &ma);

	if (r < 0)
		return r;
	return a == s->tino ? displace(t, dir, s->from.name) : DONE;
}

static int step_rmtree(struct tm_target *t, const struct tm_step *s)
{
	return tm_remove_tree(t->parkfd, s->from.name);
}

struct content {
	struct tm_target *t;
	const struct tm_step *s;
	uint32_t links; /* of the new inode made so far */
};

/* One name of the object gets the new inode: a link beside it, then one rename over the old one. */
static int content_name(struct content *c, struct tm_place at)
{
	struct tm_target *t = c->t;
	int dir = tm_dirs_get(&t->dirs, at.dir);
	char tmp[32];
	uint64_t a;
	mode_t ma;
	int r = dir < 0 ? dir : ino_at(dir, at.name, &a, &ma);

	if (r < 0 || a == c->s->tino)
		return r;
	if (S_ISDIR(ma))
		r = displace(t, dir, at.name);
	if (r < 0)
		return r;
	snprintf(tmp, sizeof(tmp), "c%u", c->links++);
	unlinkat(t->stagefd, tmp, 0);
	if (linkat(t->stagefd, c->s->from.name, t->stagefd, tmp, 0) < 0)
		return -errno;
	return renameat(t->stagefd, tmp, dir, at.name) < 0 ? -errno : 0;
}

struct place_list {
	struct tm_place *v;
	size_t n, cap;
	struct tm_arena arena;
};

static int collect(void *arg, struct tm_place at, struct tm_oid oid _unused_)
{
	struct place_list *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct tm_place *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	at.name = tm_arena_dup(&l->arena, at.name, at.len);
	if (!at.name)
		return -ENOMEM;
	l->v[l->n++] = at;
	return 0;
}

static int content_all(struct content *c, const struct place_list *l)
{
	struct tm_target *t = c->t;
	uint64_t a;
	mode_t ma;
	int dir, r;

	if (!l->n)
		return LOST;
	if (l->n == 1) {
		dir = tm_dirs_get(&t->dirs, l->v[0].dir);
		r = dir < 0 ? dir : ino_at(dir, l->v[0].name, &a, &ma);
		if (r < 0 || a == c->s->tino)
			return r < 0 ? r : DONE;
		if (S_ISDIR(ma))
			r = displace(t, dir, l->v[0].name);
		if (r == 0 && renameat(t->stagefd, c->s->from.name, dir, l->v[0].name) < 0)
			r = errno == ENOENT ? LOST : -errno;
		return r;
	}
	for (size_t i = 0; i < l->n; i++) {
		r = content_name(c, l->v[i]);
		if (r < 0)
			return r;
	}
	if (unlinkat(t->stagefd, c->s->from.name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static int step_content(struct tm_target *t, const struct tm_step *s)
{
	struct content c = { .t = t, .s = s };
	const struct tm_view *view = tm_table_view(t->table);
	struct place_list l = { 0 };
	int r;

	tm_arena_init(&l.arena, (size_t)64 << 20);
	r = view->names_of(view->ctx, s->oid, collect, &l);
	if (r == 0)
		r = content_all(&c, &l);
	free(l.v);
	tm_arena_free(&l.arena);
	return r;
}

static int patch_ranges(struct tm_target *t, const struct tm_step *s, int fd)
{
	_cleanup_free_ uint8_t *buf = malloc(TM_CLOG_REC_MAX);
	const struct tm_patch *p = &s->patch;

	if (!buf)
		return -ENOMEM;
	if (ftruncate(fd, (off_t)TM_MIN(p->old_size, p->new_size)) < 0 ||
	    ftruncate(fd, (off_t)p->new_size) < 0)
		return -errno;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct tm_patch_range *v = &p->v[i];
		int r;

		if (!v->log_off) {
			r = tm_zero_range(fd, v->off, v->len);
		} else if (v->len > TM_CLOG_REC_MAX) {
			r = -EUCLEAN;
		} else {
			r = tm_clog_read(t->log, v->log_off, buf, v->len);
			if (r == 0 && tm_clog_hash(buf, v->len) != v->sum)
				r = -EIO;
			if (r == 0)
				r = tm_pwrite_full(fd, buf, v->len, (off_t)v->off);
		}
		if (r < 0)
			return r;
		tm_failpoint("patch");
	}
	return 0;
}

static int step_patch(struct tm_target *t, const struct tm_step *s)
{
	_cleanup_close_ int fd = tm_place_open(t, s->oid, s->tino, O_RDWR);

	if (fd < 0)
		return fd == -ENOENT || fd == -ESTALE ? LOST : fd;
	return patch_ranges(t, s, fd);
}

/* What could not be set is not as asserted: the table must not say so. */
static int attrs_failed(struct tm_target *t, const struct tm_step *s)
{
	struct tm_row row;
	int r = tm_table_row(t->table, s->oid, &row);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	row.flags &= (uint8_t)~TM_ROW_ATTRS;
	return tm_table_row_put(t->table, &row);
}

static int attr_result(struct tm_target *t, const struct tm_step *s,
		       const struct tm_attr_result *res)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at = { t->dirs.root, ".", 1 };

	if (!res->refused && !res->err)
		return 0;
	tm_table_place(t->table, s->oid, name, &at);
	if (res->refused) {
		t->refused++;
		tm_report(t, at, 3, EPERM);
	}
	if (!res->err)
		return 0;
	tm_report(t, at, 4, -res->err);
	return attrs_failed(t, s);
}

static int step_attr(struct tm_target *t, const struct tm_step *s)
{
	struct tm_attr_job job = { .row = &s->row,
				   .xattrs = s->xattrs,
				   .xattrs_len = s->xattrs_len,
				   .complete = s->flags & TM_SF_XATTRS,
				   .allow_suid = t->opts.allow_suid };
	struct tm_attr_result res = { 0 };
	struct tm_at at;
	uint64_t ino;
	mode_t mode;
	int r;

	if (s->row.kind == TM_KIND_REG || s->row.kind == TM_KIND_DIR) {
		_cleanup_close_ int fd = tm_place_open(t, s->oid, s->tino, O_RDONLY);

		if (fd < 0)
			return fd == -ENOENT || fd == -ESTALE ? LOST : fd;
		if (s->type == TM_STEP_TIMES)
			r = tm_attrs_set_mtime(fd, &s->row);
		else
			r = tm_attrs_set_fd(fd, &job, &res);
	} else {
		r = tm_place_of(t, s->oid, &at);
		if (r == 0)
			r = ino_at(at.dirfd, at.name, &ino, &mode);
		if (r == 0 && ino != s->tino)
			return LOST;
		if (r == 0)
			r = tm_attrs_set_name(at.dirfd, at.name, &job, &res);
	}
	return r < 0 ? r : attr_result(t, s, &res);
}

static int perform(struct tm_target *t, const struct tm_step *s)
{
	switch (s->type) {
	case TM_STEP_ROW: return 0;
	case TM_STEP_MOVE: return step_move(t, s);
	case TM_STEP_EXCHANGE: return step_exchange(t, s);
	case TM_STEP_LINK: return step_link(t, s);
	case TM_STEP_UNLINK: return step_unlink(t, s);
	case TM_STEP_PURGE: return step_purge(t, s);
	case TM_STEP_CONTENT: return step_content(t, s);
	case TM_STEP_PATCH: return step_patch(t, s);
	case TM_STEP_RMTREE: return step_rmtree(t, s);
	case TM_STEP_ATTR:
	case TM_STEP_TIMES: return step_attr(t, s);
	default: return -EUCLEAN;
	}
}

int tm_step_record(struct tm_table *table, const struct tm_step *s)
{
	int r = 0;

	switch (s->type) {
	case TM_STEP_ROW: return tm_table_row_put(table, &s->row);
	case TM_STEP_MOVE:
		if (s->flags & TM_SF_REPLACE)
			r = tm_table_drop(table, s->to);
		if (r == 0)
			r = tm_table_name_del(table, s->from);
		return r == 0 ? tm_table_name_put(table, s->to, s->oid) : r;
	case TM_STEP_EXCHANGE:
		r = tm_table_name_put(table, s->from, s->oid2);
		return r == 0 ? tm_table_name_put(table, s->to, s->oid) : r;
	case TM_STEP_LINK: return tm_table_name_put(table, s->to, s->oid);
	case TM_STEP_UNLINK:
	case TM_STEP_RMTREE: return tm_table_drop(table, s->from);
	default: return 0;
	}
}

static struct tm_place root_place(const struct tm_target *t)
{
	return (struct tm_place){ t->dirs.root, ".", 1 };
}

/* What was new and did not come into place: no row may say that it is there. */
static int not_placed(struct tm_target *t, const struct tm_step *s)
{
	if (!tm_oid_eq(s->from.dir, TM_OID_STAGE) || s->type == TM_STEP_CONTENT)
		return 0;
	return tm_table_forget(t->table, s->oid);
}

/*
 * A step that found nothing to work on: somebody else was here. Then the table must not claim it.
 */
static int lost(struct tm_target *t, const struct tm_step *s)
{
	struct tm_row row;
	int r;

	/* Repeated after a crash, it may be that the object was already deleted by a later step. */
	if (!t->replaying) {
		t->skipped++;
		tm_report(t,
			  s->to.name	 ? s->to
			  : s->from.name ? s->from
					 : root_place(t),
			  4, ENOENT);
	}
	if (s->type == TM_STEP_MOVE) {
		r = tm_table_drop(t->table, s->from);
		return r == 0 ? not_placed(t, s) : r;
	}
	r = tm_table_row(t->table, s->oid, &row);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	row.flags &= (uint8_t) ~(TM_ROW_COMPLETE | TM_ROW_ATTRS);
	return tm_table_row_put(t->table, &row);
}

static int apply_one(struct tm_target *t, const struct tm_step *s)
{
	int r = perform(t, s);

	/* Attributes of what is gone: nothing is owed. */
	if (r == LOST && (s->type == TM_STEP_ATTR || s->type == TM_STEP_TIMES))
		return 0;
	if (r == -ENOENT || r == -ESTALE)
		r = LOST;
	if (r == LOST)
		return lost(t, s);
	if (r < 0 && !tm_err_is_fatal(r)) {
		t->skipped++;
		tm_report(t, s->to.name ? s->to : s->from.name ? s->from : root_place(t), 4, -r);
		return not_placed(t, s);
	}
	return r < 0 ? r : tm_step_record(t->table, s);
}

/* Steps before @done were carried out before a crash: only the table must hear of them. */
int tm_apply_steps(struct tm_target *t, const struct tm_step *steps, size_t n, size_t done)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (i < done) {
			r = tm_step_record(t->table, &steps[i]);
			continue;
		}
		r = apply_one(t, &steps[i]);
		if (steps[i].type != TM_STEP_ROW)
			tm_failpoint("apply");
	}
	return r;
}
