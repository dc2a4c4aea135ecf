/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/table_db.c - the database of the identity table: opening, transactions, numbers kept; see
 * table.h.
 *
 * WAL in exclusive locking mode: one fsync per commit and no shared memory file.
 */
#include "lib/fault.h"
#include "target/table_int.h"

#define SCHEMA_VERSION 1

static const char *const sql[S_MAX] = {
	[S_BEGIN] = "BEGIN IMMEDIATE",
	[S_COMMIT] = "COMMIT",
	[S_ROLLBACK] = "ROLLBACK",
	[S_META_PUT] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
	[S_ROW_GET] = "SELECT row FROM objects WHERE oid = ?1",
	[S_ROW_PUT] =
		("INSERT INTO objects(oid, row) VALUES(?1, ?2)"
		 " ON CONFLICT(oid) DO UPDATE SET row = excluded.row"),
	[S_ROW_DEL] = "DELETE FROM objects WHERE oid = ?1",
	[S_NAME_GET] = "SELECT oid FROM names WHERE dir = ?1 AND name = ?2",
	[S_NAME_PUT] = "INSERT OR REPLACE INTO names(dir, name, oid) VALUES(?1, ?2, ?3)",
	[S_NAME_DEL] = "DELETE FROM names WHERE dir = ?1 AND name = ?2",
	[S_NAMES_OF] = "SELECT dir, name, oid FROM names WHERE oid = ?1",
	[S_CHILDREN] = "SELECT dir, name, oid FROM names WHERE dir = ?1",
	[S_CHILD_ONE] = "SELECT dir, name, oid FROM names WHERE dir = ?1 LIMIT 1",
	[S_NAME_ANY] = "SELECT dir, name FROM names WHERE oid = ?1 LIMIT 1",
	[S_ALIAS_ROW] = "UPDATE objects SET oid = ?2, row = ?3 WHERE oid = ?1",
	[S_ALIAS_NAMES] = "UPDATE names SET oid = ?2 WHERE oid = ?1",
	[S_ALIAS_CHILDREN] = "UPDATE names SET dir = ?2 WHERE dir = ?1",
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta(key INTEGER PRIMARY KEY, value INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS objects(oid BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS names(dir BLOB NOT NULL, name BLOB NOT NULL, oid BLOB NOT NULL,"
	" PRIMARY KEY(dir, name)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS names_oid ON names(oid);"
	"PRAGMA user_version = 1;";

/* EXCLUSIVE before WAL: then no -shm file is ever made. */
static const char pragmas[] =
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	"PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8192; PRAGMA journal_size_limit = 67108864;"
	"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

int tb_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH: return -EUCLEAN;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	default: return -EIO;
	}
}

int tb_run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	return tb_error(rc);
}

/* 0: a row is there (reset the statement when done); -ENOENT. */
int tb_first(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 0;
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? -ENOENT : tb_error(rc);
}

uint64_t tm_table_meta(const struct tm_table *t, enum tm_meta key)
{
	return t->meta[key];
}

int tm_table_meta_set(struct tm_table *t, enum tm_meta key, uint64_t value)
{
	t->meta[key] = value;
	return 0;
}

int tm_table_begin(struct tm_table *t)
{
	int r = tb_run(t->st[S_BEGIN]);

	t->in_txn = r == 0;
	return r;
}

int tm_table_commit(struct tm_table *t)
{
	int r = 0;

	for (int k = 1; k < TM_META_MAX && r == 0; k++) {
		if (t->meta[k] == t->meta_saved[k])
			continue;
		sqlite3_bind_int(t->st[S_META_PUT], 1, k);
		sqlite3_bind_int64(t->st[S_META_PUT], 2, (sqlite3_int64)t->meta[k]);
		r = tb_run(t->st[S_META_PUT]);
	}
	if (r == 0)
		r = tb_run(t->st[S_COMMIT]);
	if (r == 0) {
		t->in_txn = false;
		memcpy(t->meta_saved, t->meta, sizeof(t->meta));
	}
	return r;
}

void tm_table_rollback(struct tm_table *t)
{
	if (!t->in_txn)
		return;
	tb_run(t->st[S_ROLLBACK]);
	t->in_txn = false;
	memcpy(t->meta, t->meta_saved, sizeof(t->meta));
}

static int load_meta(struct tm_table *t)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(t->db, "SELECT key, value FROM meta", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return tb_error(rc);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int k = sqlite3_column_int(st, 0);

		if (k > 0 && k < TM_META_MAX)
			t->meta[k] = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_finalize(st);
	memcpy(t->meta_saved, t->meta, sizeof(t->meta));
	return tb_error(rc);
}

static int version(struct tm_table *t, int *ret)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(t->db, "PRAGMA user_version", -1, &st, NULL);

	if (rc != SQLITE_OK)
		return tb_error(rc);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return tb_error(rc);
}

static int set_up(struct tm_table *t, const char *path)
{
	int v = 0, r;

	/*
	 * Others could only be local users of the target directory: it is ours alone (0700), and no
	 * symlink is followed.
	 */
	r = tb_error(sqlite3_open_v2(path, &t->db,
				     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					     SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
				     NULL));
	if (r == 0)
		r = tb_error(sqlite3_exec(t->db, pragmas, NULL, NULL, NULL));
	if (r == 0 && tm_fault("fsync-off"))
		r = tb_error(sqlite3_exec(t->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL));
	if (r == 0)
		r = version(t, &v);
	if (r == 0 && v != 0 && v != SCHEMA_VERSION)
		return -EUCLEAN;
	if (r == 0 && v == 0)
		r = tb_error(sqlite3_exec(t->db, schema, NULL, NULL, NULL));
	if (r == 0)
		r = load_meta(t);
	for (int i = 0; i < S_MAX && r == 0; i++) {
		r = tb_error(sqlite3_prepare_v3(t->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
						&t->st[i], NULL));
		/* A table or column that is not there: not our database. */
		if (r == -EIO && !t->st[i])
			r = -EUCLEAN;
	}
	return r;
}

int tm_table_open(const char *path, struct tm_table **ret)
{
	_cleanup_(tm_table_closep) struct tm_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	tm_buf_init(&t->row, 4096);
	t->view = tb_view;
	t->view.ctx = t;
	r = set_up(t, path);
	if (r < 0)
		return r;
	*ret = tm_take_ptr(t);
	return 0;
}

void tm_table_close(struct tm_table *t)
{
	if (!t)
		return;
	if (t->st[S_ROLLBACK])
		tm_table_rollback(t);
	for (int i = 0; i < S_MAX; i++)
		sqlite3_finalize(t->st[i]);
	sqlite3_close(t->db);
	tm_buf_free(&t->row);
	free(t);
}
