/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/index.c - where every directory below the root is; see index.h.
 *
 * Intrusive hash chains instead of lib/map.h: 200,000 directories are a normal tree, and each is
 * in two tables. About 150 bytes a directory and its name.
 */
#include "source/index.h"

#define FIRST_CAP 1024

static size_t oid_slot(const struct src_index *ix, struct tm_oid oid)
{
	return tm_oid_hash(oid) & (ix->cap - 1);
}

static size_t name_slot(const struct src_index *ix, const struct src_dir *parent, const char *name,
			size_t len)
{
	uint64_t h = tm_oid_hash(parent->oid);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ULL;
	return (h ^ (h >> 29)) & (ix->cap - 1);
}

static void oid_link(struct src_index *ix, struct src_dir *d)
{
	struct src_dir **p = &ix->by_oid[oid_slot(ix, d->oid)];

	d->oid_chain = *p;
	*p = d;
}

static void oid_unlink(struct src_index *ix, struct src_dir *d)
{
	struct src_dir **p = &ix->by_oid[oid_slot(ix, d->oid)];

	while (*p != d)
		p = &(*p)->oid_chain;
	*p = d->oid_chain;
}

/* Neither the root nor what is directly in limbo has a name to be found by. */
static bool has_place(const struct src_index *ix, const struct src_dir *d)
{
	return d->parent && d->parent != &ix->limbo;
}

static void name_link(struct src_index *ix, struct src_dir *d)
{
	struct src_dir **p;

	if (!has_place(ix, d))
		return;
	p = &ix->by_name[name_slot(ix, d->parent, d->name, d->name_len)];
	d->name_chain = *p;
	*p = d;
}

static void name_unlink(struct src_index *ix, struct src_dir *d)
{
	struct src_dir **p;

	if (!has_place(ix, d))
		return;
	p = &ix->by_name[name_slot(ix, d->parent, d->name, d->name_len)];
	while (*p != d)
		p = &(*p)->name_chain;
	*p = d->name_chain;
}

static void tree_link(struct src_dir *d, struct src_dir *parent)
{
	d->parent = parent;
	d->prev = NULL;
	d->next = parent->child;
	if (d->next)
		d->next->prev = d;
	parent->child = d;
}

static void tree_unlink(struct src_dir *d)
{
	if (d->prev)
		d->prev->next = d->next;
	else
		d->parent->child = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->parent = d->next = d->prev = NULL;
}

static int tables_new(struct src_index *ix, size_t cap)
{
	struct src_dir **o = calloc(cap, sizeof(*o)), **n = calloc(cap, sizeof(*n));

	if (!o || !n) {
		free(o);
		free(n);
		return -ENOMEM;
	}
	ix->by_oid = o;
	ix->by_name = n;
	ix->cap = cap;
	return 0;
}

/* A failed growth only makes chains longer. */
static void grow(struct src_index *ix)
{
	struct src_dir **old_oid = ix->by_oid, **old_name = ix->by_name, *d, *next;
	size_t old_cap = ix->cap;

	if (tables_new(ix, old_cap * 2) < 0)
		return;
	for (size_t i = 0; i < old_cap; i++)
		for (d = old_oid[i]; d; d = next) {
			next = d->oid_chain;
			oid_link(ix, d);
			name_link(ix, d);
		}
	free(old_oid);
	free(old_name);
}

static struct src_dir *node_new(struct tm_oid oid, const char *name, size_t len)
{
	struct src_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->name = malloc(len + 1);
	if (!d->name) {
		free(d);
		return NULL;
	}
	memcpy(d->name, name, len);
	d->name[len] = 0;
	d->name_len = (uint8_t)len;
	d->oid = oid;
	return d;
}

int src_index_init(struct src_index *ix, struct tm_oid root)
{
	int r;

	*ix = (struct src_index){ 0 };
	r = tables_new(ix, FIRST_CAP);
	if (r < 0)
		return r;
	ix->root = node_new(root, "", 0);
	if (!ix->root) {
		src_index_free(ix);
		return -ENOMEM;
	}
	oid_link(ix, ix->root);
	ix->n = 1;
	return 0;
}

