/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/set.c - the distinct changes of one policy; see set.h. Pure.
 *
 * One table, keyed by (kind, identity, name). An ALL record does not swallow the
 * others: "all" is answered by comparing metadata first, and a content range
 * known to be dirty must not depend on whether a timestamp moved. Only the overflow
 * drops them, and then ALL carries their flags.
 *
 * Ranges have a budget of their own: 256 of them for each of two million files
 * would be gigabytes. Beyond it a file's ranges become the one that spans them.
 */
#include "changes/set.h"

#include "lib/map.h"

#define RANGES_PER_ENTRY 2
#define RANGES_MIN	 4096

struct rec {
	enum tm_change_kind kind;
	uint32_t flags;
	struct tm_oid dir;
	struct tm_oid obj;
	struct tm_ranges ranges;
	char *name; /* INODE only, owned; a NAME has it in its key */
	uint32_t name_len;
};

struct tm_change_set {
	struct tm_map *map;
	uint32_t max_entries;
	size_t n_ranges;
	size_t max_ranges;
	bool all;
	uint32_t all_flags;
	uint32_t seen_flags; /* of every record held, for the overflow */
};

/* kind, identity, name */
#define KEY_FIXED (1 + sizeof(struct tm_oid))

struct key {
	uint8_t raw[KEY_FIXED + TM_NAME_MAX];
	size_t len;
};

static void rec_free(void *p)
{
	struct rec *rec = p;

	if (!rec)
		return;
	tm_ranges_free(&rec->ranges);
	free(rec->name);
	free(rec);
}

struct tm_change_set *tm_change_set_new(uint32_t max_entries)
{
	struct tm_change_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->map = tm_map_new();
	if (!s->map) {
		free(s);
		return NULL;
	}
	s->max_entries = max_entries ? max_entries : TM_CHANGE_SET_MAX_DEFAULT;
	s->max_ranges = TM_MAX((size_t)s->max_entries * RANGES_PER_ENTRY, (size_t)RANGES_MIN);
	return s;
}

void tm_change_set_free(struct tm_change_set *s)
{
	if (!s)
		return;
	tm_map_free(s->map, rec_free);
	free(s);
}

static void drop_records(struct tm_change_set *s)
{
	size_t pos = 0, len;
	const void *key;

	/* Only a new table gives the memory back; without memory for one, empty the old. */
	struct tm_map *empty = tm_map_new();

	if (empty) {
		tm_map_free(s->map, rec_free);
		s->map = empty;
	} else {
		while (tm_map_next(s->map, &pos, &key, &len, NULL))
			rec_free(tm_map_del(s->map, key, len));
	}
	s->n_ranges = 0;
	s->seen_flags = 0;
}

void tm_change_set_clear(struct tm_change_set *s)
{
	drop_records(s);
	s->all = false;
	s->all_flags = 0;
}

static void make_key(const struct tm_change *c, struct key *k)
{
	const struct tm_oid *o = c->kind == TM_CHANGE_INODE ? &c->obj : &c->dir;

	k->raw[0] = (uint8_t)c->kind;
	memcpy(k->raw + 1, o, sizeof(*o));
	k->len = KEY_FIXED;
	if (c->kind == TM_CHANGE_NAME) {
		memcpy(k->raw + k->len, c->name, c->name_len);
		k->len += c->name_len;
	}
}

static void forget_ranges(struct tm_change_set *s, struct rec *rec)
{
	s->n_ranges -= rec->ranges.n;
	tm_ranges_free(&rec->ranges);
}

/* Replace the ranges by the one that spans them. */
static void span_ranges(struct tm_change_set *s, struct rec *rec)
{
	struct tm_ranges *r = &rec->ranges;

	if (r->n < 2)
		return;
	r->v[0].end = r->v[r->n - 1].end;
	s->n_ranges -= r->n - 1;
	r->n = 1;
}

static void merge_ranges(struct tm_change_set *s, struct rec *rec, const struct tm_change *c)
{
	int r;

	if (rec->flags & TM_CF_WHOLE) {
		forget_ranges(s, rec);
		return;
	}
	s->n_ranges -= rec->ranges.n;
	r = tm_ranges_add_all(&rec->ranges, c->ranges, c->n_ranges);
	s->n_ranges += rec->ranges.n;
	if (r < 0) {
		/* No memory for exactness: more than was asked, never less. */
		rec->flags |= TM_CF_WHOLE;
		forget_ranges(s, rec);
	} else if (s->n_ranges > s->max_ranges) {
		span_ranges(s, rec);
	}
}

