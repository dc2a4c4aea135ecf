/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/emit.c - what was seen becomes assertions of the batch in work.
 *
 * Assertions are encoded as they are made and held back as long as they are few, because BATCH comes
 * first and says whether this is the last batch of the set. A listing too long to be
 * held is sent while it is read; its batch is then not the last one.
 */
#include "source/internal.h"

/* An ASSERT frame is closed once it has this many bytes. */
#define FRAME_BYTES ((size_t)128 << 10)
/* Held back at most: beyond it the batch starts early. */
#define HELD_BYTES ((size_t)16 << 20)
/* Content that is compared makes a batch this much less full than content that is sent. */
#define COMPARE_CHEAPER 4

/* ---- objects asserted, by identity ---- */

struct src_obj *src_obj_find(const struct src_batch *b, struct tm_oid oid)
{
	if (!b->table_cap)
		return NULL;
	for (size_t i = tm_oid_hash(oid);; i++) {
		uint32_t at = b->table[i & (b->table_cap - 1)];

		if (!at)
			return NULL;
		if (tm_oid_eq(b->objs[at - 1].oid, oid))
			return &b->objs[at - 1];
	}
}

static void table_put(struct src_batch *b, size_t at)
{
	size_t i = tm_oid_hash(b->objs[at].oid);

	while (b->table[i & (b->table_cap - 1)])
		i++;
	b->table[i & (b->table_cap - 1)] = (uint32_t)at + 1;
}

static int obj_room(struct src_batch *b)
{
	size_t cap = b->cap_objs ? b->cap_objs * 2 : 256;
	struct src_obj *v;
	uint32_t *t;

	if (b->n_objs < b->cap_objs)
		return 0;
	if (cap > UINT32_MAX / 4)
		return -ENOMEM;
	v = reallocarray(b->objs, cap, sizeof(*v));
	if (!v)
		return -ENOMEM;
	b->objs = v;
	t = calloc(cap * 2, sizeof(*t));
	if (!t)
		return -ENOMEM;
	b->cap_objs = cap;
	free(b->table);
	b->table = t;
	b->table_cap = cap * 2;
	for (size_t i = 0; i < b->n_objs; i++)
		table_put(b, i);
	return 0;
}

/* Remember where @seen was found; a later place replaces an earlier one, flags add up. */
static int obj_note(struct tm_source *s, struct src_dir *dir, const char *name, size_t len,
		    const struct src_seen *seen, struct src_ino *ino, uint32_t flags)
{
	struct src_batch *b = &s->batch;
	struct src_obj *o = src_obj_find(b, seen->oid);
	int r;

	if (!o) {
		r = obj_room(b);
		if (r < 0)
			return r;
		o = &b->objs[b->n_objs];
		*o = (struct src_obj){ .oid = seen->oid };
		table_put(b, b->n_objs++);
	}
	if (len || !o->name_len) {
		o->dir = dir;
		o->name_at = b->names.len;
		o->name_len = (uint8_t)len;
		tm_put_raw(&b->names, name, len);
		tm_put_u8(&b->names, 0);
	}
	o->kind = seen->attrs.kind;
	o->size = seen->attrs.size;
	o->ctime_s = seen->attrs.ctime_s;
	o->ctime_ns = seen->attrs.ctime_ns;
	o->ino = ino;
	o->flags |= (uint8_t)flags;
	return tm_buf_error(&b->names);
}

const char *src_obj_name(const struct tm_source *s, const struct src_obj *o)
{
	return (const char *)s->batch.names.data + o->name_at;
}

/* ---- sending assertions ---- */

int src_batch_start(struct tm_source *s, bool last)
{
	struct src_batch *b = &s->batch;
	struct tm_msg_batch m = {
		.seq = s->seq + 1, .fence = s->fence, .taken_ns = s->taken_ns,
		.flags = s->batch_flags | (last ? TM_BATCH_LAST : 0),
	};
	_cleanup_(tm_buf_free) struct tm_buf buf = { 0 };
	int r;

	if (b->started)
		return 0;
	s->progress.phase = 1;
	tm_msg_batch_put(&buf, &m);
	r = src_send_buf(s, TM_F_BATCH, &buf);
	if (r == 0)
		b->started = true;
	return r;
}