/* Free @top and all below it, without recursion: trees may be as deep as they like. */
static void free_tree(struct src_index *ix, struct src_dir *top)
{
	struct src_dir *d = top, *up;

	for (;;) {
		while (d->child)
			d = d->child;
		up = d == top ? NULL : d->parent;
		name_unlink(ix, d);
		oid_unlink(ix, d);
		if (d->parent)
			tree_unlink(d);
		free(d->name);
		free(d);
		ix->n--;
		if (!up)
			return;
		d = up;
	}
}

void src_index_free(struct src_index *ix)
{
	if (ix->root)
		free_tree(ix, ix->root);
	src_index_purge(ix);
	free(ix->by_oid);
	free(ix->by_name);
	*ix = (struct src_index){ 0 };
}

struct src_dir *src_index_get(const struct src_index *ix, struct tm_oid oid)
{
	struct src_dir *d = ix->by_oid[oid_slot(ix, oid)];

	while (d && !tm_oid_eq(d->oid, oid))
		d = d->oid_chain;
	return d;
}

struct src_dir *src_index_child(const struct src_index *ix, const struct src_dir *parent,
				const char *name, size_t len)
{
	struct src_dir *d = ix->by_name[name_slot(ix, parent, name, len)];

	while (d && (d->parent != parent || d->name_len != len || memcmp(d->name, name, len)))
		d = d->name_chain;
	return d;
}

static bool is_below(const struct src_dir *d, const struct src_dir *top)
{
	for (; d; d = d->parent)
		if (d == top)
			return true;
	return false;
}

static int move(struct src_index *ix, struct src_dir *d, struct src_dir *parent, const char *name,
		size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, len);
	copy[len] = 0;
	/*
	 * The disk has no cycles: if the index would get one, what it thinks of the parent is old. That
	 * parent is unknown from here on, and what is said about it later counts.
	 */
	if (is_below(parent, d))
		src_index_detach(ix, parent);
	name_unlink(ix, d);
	tree_unlink(d);
	free(d->name);
	d->name = copy;
	d->name_len = (uint8_t)len;
	tree_link(d, parent);
	name_link(ix, d);
	return 0;
}

struct src_dir *src_index_place(struct src_index *ix, struct src_dir *parent, const char *name,
				size_t len, struct tm_oid oid, bool *ret_new)
{
	struct src_dir *d = src_index_get(ix, oid), *there = src_index_child(ix, parent, name, len);

	*ret_new = !d;
	if (there && there == d)
		return d;
	if (d == ix->root)
		return d;
	if (there)
		src_index_detach(ix, there);
	if (d)
		return move(ix, d, parent, name, len) < 0 ? NULL : d;
	d = node_new(oid, name, len);
	if (!d)
		return NULL;
	d->hidden = parent->hidden;
	if (ix->n >= ix->cap)
		grow(ix);
	oid_link(ix, d);
	tree_link(d, parent);
	name_link(ix, d);
	ix->n++;
	return d;
}

void src_index_detach(struct src_index *ix, struct src_dir *d)
{
	if (d == ix->root || d->parent == &ix->limbo)
		return;
	name_unlink(ix, d);
	tree_unlink(d);
	tree_link(d, &ix->limbo);
}

bool src_index_detached(const struct src_index *ix, const struct src_dir *d)
{
	return is_below(d, &ix->limbo);
}

void src_index_purge(struct src_index *ix)
{
	while (ix->limbo.child)
		free_tree(ix, ix->limbo.child);
}

unsigned int src_index_depth(const struct src_dir *d)
{
	unsigned int n = 0;

	for (; d->parent; d = d->parent)
		n++;
	return n;
}

int src_index_path(const struct src_dir *d, struct tm_buf *b)
{
	size_t len = 0, at;
	uint8_t *p;

	for (const struct src_dir *x = d; x->parent; x = x->parent)
		len += x->name_len + 1u;
	tm_buf_reset(b);
	p = tm_buf_reserve(b, len + 1);
	if (!p)
		return tm_buf_error(b) ? tm_buf_error(b) : -ENOMEM;
	at = len ? len - 1 : 0;
	p[at] = 0;
	for (const struct src_dir *x = d; x->parent; x = x->parent) {
		at -= x->name_len;
		memcpy(p + at, x->name, x->name_len);
		if (at)
			p[--at] = '/';
	}
	b->len = len ? len - 1 : 0;
	return 0;
}