/* Where the inode was last seen. A lost hint costs a directory listing, no more. */
static void merge_place(struct rec *rec, const struct tm_change *c)
{
	char *name = NULL;

	if (tm_oid_is_none(c->dir))
		return;
	if (!c->name_len && tm_oid_eq(c->dir, rec->dir))
		return;
	if (c->name_len && tm_oid_eq(c->dir, rec->dir) && c->name_len == rec->name_len &&
	    !memcmp(c->name, rec->name, c->name_len))
		return;
	if (c->name_len) {
		name = malloc(c->name_len);
		if (name)
			memcpy(name, c->name, c->name_len);
	}
	free(rec->name);
	rec->name = name;
	rec->name_len = name ? c->name_len : 0;
	rec->dir = c->dir;
}

static void merge_rec(struct tm_change_set *s, struct rec *rec, const struct tm_change *c)
{
	uint32_t flags = rec->flags | c->flags;

	switch (c->kind) {
	case TM_CHANGE_NAME:
		/* "Gone" and the object are hints: the latest word is the best one. */
		rec->flags = (flags & ~TM_CF_GONE) | (c->flags & TM_CF_GONE);
		if (!tm_oid_is_none(c->obj))
			rec->obj = c->obj;
		break;
	case TM_CHANGE_INODE:
		rec->flags = flags;
		merge_place(rec, c);
		merge_ranges(s, rec, c);
		break;
	default: rec->flags = flags;
	}
	s->seen_flags |= rec->flags;
}

static void overflow(struct tm_change_set *s, uint32_t flags)
{
	flags |= s->seen_flags;
	drop_records(s);
	s->all = true;
	s->all_flags |= flags & ~TM_CF_GONE;
}

int tm_change_set_add(struct tm_change_set *s, const struct tm_change *c)
{
	struct key key;
	struct rec *rec;

	if (!tm_change_ok(c))
		return -EINVAL;
	if (c->kind == TM_CHANGE_ALL) {
		s->all = true;
		s->all_flags |= c->flags;
		return 0;
	}
	make_key(c, &key);
	rec = tm_map_get(s->map, key.raw, key.len);
	if (!rec) {
		if (tm_map_size(s->map) >= s->max_entries) {
			overflow(s, c->flags);
			return 1;
		}
		rec = calloc(1, sizeof(*rec));
		if (!rec)
			return -ENOMEM;
		rec->kind = c->kind;
		if (c->kind == TM_CHANGE_INODE)
			rec->obj = c->obj;
		else
			rec->dir = c->dir;
		if (tm_map_put(s->map, key.raw, key.len, rec, NULL) < 0) {
			rec_free(rec);
			return -ENOMEM;
		}
	}
	merge_rec(s, rec, c);
	return 0;
}

bool tm_change_set_empty(const struct tm_change_set *s)
{
	return tm_change_set_count(s) == 0;
}

size_t tm_change_set_count(const struct tm_change_set *s)
{
	return tm_map_size(s->map) + (s->all ? 1 : 0);
}

bool tm_change_set_all(const struct tm_change_set *s, uint32_t *ret_flags)
{
	if (s->all && ret_flags)
		*ret_flags = s->all_flags;
	return s->all;
}

int tm_change_set_each(const struct tm_change_set *s,
		       int (*fn)(const struct tm_change *c, void *arg), void *arg)
{
	size_t pos = 0, len;
	const void *key;
	void *value;
	int r;

	if (s->all) {
		struct tm_change c = { .kind = TM_CHANGE_ALL, .flags = s->all_flags };

		r = fn(&c, arg);
		if (r)
			return r;
	}
	while (tm_map_next(s->map, &pos, &key, &len, &value)) {
		const struct rec *rec = value;
		struct tm_change c = {
			.kind = rec->kind,
			.flags = rec->flags,
			.dir = rec->dir,
			.obj = rec->obj,
			.name = rec->name,
			.name_len = rec->name_len,
			.ranges = rec->ranges.v,
			.n_ranges = rec->ranges.n,
		};

		if (rec->kind == TM_CHANGE_NAME) {
			c.name = (const char *)key + KEY_FIXED;
			c.name_len = (uint32_t)(len - KEY_FIXED);
		}
		r = fn(&c, arg);
		if (r)
			return r;
	}
	return 0;
}

struct merge {
	struct tm_change_set *to;
	int ret;
};

static int merge_one(const struct tm_change *c, void *arg)
{
	struct merge *m = arg;
	int r = tm_change_set_add(m->to, c);

	if (r < 0)
		return r;
	/* An overflow does not stop the merge: what follows is held exactly again. */
	m->ret |= r;
	return 0;
}

int tm_change_set_merge(struct tm_change_set *s, const struct tm_change_set *from)
{
	struct merge m = { .to = s };
	int r = tm_change_set_each(from, merge_one, &m);

	return r < 0 ? r : m.ret;
}
