/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/table.c - rows and names of the identity table; see table.h.
 *
 * Identities are 16-byte big-endian keys, so objects of neighbouring inode numbers are
 * neighbours on disk.
 */
#include "target/table_int.h"

#define KEY_LEN 16

static void put_be(uint8_t *p, uint64_t v, int n)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void key_of(struct tm_oid o, uint8_t k[KEY_LEN])
{
	put_be(k, o.subvol, 4);
	put_be(k + 4, o.ino, 8);
	put_be(k + 12, o.gen, 4);
}

static int col_oid(sqlite3_stmt *st, int col, struct tm_oid *ret)
{
	const uint8_t *k = sqlite3_column_blob(st, col);

	if (sqlite3_column_bytes(st, col) != KEY_LEN || !k)
		return -EUCLEAN;
	*ret = (struct tm_oid){ .subvol = (uint32_t)get_be(k, 4),
				.ino = get_be(k + 4, 8),
				.gen = (uint32_t)get_be(k + 12, 4) };
	return 0;
}

/* Bound keys live on the caller's stack until the statement is reset: SQLITE_STATIC is enough. */
static void bind_key(sqlite3_stmt *st, int i, const uint8_t k[KEY_LEN])
{
	sqlite3_bind_blob(st, i, k, KEY_LEN, SQLITE_STATIC);
}

static void bind_name(sqlite3_stmt *st, int i, const char *name, uint32_t len)
{
	sqlite3_bind_blob(st, i, name, (int)len, SQLITE_STATIC);
}

int tm_table_row(struct tm_table *t, struct tm_oid oid, struct tm_row *ret)
{
	sqlite3_stmt *st = t->st[S_ROW_GET];
	uint8_t k[KEY_LEN];
	struct tm_row row;
	struct tm_rd rd;
	int r;

	key_of(oid, k);
	bind_key(st, 1, k);
	r = tb_first(st);
	if (r < 0)
		return r;
	rd = tm_rd(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	r = tm_row_get(&rd, &row) < 0 || tm_rd_end(&rd) < 0 || !tm_oid_eq(row.oid, oid) ? -EUCLEAN
											: 0;
	sqlite3_reset(st);
	if (r == 0)
		*ret = row;
	return r;
}

static int row_write(struct tm_table *t, sqlite3_stmt *st, int col, const struct tm_row *row)
{
	tm_buf_reset(&t->row);
	tm_row_put(&t->row, row);
	if (tm_buf_error(&t->row))
		return tm_buf_error(&t->row);
	sqlite3_bind_blob(st, col, t->row.data, (int)t->row.len, SQLITE_STATIC);
	return tb_run(st);
}

int tm_table_row_put(struct tm_table *t, const struct tm_row *row)
{
	uint8_t k[KEY_LEN];
	struct tm_row old;
	int r = tm_table_row(t, row->oid, &old);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		t->meta[TM_META_COUNT]++;
	key_of(row->oid, k);
	bind_key(t->st[S_ROW_PUT], 1, k);
	return row_write(t, t->st[S_ROW_PUT], 2, row);
}

static int row_del(struct tm_table *t, struct tm_oid oid)
{
	uint8_t k[KEY_LEN];
	int r;

	key_of(oid, k);
	bind_key(t->st[S_ROW_DEL], 1, k);
	r = tb_run(t->st[S_ROW_DEL]);
	if (r == 0 && sqlite3_changes(t->db) > 0 && t->meta[TM_META_COUNT])
		t->meta[TM_META_COUNT]--;
	return r;
}

int tm_table_name(struct tm_table *t, struct tm_place at, struct tm_oid *ret)
{
	sqlite3_stmt *st = t->st[S_NAME_GET];
	uint8_t k[KEY_LEN];
	int r;

	key_of(at.dir, k);
	bind_key(st, 1, k);
	bind_name(st, 2, at.name, at.len);
	r = tb_first(st);
	if (r < 0)
		return r;
	r = col_oid(st, 0, ret);
	sqlite3_reset(st);
	return r;
}

int tm_table_name_put(struct tm_table *t, struct tm_place at, struct tm_oid oid)
{
	sqlite3_stmt *st = t->st[S_NAME_PUT];
	uint8_t k[KEY_LEN], o[KEY_LEN];

	key_of(at.dir, k);
	key_of(oid, o);
	bind_key(st, 1, k);
	bind_name(st, 2, at.name, at.len);
	bind_key(st, 3, o);
	return tb_run(st);
}

int tm_table_name_del(struct tm_table *t, struct tm_place at)
{
	uint8_t k[KEY_LEN];

	key_of(at.dir, k);
	bind_key(t->st[S_NAME_DEL], 1, k);
	bind_name(t->st[S_NAME_DEL], 2, at.name, at.len);
	return tb_run(t->st[S_NAME_DEL]);
}

static int col_place(sqlite3_stmt *st, char *name, struct tm_place *ret)
{
	int n = sqlite3_column_bytes(st, 1);
	const void *p = sqlite3_column_blob(st, 1);

	if (col_oid(st, 0, &ret->dir) < 0 || n <= 0 || n > TM_NAME_LEN_MAX || !p)
		return -EUCLEAN;
	memcpy(name, p, (size_t)n);
	name[n] = 0;
	ret->name = name;
	ret->len = (uint32_t)n;
	return 0;
}

int tm_table_place(struct tm_table *t, struct tm_oid oid, char *name, struct tm_place *ret)
{
	sqlite3_stmt *st = t->st[S_NAME_ANY];
	uint8_t k[KEY_LEN];
	int r;

	key_of(oid, k);
	bind_key(st, 1, k);
	r = tb_first(st);
	if (r < 0)
		return r;
	r = col_place(st, name, ret);
	sqlite3_reset(st);
	return r;
}

static int walk(sqlite3_stmt *st, struct tm_oid oid, tm_view_fn fn, void *arg)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;
	struct tm_oid o;
	uint8_t k[KEY_LEN];
	int r;

	key_of(oid, k);
	bind_key(st, 1, k);
	for (r = tb_first(st); r == 0; r = tb_first(st)) {
		r = col_place(st, name, &at);
		if (r == 0)
			r = col_oid(st, 2, &o);
		if (r == 0)
			r = fn(arg, at, o);
		if (r != 0) {
			sqlite3_reset(st);
			return r;
		}
	}
	return r == -ENOENT ? 0 : r;
}

