/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/finish.c - what the table remembers, then content, deletions and attributes; see plan.h.
 *
 * Rows come first: they only touch the table, and later steps look up target inode numbers of new
 * directories there. Attributes come last: a directory's times are only right after its entries
 * are.
 */
#include "target/plan_int.h"

static bool older(int64_t s1, uint32_t n1, int64_t s2, uint32_t n2)
{
	return s1 < s2 || (s1 == s2 && n1 < n2);
}

static bool answered(const struct tm_bobj *b)
{
	return b->result == TM_FILE_OK;
}

static bool whole(const struct tm_bobj *b)
{
	return b->need == TM_NEED_WHOLE && b->content == TM_CONTENT_STAGED;
}

/*
 * The change stamp says up to when content is known. A whole file carries the one read before its
 * bytes. Ranges and bare attributes were chosen when the object was asserted, what happened since
 * then is another change: the older stamp keeps a later comparison from finding them equal.
 */
static void set_stamp(struct tm_row *row, const struct tm_bobj *b)
{
	if (b->attrs.kind == TM_KIND_REG && b->known && b->content == TM_CONTENT_NONE)
		row->size = b->row.size; /* what is there was not touched */
	if (b->attrs.kind == TM_KIND_REG && !whole(b) &&
	    older(b->seen_ctime_s, b->seen_ctime_ns, row->ctime_s, row->ctime_ns)) {
		row->ctime_s = b->seen_ctime_s;
		row->ctime_ns = b->seen_ctime_ns;
	}
}

/* What the table must remember of @b after this batch. */
static struct tm_row row_after(const struct pstate *s, const struct tm_bobj *b)
{
	struct tm_row row = b->row;

	row.oid = b->oid;
	if (!b->known || answered(b)) {
		tm_row_from_attrs(&row, &b->attrs);
		set_stamp(&row, b);
		row.flags &= (uint8_t)~TM_ROW_ATTRS;
		if (answered(b) && b->attrs_ok)
			row.flags |= TM_ROW_ATTRS;
	} else if (b->asserted && !b->need) {
		row.nlink = b->attrs.nlink;
	}
	if (b->content != TM_CONTENT_NONE)
		row.data_seq = s->in->batch->head.seq;
	if (b->content == TM_CONTENT_STAGED || !b->known)
		row.tino = b->stage_tino;
	if (whole(b) || b->listed)
		row.flags |= TM_ROW_COMPLETE;
	return row;
}

static bool row_eq(const struct tm_row *a, const struct tm_row *b)
{
	return a->kind == b->kind && a->flags == b->flags && a->mode == b->mode &&
	       a->uid == b->uid && a->gid == b->gid && a->nlink == b->nlink && a->size == b->size &&
	       a->rdev == b->rdev && a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns &&
	       a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns && a->tino == b->tino &&
	       a->data_seq == b->data_seq;
}

/* A new object that gets a name. */
static bool arrives(const struct pstate *s, const struct tm_bobj *b)
{
	const struct pobj *o = tm_map_get(s->obj_map, &b->oid, sizeof(b->oid));

	return !b->known && o && o->n_at && o->at[0]->out;
}

int pl_rows(struct pstate *s)
{
	const struct tm_batch *batch = s->in->batch;
	int r = 0;

	for (size_t i = 0; i < batch->n_objs && r == 0; i++) {
		const struct tm_bobj *b = batch->objs[i];
		struct tm_step st = { .type = TM_STEP_ROW, .oid = b->oid };

		if (!b->known && !arrives(s, b))
			continue;
		st.row = row_after(s, b);
		if (b->known && row_eq(&st.row, &b->row))
			continue;
		if (!b->known || (answered(b) && !b->same))
			s->out->files++;
		r = pl_step(s, &st);
	}
	return r;
}

