/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/batch.c - the assertions of one batch, collected in memory; see batch.h.
 */
#include "target/batch.h"

int tm_batch_init(struct tm_batch *b, const struct tm_msg_batch *head)
{
	*b = (struct tm_batch){ .head = *head };
	tm_arena_init(&b->arena, TM_BATCH_BYTES_MAX);
	b->obj_map = tm_map_new();
	b->ent_map = tm_map_new();
	return b->obj_map && b->ent_map ? 0 : -ENOMEM;
}

void tm_batch_free(struct tm_batch *b)
{
	for (size_t i = 0; i < b->n_objs; i++)
		free(b->objs[i]->patch.v);
	free(b->objs);
	free(b->ents);
	tm_map_free(b->obj_map, NULL);
	tm_map_free(b->ent_map, NULL);
	tm_arena_free(&b->arena);
	*b = (struct tm_batch){ 0 };
}

size_t tm_place_key(struct tm_oid dir, const char *name, uint32_t len, uint8_t key[TM_PLACE_KEY])
{
	memcpy(key, &dir, sizeof(dir));
	memcpy(key + sizeof(dir), name, len);
	return sizeof(dir) + len;
}

int tm_patch_add(struct tm_patch *p, struct tm_patch_range r)
{
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 8;
		struct tm_patch_range *v = realloc(p->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = r;
	return 0;
}

/* Room for one more pointer in a growing list. */
static int list_grow(void *list, size_t n, size_t *cap)
{
	void **v = *(void ***)list;
	size_t want = *cap ? *cap * 2 : 64;

	if (n < *cap)
		return 0;
	v = realloc(v, want * sizeof(*v));
	if (!v)
		return -ENOMEM;
	*(void ***)list = v;
	*cap = want;
	return 0;
}

struct tm_bobj *tm_batch_obj(const struct tm_batch *b, struct tm_oid oid)
{
	return tm_map_get(b->obj_map, &oid, sizeof(oid));
}

struct tm_bent *tm_batch_ent(const struct tm_batch *b, struct tm_oid dir, const char *name,
			     uint32_t len)
{
	uint8_t key[TM_PLACE_KEY];

	if (len > TM_NAME_LEN_MAX)
		return NULL;
	return tm_map_get(b->ent_map, key, tm_place_key(dir, name, len, key));
}

static int obj_get(struct tm_batch *b, struct tm_oid oid, struct tm_bobj **ret)
{
	struct tm_bobj *o = tm_batch_obj(b, oid);

	if (!o) {
		if (list_grow(&b->objs, b->n_objs, &b->cap_objs) < 0)
			return -ENOMEM;
		o = tm_arena_alloc(&b->arena, sizeof(*o));
		if (!o)
			return -E2BIG;
		o->oid = oid;
		if (tm_map_put(b->obj_map, &oid, sizeof(oid), o, NULL) < 0)
			return -ENOMEM;
		b->objs[b->n_objs++] = o;
	}
	*ret = o;
	return 0;
}

static int ent_get(struct tm_batch *b, const struct tm_assert *a, struct tm_bent **ret)
{
	struct tm_bent *e = tm_batch_ent(b, a->parent, a->name, a->name_len);
	uint8_t key[TM_PLACE_KEY];

	if (!e) {
		if (list_grow(&b->ents, b->n_ents, &b->cap_ents) < 0)
			return -ENOMEM;
		e = tm_arena_alloc(&b->arena, sizeof(*e));
		if (!e)
			return -E2BIG;
		e->at = (struct tm_place){ a->parent, tm_arena_dup(&b->arena, a->name, a->name_len),
					   a->name_len };
		if (!e->at.name)
			return -E2BIG;
		if (tm_map_put(b->ent_map, key, tm_place_key(a->parent, a->name, a->name_len, key),
			       e, NULL) < 0)
			return -ENOMEM;
		b->ents[b->n_ents++] = e;
	}
	*ret = e;
	return 0;
}

static int obj_assert(struct tm_batch *b, const struct tm_assert *a, struct tm_bobj **ret)
{
	struct tm_bobj *o;
	int r = obj_get(b, a->oid, &o);

	if (r < 0)
		return r;
	o->attrs = a->attrs;
	o->seen_ctime_s = a->attrs.ctime_s;
	o->seen_ctime_ns = a->attrs.ctime_ns;
	o->flags |= a->flags;
	b->comparing |= (a->flags & TM_AF_COMPARE) != 0;
	o->asserted = true;
	o->fresh = true;
	if (a->attrs.kind == TM_KIND_LNK && (!o->symlink || o->symlink_len != a->symlink_len ||
					     memcmp(o->symlink, a->symlink, a->symlink_len))) {
		o->symlink = tm_arena_dup(&b->arena, a->symlink, a->symlink_len);
		o->symlink_len = a->symlink_len;
		if (!o->symlink)
			return -E2BIG;
	}
	*ret = o;
	return 0;
}

int tm_batch_add(struct tm_batch *b, const struct tm_assert *a)
{
	struct tm_bobj *o = NULL;
	struct tm_bent *e;
	int r = 0;

	if (b->order >= TM_BATCH_RECORDS_MAX)
		return -E2BIG;
	b->order++;
	if (tm_oid_reserved(a->oid) || tm_oid_reserved(a->parent))
		return -EBADMSG;
	if (a->type == TM_ASSERT_ENTRY || a->type == TM_ASSERT_OBJECT)
		r = obj_assert(b, a, &o);
	if (a->type == TM_ASSERT_LISTED) {
		r = obj_get(b, a->oid, &o);
		if (r == 0)
			o->listed = o->fresh = true;
	}
	if (r < 0 || (a->type != TM_ASSERT_ENTRY && a->type != TM_ASSERT_ABSENT))
		return r;
	r = ent_get(b, a, &e);
	if (r < 0)
		return r;
	e->obj = o;
	e->seen = false;
	e->order = b->order;
	e->nlink = o ? a->attrs.nlink : 0;
	if (o)
		o->ent = e;
	return 0;
}
