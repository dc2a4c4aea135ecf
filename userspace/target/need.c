/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/need.c - what the target lacks of what was asserted; the table in wire/PROTOCOL.md.
 */
#include "lib/clock.h"
#include "target/target_int.h"

#define NEED_FRAME_BYTES ((size_t)60 << 10)
#define SMALL_BYTES	 ((uint64_t)64 << 10)

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

/*
 * The content may differ. To compare it costs a read at each end and its hashes; a small file of
 * another size is sooner sent.
 */
static uint8_t differs(struct tm_target *t, const struct tm_bobj *o)
{
	if (o->attrs.size != o->row.size && o->attrs.size <= SMALL_BYTES)
		return TM_NEED_WHOLE;
	return tm_compare_able(t, &o->row) ? TM_NEED_COMPARE : TM_NEED_WHOLE;
}

static uint8_t need_of_file(struct tm_target *t, const struct tm_bobj *o)
{
	const struct tm_row *row = &o->row;

	if (!o->known || !(row->flags & TM_ROW_COMPLETE) || (o->flags & TM_AF_WHOLE))
		return TM_NEED_WHOLE;
	/* What was sent after the last barrier may not be what the source has after its crash. */
	if ((t->batch.head.flags & TM_BATCH_SUSPECT) &&
	    row->data_seq > tm_table_meta(t->table, TM_META_BARRIER))
		return differs(t, o);
	/* Ranges only make sense on top of what the source believes to be here. */
	if (o->flags & TM_AF_DATA)
		return tm_place_base_ok(t, row) ? TM_NEED_DIRTY : TM_NEED_WHOLE;
	if (ctime_differs(o) || o->attrs.size != row->size || o->attrs.mtime_s != row->mtime_s ||
	    o->attrs.mtime_ns != row->mtime_ns)
		return differs(t, o);
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

/*
 * A row without a name: what happens when somebody else was at work here while a batch was applied. It
 * stands for nothing that could be linked or moved.
 */
static bool is_orphan(struct tm_target *t, const struct tm_bobj *o)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;
	struct tm_oid there;

	if (!o->ent || tm_oid_eq(o->oid, t->dirs.root))
		return false;
	if (tm_table_name(t->table, o->ent->at, &there) == 0 && tm_oid_eq(there, o->oid))
		return false;
	return tm_table_place(t->table, o->oid, name, &at) == -ENOENT;
}

static int forget_orphan(struct tm_target *t, struct tm_oid oid)
{
	int r = tm_table_begin(t->table);

	if (r == 0)
		r = tm_table_forget(t->table, oid);
	if (r == 0)
		r = tm_table_commit(t->table);
	if (r < 0)
		tm_table_rollback(t->table);
	return r < 0 ? r : -ENOENT;
}

static int load(struct tm_target *t, struct tm_bobj *o)
{
	int r = tm_table_row(t->table, o->oid, &o->row);

	if (r == 0 && is_orphan(t, o))
		r = forget_orphan(t, o->oid);
	o->known = r == 0;
	/* The inode number came back as something else: what is here is another object. */
	if (r == 0 && o->asserted && o->row.kind != o->attrs.kind) {
		if (tm_oid_eq(o->oid, t->dirs.root))
			return -EBADMSG;
		o->known = false;
		if (tm_only_look(t))
			return 0;
		r = tm_table_alias(t->table, o->oid);
		tm_dirs_reset(&t->dirs);
		o->known = false;
		memset(&o->row, 0, sizeof(o->row));
	}
	return r == -ENOENT ? 0 : r;
}

static uint8_t higher(uint8_t a, uint8_t b)
{
	return tm_need_rank(a) > tm_need_rank(b) ? a : b;
}

static int want(struct ask *a, struct tm_bobj *o, uint8_t need)
{
	struct tm_target *t = a->t;
	bool done = true;
	int r = 0;

	t->progress.files_total += !o->need;
	if (need == TM_NEED_COMPARE) {
		o->need = need;
		r = tm_compare_hashes(t, o, &done);
		/* If it cannot be read the source finds it different, and that is all if we only look. */
		if (r < 0 || done || tm_only_look(t))
			return r;
		need = TM_NEED_WHOLE;
	}
	o->need = need;
	if (need == TM_NEED_WHOLE && o->attrs.kind == TM_KIND_REG && !(o->flags & TM_AF_COMPARE)) {
		o->need = TM_NEED_COMPARE;
		r = tm_compare_left(t, o, &done);
		if (r < 0 || done)
			return r;
		o->resumed = false;
		o->need = need;
	}
	return ask(a, need, o->oid);
}

/* Nothing will be changed: only what is to be compared, and is there, is of interest. */
static int only_look(struct ask *a, struct tm_bobj *o)
{
	uint8_t need;
	int r = load(a->t, o);

	if (r < 0 || !o->asserted || !o->known || o->lost || !(o->flags & TM_AF_COMPARE))
		return r;
	need = tm_compare_need(a->t, o);
	/* It cannot be compared as it is: that is all there is to say. */
	if (need == TM_NEED_WHOLE || tm_need_rank(need) <= tm_need_rank(o->need))
		return 0;
	return want(a, o, need);
}

static int evaluate(struct ask *a, struct tm_bobj *o)
{
	struct tm_target *t = a->t;
	uint8_t need;
	int r = load(t, o);

	if (r == 0 && o->asserted && o->known && (o->flags & TM_AF_COMPARE))
		r = tm_compare_places(t, o);
	if (r < 0 || !o->asserted || (!o->known && !has_home(t, o)))
		return r;
	if (o->attrs.kind == TM_KIND_DIR && !(o->known && (o->row.flags & TM_ROW_COMPLETE)) &&
	    !o->listed && !o->asked_list) {
		o->asked_list = true;
		a->lists = true;
		r = ask(a, TM_NEED_LIST, o->oid);
	}
	if (r < 0)
		return r;
	need = need_of(t, o);
	if ((o->flags & TM_AF_COMPARE) && o->known)
		need = higher(need, tm_compare_need(t, o));
	return tm_need_rank(need) > tm_need_rank(o->need) ? want(a, o, need) : 0;
}

static int evaluate_fresh(struct ask *a, bool *ret_some)
{
	struct tm_batch *b = &a->t->batch;
	int r = 0;

	*ret_some = false;
	for (size_t i = 0; i < b->n_objs && r == 0; i++) {
		if (!b->objs[i]->fresh)
			continue;
		b->objs[i]->fresh = false;
		*ret_some = true;
		r = tm_only_look(a->t) ? only_look(a, b->objs[i]) : evaluate(a, b->objs[i]);
	}
	return r;
}

int tm_need_send(struct tm_target *t, struct tm_link *l, bool *ret_lists)
{
	struct ask a = { .t = t, .l = l };
	bool again = true;
	int r = t->batch.comparing ? tm_compare_entries(t) : 0;

	tm_buf_init(&a.buf, TM_FRAME_MAX);
	tm_buf_reset(&t->hashes);
	t->hashes_ms = tm_mono_ms();
	/* What is found missing may take others with it that were evaluated before. */
	while (r == 0 && again)
		r = evaluate_fresh(&a, &again);
	if (r == 0 && a.buf.len)
		r = tm_link_send_buf(l, TM_F_NEED, &a.buf);
	if (r == 0)
		r = tm_compare_flush(t);
	tm_buf_free(&a.buf);
	*ret_lists = a.lists;
	return r;
}