/* Steps for content; the directories that hold the names are touched. */
static int content(struct pstate *s, const struct tm_bobj *b)
{
	struct tm_step st = { .type = TM_STEP_CONTENT, .oid = b->oid, .tino = b->stage_tino };
	struct pobj *o, *d;
	int r;

	if (b->content == TM_CONTENT_STAGED) {
		st.from = (struct tm_place){ TM_OID_STAGE, b->stage, (uint32_t)strlen(b->stage) };
		r = pl_step(s, &st);
		if (r == 0)
			r = pl_obj(s, b->oid, &o);
		if (r == 0 && o)
			r = pl_load_names(s, o);
		for (uint32_t i = 0; r == 0 && o && i < o->n_at; i++) {
			r = pl_obj(s, o->at[i]->at.dir, &d);
			if (r == 0 && d)
				d->touched = true;
		}
		return r;
	}
	st = (struct tm_step){
		.type = TM_STEP_PATCH, .oid = b->oid, .tino = b->row.tino, .row = row_after(s, b)
	};
	for (uint32_t at = 0; at == 0 || at < b->patch.n; at += TM_STEP_PATCH_RANGES) {
		st.patch = b->patch;
		st.patch.v += at;
		st.patch.n = TM_MIN(b->patch.n - at, (uint32_t)TM_STEP_PATCH_RANGES);
		if (at)
			st.patch.old_size = b->patch.new_size;
		r = pl_step(s, &st);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool gone(const struct pobj *o)
{
	return o && o->known && o->names_loaded && !o->n_at && !o->settled;
}

static int contents(struct pstate *s)
{
	const struct tm_batch *batch = s->in->batch;
	int r = 0;

	for (size_t i = 0; i < batch->n_objs && r == 0; i++) {
		const struct tm_bobj *b = batch->objs[i];

		if (b->known && b->content &&
		    !gone(tm_map_get(s->obj_map, &b->oid, sizeof(b->oid))))
			r = content(s, b);
	}
	return r;
}

static int parked_one(void *arg, struct tm_place at, struct tm_oid oid)
{
	struct pstate *s = arg;
	struct pent *e;
	struct pobj *o;
	int r = pl_obj(s, oid, &o);

	if (r < 0 || !o)
		return r;
	return pl_ent_holding(s, at, o, &e);
}

/* Nobody claimed them. */
static int remove_parked(struct pstate *s)
{
	int r;

	if (!s->last)
		return 0;
	r = s->in->view->children(s->in->view->ctx, TM_OID_PARK, parked_one, s);
	if (r == -ENOENT)
		r = 0;
	for (size_t i = 0; i < s->n_ents && r == 0; i++) {
		const struct pent *e = s->ents[i];
		struct tm_step st = { .type = TM_STEP_RMTREE, .from = e->at };

		if (!e->cur || !pl_is(e->at.dir, TM_OID_PARK))
			continue;
		st.oid = e->cur->oid;
		st.tino = e->cur->row.tino;
		r = pl_count_tree(s, e->cur, &s->out->deleted);
		if (r == 0)
			r = pl_step(s, &st);
	}
	return r;
}

/* Attributes of one object the batch is about. Staged non-directories have theirs already. */
static int attr(struct pstate *s, const struct tm_bobj *b)
{
	struct pobj *o = tm_map_get(s->obj_map, &b->oid, sizeof(b->oid));
	struct tm_step st = { .type = TM_STEP_ATTR, .oid = b->oid };

	if (b->same && !(o && o->touched))
		return 0;
	if (o)
		o->touched = false;
	if (gone(o))
		return 0;
	st.row = row_after(s, b);
	st.tino = st.row.tino;
	if (!b->known || b->content == TM_CONTENT_STAGED) {
		if (b->attrs.kind != TM_KIND_DIR)
			return 0;
		st.type = TM_STEP_TIMES;
	} else if (b->attrs.kind == TM_KIND_REG || b->attrs.kind == TM_KIND_DIR) {
		st.flags |= TM_SF_XATTRS;
		st.xattrs = b->xattrs;
		st.xattrs_len = b->xattrs_len;
	}
	return pl_step(s, &st);
}

static int attrs(struct pstate *s, bool dirs)
{
	const struct tm_batch *batch = s->in->batch;
	int r = 0;

	for (size_t i = 0; i < batch->n_objs && r == 0; i++) {
		const struct tm_bobj *b = batch->objs[i];

		if (b->asserted && (b->attrs.kind == TM_KIND_DIR) == dirs &&
		    (b->known ? answered(b) : dirs && b->stage[0]))
			r = attr(s, b);
	}
	return r;
}

/* Directories whose entries changed without their being asserted get back the time they had. */
static int touched(struct pstate *s)
{
	int r = 0;

	for (size_t i = 0; i < s->n_objs && r == 0; i++) {
		const struct pobj *o = s->objs[i];
		struct tm_step st = {
			.type = TM_STEP_TIMES, .oid = o->oid, .tino = o->row.tino, .row = o->row
		};

		if (o->touched && o->known && !tm_oid_reserved(o->oid) &&
		    (o->row.flags & TM_ROW_ATTRS))
			r = pl_step(s, &st);
	}
	return r;
}

int pl_finish(struct pstate *s)
{
	int r = contents(s);

	if (r == 0)
		r = remove_parked(s);
	if (r == 0)
		r = attrs(s, false);
	if (r == 0)
		r = attrs(s, true);
	return r == 0 ? touched(s) : r;
}