/* The object at the end of a name that just went: nothing left of it, unless it has other names. */
static int drop_object(struct tm_table *t, struct tm_oid oid, bool *ret_gone)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;
	int r = tm_table_place(t, oid, name, &at);

	*ret_gone = r == -ENOENT;
	return r == -ENOENT ? row_del(t, oid) : r;
}

int tm_table_forget(struct tm_table *t, struct tm_oid oid)
{
	bool gone;

	return drop_object(t, oid, &gone);
}

struct oids {
	struct tm_oid *v;
	size_t n, cap;
};

static int oids_push(struct oids *o, struct tm_oid oid)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 64;
		struct tm_oid *v = realloc(o->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		o->v = v;
		o->cap = cap;
	}
	o->v[o->n++] = oid;
	return 0;
}

/* Empty the directories on the stack, one name after the other. */
static int drop_below(struct tm_table *t, struct oids *todo)
{
	sqlite3_stmt *st = t->st[S_CHILD_ONE];
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;
	struct tm_oid oid;
	uint8_t k[KEY_LEN];
	bool gone;
	int r = 0;

	while (todo->n && r == 0) {
		key_of(todo->v[todo->n - 1], k);
		bind_key(st, 1, k);
		r = tb_first(st);
		if (r == -ENOENT) {
			todo->n--;
			r = 0;
			continue;
		}
		if (r == 0)
			r = col_place(st, name, &at);
		if (r == 0)
			r = col_oid(st, 2, &oid);
		sqlite3_reset(st);
		if (r == 0)
			r = tm_table_name_del(t, at);
		if (r == 0)
			r = drop_object(t, oid, &gone);
		if (r == 0 && gone)
			r = oids_push(todo, oid);
	}
	return r;
}

int tm_table_drop(struct tm_table *t, struct tm_place at)
{
	struct oids todo = { 0 };
	struct tm_oid oid;
	bool gone;
	int r = tm_table_name(t, at, &oid);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = tm_table_name_del(t, at);
	if (r == 0)
		r = drop_object(t, oid, &gone);
	if (r == 0 && gone)
		r = oids_push(&todo, oid);
	if (r == 0)
		r = drop_below(t, &todo);
	free(todo.v);
	return r;
}

static int alias_txn(struct tm_table *t, struct tm_oid oid)
{
	static const enum tb_stmt moves[] = { S_ALIAS_NAMES, S_ALIAS_CHILDREN };
	uint8_t from[KEY_LEN], to[KEY_LEN];
	struct tm_row row;
	int r = tm_table_row(t, oid, &row);

	if (r == 0)
		r = tm_table_meta_set(t, TM_META_ALIAS, t->meta[TM_META_ALIAS] + 1);
	if (r < 0)
		return r;
	row.oid = TM_OID_ALIAS(t->meta[TM_META_ALIAS]);
	key_of(oid, from);
	key_of(row.oid, to);
	bind_key(t->st[S_ALIAS_ROW], 1, from);
	bind_key(t->st[S_ALIAS_ROW], 2, to);
	r = row_write(t, t->st[S_ALIAS_ROW], 3, &row);
	for (size_t i = 0; i < TM_ARRAY_SIZE(moves) && r == 0; i++) {
		bind_key(t->st[moves[i]], 1, from);
		bind_key(t->st[moves[i]], 2, to);
		r = tb_run(t->st[moves[i]]);
	}
	return r;
}

int tm_table_alias(struct tm_table *t, struct tm_oid oid)
{
	int r = tm_table_begin(t);

	if (r == 0)
		r = alias_txn(t, oid);
	if (r == 0)
		r = tm_table_commit(t);
	if (r < 0)
		tm_table_rollback(t);
	return r;
}

int tm_table_clear(struct tm_table *t)
{
	t->meta[TM_META_COUNT] = 0;
	return tb_error(
		sqlite3_exec(t->db, "DELETE FROM names; DELETE FROM objects;", NULL, NULL, NULL));
}

static int view_object(void *ctx, struct tm_oid oid, struct tm_row *ret)
{
	return tm_table_row(ctx, oid, ret);
}

static int view_name(void *ctx, struct tm_oid dir, const char *name, uint32_t len,
		     struct tm_oid *ret)
{
	return tm_table_name(ctx, (struct tm_place){ dir, name, len }, ret);
}

static int view_names_of(void *ctx, struct tm_oid oid, tm_view_fn fn, void *arg)
{
	struct tm_table *t = ctx;

	return walk(t->st[S_NAMES_OF], oid, fn, arg);
}

static int view_children(void *ctx, struct tm_oid dir, tm_view_fn fn, void *arg)
{
	struct tm_table *t = ctx;

	return walk(t->st[S_CHILDREN], dir, fn, arg);
}

const struct tm_view tb_view = { view_object, view_name, view_names_of, view_children, NULL };

const struct tm_view *tm_table_view(struct tm_table *t)
{
	return &t->view;
}
