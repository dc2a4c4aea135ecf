/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/plan.c - one change set, arranged for the work on it; see plan.h.
 */
#include "source/plan.h"

int src_oid_cmp(struct tm_oid a, struct tm_oid b)
{
	if (a.ino != b.ino)
		return a.ino < b.ino ? -1 : 1;
	if (a.gen != b.gen)
		return a.gen < b.gen ? -1 : 1;
	if (a.subvol != b.subvol)
		return a.subvol < b.subvol ? -1 : 1;
	return 0;
}

/* Room for one more element of @size: the array to use from now on, or NULL. */
static void *more(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 16;

	if (n < *cap)
		return v;
	v = reallocarray(v, want, size);
	if (v)
		*cap = want;
	return v;
}

static char *copy_name(const char *name, size_t len)
{
	char *s = malloc(len + 1);

	if (!s)
		return NULL;
	memcpy(s, name, len);
	s[len] = 0;
	return s;
}

static int add_name(struct src_plan *p, const struct tm_change *c)
{
	struct src_name n = {
		.dir = c->dir, .obj = c->obj, .flags = c->flags, .len = (uint8_t)c->name_len,
	};
	void *v;

	v = more(p->names, p->n_names, &p->cap_names, sizeof(n));
	if (!v)
		return -ENOMEM;
	p->names = v;
	n.name = copy_name(c->name, c->name_len);
	if (!n.name)
		return -ENOMEM;
	p->names[p->n_names++] = n;
	return 0;
}

static int add_ino(struct src_plan *p, const struct tm_change *c)
{
	struct src_ino i = {
		.obj = c->obj, .dir = c->dir, .flags = c->flags, .name_len = (uint8_t)c->name_len,
	};
	void *v;

	v = more(p->inos, p->n_inos, &p->cap_inos, sizeof(i));
	if (!v)
		return -ENOMEM;
	p->inos = v;
	if (c->name_len) {
		i.name = copy_name(c->name, c->name_len);
		if (!i.name)
			return -ENOMEM;
	}
	if (c->n_ranges) {
		i.ranges = malloc(c->n_ranges * sizeof(*i.ranges));
		if (!i.ranges) {
			free(i.name);
			return -ENOMEM;
		}
		memcpy(i.ranges, c->ranges, c->n_ranges * sizeof(*i.ranges));
		i.n_ranges = c->n_ranges;
	}
	p->inos[p->n_inos++] = i;
	return 0;
}

static int add_where(struct src_plan *p, const struct tm_change *c)
{
	struct src_where w = {
		.dir = c->dir, .tree = c->kind == TM_CHANGE_SUBTREE, .compare = c->flags & TM_CF_COMPARE,
	};
	void *v;

	v = more(p->where, p->n_where, &p->cap_where, sizeof(w));
	if (!v)
		return -ENOMEM;
	p->where = v;
	p->where[p->n_where++] = w;
	return 0;
}

static int add(const struct tm_change *c, void *arg)
{
	struct src_plan *p = arg;

	p->compare |= (c->flags & TM_CF_COMPARE) != 0;
	switch (c->kind) {
	case TM_CHANGE_NAME:
		return add_name(p, c);
	case TM_CHANGE_INODE:
		return add_ino(p, c);
	case TM_CHANGE_DIR:
	case TM_CHANGE_SUBTREE:
		return add_where(p, c);
	case TM_CHANGE_ALL:
		p->all = true;
		p->all_flags = c->flags;
	}
	return 0;
}

static int name_cmp(const struct src_name *a, struct tm_oid dir, const char *name, size_t len)
{
	int r = src_oid_cmp(a->dir, dir);

	if (r)
		return r;
	r = memcmp(a->name, name, TM_MIN((size_t)a->len, len));
	return r ? r : (a->len > len) - (a->len < len);
}

static int cmp_names(const void *a, const void *b)
{
	const struct src_name *y = b;

	return name_cmp(a, y->dir, y->name, y->len);
}

