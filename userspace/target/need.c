/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/need.c - what the target lacks of what was asserted; the table in wire/PROTOCOL.md.
 */
#include "target/target_int.h"

#define NEED_FRAME_BYTES ((size_t)60 << 10)

struct ask {
	struct tm_target *t;
	struct tm_link *l;
	struct tm_buf buf;
	bool lists;
};

static int ask(struct ask *a, uint8_t what, struct tm_oid oid)
{
	struct tm_need n = { what, oid };
	int r;

	tm_need_put(&a->buf, &n);
	if (a->buf.len < NEED_FRAME_BYTES)
		return tm_buf_error(&a->buf);
	r = tm_link_send_buf(a->l, TM_F_NEED, &a->buf);
	tm_buf_reset(&a->buf);
	return r;
}

static bool ctime_differs(const struct tm_bobj *o)
{
	return o->attrs.ctime_s != o->row.ctime_s || o->attrs.ctime_ns != o->row.ctime_ns;
}

static uint8_t need_of_file(struct tm_target *t, const struct tm_bobj *o)
{
	const struct tm_row *row = &o->row;

	if (!o->known || !(row->flags & TM_ROW_COMPLETE) || (o->flags & TM_AF_WHOLE))
		return TM_NEED_WHOLE;
	/* What was sent after the last barrier may not be what the source has after its crash. */
	if ((t->batch.head.flags & TM_BATCH_SUSPECT) &&
	    row->data_seq > tm_table_meta(t->table, TM_META_BARRIER))
		return TM_NEED_WHOLE;
	/* Ranges only make sense on top of what the source believes to be here. */
	if (o->flags & TM_AF_DATA)
		return tm_place_base_ok(t, row) ? TM_NEED_DIRTY : TM_NEED_WHOLE;
	if (ctime_differs(o) || o->attrs.size != row->size || o->attrs.mtime_s != row->mtime_s ||
	    o->attrs.mtime_ns != row->mtime_ns)
		return TM_NEED_WHOLE;
	return (o->flags & TM_AF_ATTR) || !(row->flags & TM_ROW_ATTRS) ? TM_NEED_ATTR : 0;
}

static uint8_t need_of(struct tm_target *t, const struct tm_bobj *o)
{
	bool device = o->attrs.kind == TM_KIND_CHR || o->attrs.kind == TM_KIND_BLK;

	if (o->attrs.kind == TM_KIND_REG)
		return need_of_file(t, o);
	if (!o->known)
		return device && !t->opts.allow_devices ? 0 : TM_NEED_ATTR;
	if ((o->flags & TM_AF_ATTR) || ctime_differs(o) || !(o->row.flags & TM_ROW_ATTRS))
		return TM_NEED_ATTR;
	return 0;
}

/* An entry in a directory that nobody has heard of: when that one comes, it is listed. */
static bool has_home(struct tm_target *t, const struct tm_bobj *o)
{
	const struct tm_bobj *d;
	struct tm_row row;

	if (!o->ent)
		return false;
	d = tm_batch_obj(&t->batch, o->ent->at.dir);
	if (d && (d->known || d->asserted))
		return true;
	return tm_table_row(t->table, o->ent->at.dir, &row) == 0;
}

static int load(struct tm_target *t, struct tm_bobj *o)
{
	int r = tm_table_row(t->table, o->oid, &o->row);

	o->known = r == 0;
	/* The inode number came back as something else: what is here is another object. */
	if (r == 0 && o->asserted && o->row.kind != o->attrs.kind) {
		if (tm_oid_eq(o->oid, t->dirs.root))
			return -EBADMSG;
		r = tm_table_alias(t->table, o->oid);
		tm_dirs_reset(&t->dirs);
		o->known = false;
		memset(&o->row, 0, sizeof(o->row));
	}
	return r == -ENOENT ? 0 : r;
}

static int evaluate(struct ask *a, struct tm_bobj *o)
{
	struct tm_target *t = a->t;
	uint8_t need;
	int r = load(t, o);

	if (r < 0 || !o->asserted || (!o->known && !has_home(t, o)))
		return r;
	if (o->attrs.kind == TM_KIND_DIR && !(o->known && (o->row.flags & TM_ROW_COMPLETE)) &&
	    !o->listed && !o->asked_list) {
		o->asked_list = true;
		a->lists = true;
		r = ask(a, TM_NEED_LIST, o->oid);
	}
	need = need_of(t, o);
	if (r == 0 && need > o->need) {
		o->need = need;
		t->progress.files_total++;
		r = ask(a, need, o->oid);
	}
	return r;
}

int tm_need_send(struct tm_target *t, struct tm_link *l, bool *ret_lists)
{
	struct ask a = { .t = t, .l = l };
	int r = 0;

	tm_buf_init(&a.buf, TM_FRAME_MAX);
	for (size_t i = 0; i < t->batch.n_objs && r == 0; i++) {
		if (!t->batch.objs[i]->fresh)
			continue;
		t->batch.objs[i]->fresh = false;
		r = evaluate(&a, t->batch.objs[i]);
	}
	if (r == 0 && a.buf.len)
		r = tm_link_send_buf(l, TM_F_NEED, &a.buf);
	tm_buf_free(&a.buf);
	*ret_lists = a.lists;
	return r;
}