static int cut_frame(struct src_batch *b)
{
	size_t cap = b->cap_cuts ? b->cap_cuts * 2 : 16, *v;

	if (b->buf.len == b->frame_at)
		return 0;
	if (b->n_cuts == b->cap_cuts) {
		v = reallocarray(b->cuts, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		b->cuts = v;
		b->cap_cuts = cap;
	}
	b->cuts[b->n_cuts++] = b->frame_at = b->buf.len;
	return 0;
}

/* Send what is held; the batch has started. */
int src_batch_send_held(struct tm_source *s)
{
	struct src_batch *b = &s->batch;
	size_t at = 0;
	int r = cut_frame(b);

	for (size_t i = 0; r == 0 && i < b->n_cuts; i++) {
		r = src_send(s, TM_F_ASSERT, b->buf.data + at, (uint32_t)(b->cuts[i] - at));
		at = b->cuts[i];
	}
	tm_buf_reset(&b->buf);
	b->n_cuts = b->frame_at = 0;
	return r;
}

static int emit(struct tm_source *s, const struct tm_assert *a)
{
	struct src_batch *b = &s->batch;
	int r;

	tm_assert_put(&b->buf, a);
	r = tm_buf_error(&b->buf);
	if (r < 0)
		return r;
	b->n++;
	if (b->buf.len - b->frame_at < FRAME_BYTES)
		return 0;
	if (b->started)
		return src_batch_send_held(s);
	r = cut_frame(b);
	if (r == 0 && b->buf.len >= HELD_BYTES) {
		r = src_batch_start(s, false);
		if (r == 0)
			r = src_batch_send_held(s);
	}
	return r;
}

/* Content that may differ anywhere: compared by blocks where the target can do that. */
static uint32_t doubt(const struct tm_source *s)
{
	return src_may_compare(s) ? TM_AF_COMPARE : TM_AF_WHOLE;
}

/*
 * What the target is told of a regular file's content. DATA with no ranges says: nothing changed in
 * it, whatever the change stamp is; that holds only where all changes of the file are in this set. After
 * a gap in the tracking the ranges known need not be all there are, and the stamp alone decides.
 */
static uint32_t content_flags(const struct tm_source *s, const struct src_ino *ino, uint32_t flags)
{
	uint32_t data = TM_CF_DATA | TM_CF_SIZE | TM_CF_MMAP;
	bool heal = s->healing || (flags & SRC_HEAL);

	/* Told once more, because its directory was cut: what changed since then has another change stamp. */
	if (ino && ino->done && heal)
		return 0;
	if (ino && (ino->flags & TM_CF_WHOLE))
		return TM_AF_WHOLE;
	if (ino && (ino->flags & data) && ino->n_ranges)
		return heal ? doubt(s) : TM_AF_DATA;
	if (ino && (ino->flags & data))
		return TM_AF_WHOLE;
	if (heal)
		return 0;
	return ino || (flags & SRC_EXACT) ? TM_AF_DATA : 0;
}

static void estimate(struct tm_source *s, const struct src_ino *ino, const struct tm_attrs *a,
		     uint32_t flags)
{
	struct src_batch *b = &s->batch;
	struct tm_ranges r;

	if (a->kind != TM_KIND_REG)
		return;
	if (flags & TM_AF_WHOLE) {
		b->est_bytes += a->size;
	} else if (flags & TM_AF_COMPARE) {
		b->est_bytes += a->size / COMPARE_CHEAPER;
	} else if (flags & TM_AF_DATA) {
		if (!ino)
			return;
		r = (struct tm_ranges){ .v = ino->ranges, .n = ino->n_ranges };
		b->est_bytes += tm_ranges_bytes(&r, a->size);
	} else {
		b->new_bytes += a->size;
		b->est_bytes += a->size / 1024 * s->need_ratio_1024 +
				a->size % 1024 * s->need_ratio_1024 / 1024;
	}
}

static int emit_object(struct tm_source *s, struct tm_assert *a, struct src_dir *dir,
		       const struct src_seen *seen, uint32_t flags)
{
	struct src_ino *ino = src_plan_ino(&s->plan, seen->oid);
	size_t known = s->batch.n_objs;
	int r;

	a->oid = seen->oid;
	a->attrs = seen->attrs;
	a->symlink = seen->symlink;
	a->symlink_len = seen->symlink_len;
	a->flags = flags & (TM_AF_DATA | TM_AF_WHOLE | TM_AF_ATTR | TM_AF_COMPARE);
	if (ino) {
		ino->asserted = true;
		if (ino->flags & TM_CF_ATTR)
			a->flags |= TM_AF_ATTR;
	}
	if (s->comparing && (!s->plain || seen->attrs.kind == TM_KIND_DIR))
		a->flags |= TM_AF_COMPARE;
	else if (src_owed(s, seen->oid))
		a->flags |= seen->attrs.kind == TM_KIND_REG ? doubt(s) : TM_AF_ATTR;
	else if (seen->attrs.kind == TM_KIND_REG)
		a->flags |= content_flags(s, ino, flags);
	estimate(s, ino, &seen->attrs, a->flags);
	r = obj_note(s, dir, a->name ? a->name : "", a->name_len, seen, ino, a->flags);
	if (r < 0)
		return r;
	if (seen->attrs.kind != TM_KIND_DIR)
		s->progress.files_total += s->batch.n_objs - known;
	return emit(s, a);
}

int src_emit_entry(struct tm_source *s, struct src_dir *parent, const char *name, size_t len,
		   const struct src_seen *seen, uint32_t flags)
{
	struct tm_assert a = {
		.type = TM_ASSERT_ENTRY, .parent = parent->oid, .name = name, .name_len = (uint32_t)len,
	};
	struct src_dir *there;
	int r;

	if (seen->attrs.kind == TM_KIND_DIR)
		return emit_object(s, &a, parent, seen, flags);
	there = src_index_child(&s->index, parent, name, len);
	if (there)
		src_index_detach(&s->index, there);
	r = emit_object(s, &a, parent, seen, flags);
	if (r < 0)
		return r;
	if (seen->attrs.nlink > 1)
		return src_links_add(s->links, seen->oid, parent->oid, name, len);
	/* Last of all: @name may be the one that is forgotten here. */
	if (tm_map_size(s->links))
		src_links_forget(s->links, seen->oid);
	return 0;
}

int src_emit_dir(struct tm_source *s, struct src_dir *d, const struct src_seen *seen)
{
	struct tm_assert a = { .type = TM_ASSERT_OBJECT };

	return emit_object(s, &a, d, seen, 0);
}

int src_emit_absent(struct tm_source *s, struct src_dir *parent, const char *name, size_t len)
{
	struct tm_assert a = {
		.type = TM_ASSERT_ABSENT, .parent = parent->oid, .name = name, .name_len = (uint32_t)len,
	};
	struct src_dir *there = src_index_child(&s->index, parent, name, len);

	if (there)
		src_index_detach(&s->index, there);
	return emit(s, &a);
}

int src_emit_listed(struct tm_source *s, struct src_dir *d)
{
	struct tm_assert a = { .type = TM_ASSERT_LISTED, .oid = d->oid };

	d->listed = s->serial;
	return emit(s, &a);
}