static int cmp_ino_place(const void *a, const void *b)
{
	const struct src_ino *x = a, *y = b;
	int r = src_oid_cmp(x->dir, y->dir);

	return r ? r : src_oid_cmp(x->obj, y->obj);
}

static int cmp_hints(const void *a, const void *b)
{
	const struct src_hint *x = a, *y = b;

	return src_oid_cmp(x->obj, y->obj);
}

static int make_groups(struct src_plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_names; i++)
		n += !i || !tm_oid_eq(p->names[i].dir, p->names[i - 1].dir);
	p->groups = calloc(n ? n : 1, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_names; i++) {
		if (!i || !tm_oid_eq(p->names[i].dir, p->names[i - 1].dir))
			p->groups[p->n_groups++] = (struct src_group){
				.dir = p->names[i].dir, .first = i,
			};
		p->groups[p->n_groups - 1].n++;
	}
	return 0;
}

/* One hint per object: live if any name says so. */
static int make_hints(struct src_plan *p)
{
	size_t n = 0;

	p->hints = calloc(p->n_names ? p->n_names : 1, sizeof(*p->hints));
	if (!p->hints)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_names; i++)
		if (!tm_oid_is_none(p->names[i].obj))
			p->hints[n++] = (struct src_hint){
				.obj = p->names[i].obj,
				.live = !(p->names[i].flags & TM_CF_GONE),
			};
	qsort(p->hints, n, sizeof(*p->hints), cmp_hints);
	for (size_t i = 0; i < n; i++) {
		if (p->n_hints && tm_oid_eq(p->hints[p->n_hints - 1].obj, p->hints[i].obj))
			p->hints[p->n_hints - 1].live |= p->hints[i].live;
		else
			p->hints[p->n_hints++] = p->hints[i];
	}
	return 0;
}

int src_plan_load(struct src_plan *p, const struct tm_change_set *set)
{
	int r;

	*p = (struct src_plan){ 0 };
	r = tm_change_set_each(set, add, p);
	if (r < 0)
		return r;
	if (p->n_names)
		qsort(p->names, p->n_names, sizeof(*p->names), cmp_names);
	if (p->n_inos)
		qsort(p->inos, p->n_inos, sizeof(*p->inos), cmp_ino_place);
	r = make_groups(p);
	if (r == 0)
		r = make_hints(p);
	if (r < 0)
		return r;
	p->ino_map = tm_map_new();
	if (!p->ino_map)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_inos; i++)
		if (tm_map_put(p->ino_map, &p->inos[i].obj, sizeof(struct tm_oid), &p->inos[i], NULL) < 0)
			return -ENOMEM;
	return 0;
}

void src_plan_free(struct src_plan *p)
{
	for (size_t i = 0; i < p->n_names; i++)
		free(p->names[i].name);
	for (size_t i = 0; i < p->n_inos; i++) {
		free(p->inos[i].name);
		free(p->inos[i].ranges);
	}
	free(p->names);
	free(p->groups);
	free(p->inos);
	free(p->where);
	free(p->hints);
	tm_map_free(p->ino_map, NULL);
	*p = (struct src_plan){ 0 };
}

struct src_ino *src_plan_ino(const struct src_plan *p, struct tm_oid obj)
{
	return p->n_inos ? tm_map_get(p->ino_map, &obj, sizeof(obj)) : NULL;
}

bool src_plan_has_name(const struct src_plan *p, struct tm_oid dir, const char *name, size_t len)
{
	size_t lo = 0, hi = p->n_names;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = name_cmp(&p->names[mid], dir, name, len);

		if (!r)
			return true;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool src_plan_hint(const struct src_plan *p, struct tm_oid obj, bool *ret_live)
{
	const struct src_hint key = { .obj = obj };
	const struct src_hint *h;

	if (!p->n_hints)
		return false;
	h = bsearch(&key, p->hints, p->n_hints, sizeof(key), cmp_hints);
	if (h)
		*ret_live = h->live;
	return h;
}
