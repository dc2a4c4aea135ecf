// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/store_sqlite.c - opening the SQLite store, its small helpers, and the meta table.
 */
#include "policy/store_sqlite.h"
#include "lib/text.h"

#include <sys/stat.h>

int tm_sql_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW: return 0;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EUCLEAN;
	case SQLITE_CONSTRAINT: return -EEXIST;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM: return -EACCES;
	default: return -EIO;
	}
}

int tm_sql_exec(sqlite3 *db, const char *sql)
{
	return tm_sql_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int tm_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	return tm_sql_errno(sqlite3_prepare_v2(db, sql, -1, ret, NULL));
}

int tm_sql_done(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	return rc == SQLITE_DONE ? 0 : rc == SQLITE_ROW ? -EIO : tm_sql_errno(rc);
}

void tm_sql_str(sqlite3_stmt *st, int col, char *dst, size_t cap)
{
	const void *p = sqlite3_column_blob(st, col);
	size_t n = (size_t)sqlite3_column_bytes(st, col);

	n = p ? TM_MIN(n, cap - 1) : 0;
	if (n)
		memcpy(dst, p, n);
	dst[n] = 0;
}

void tm_sql_blob(sqlite3_stmt *st, int col, void *dst, size_t n)
{
	const void *p = sqlite3_column_blob(st, col);

	if (p && (size_t)sqlite3_column_bytes(st, col) == n)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

static int sqlite_meta_get(struct tm_store *s, const char *key, char *ret, size_t cap)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s), "SELECT value FROM meta WHERE key=?1", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW)
		return tm_sql_errno(rc);
	if ((size_t)sqlite3_column_bytes(st, 0) >= cap)
		return -ENOSPC;
	tm_sql_str(st, 0, ret, cap);
	return 0;
}

static int sqlite_meta_put(struct tm_store *s, const char *key, const char *value)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(tm_store_db(s), "INSERT OR REPLACE INTO meta VALUES (?1, ?2)", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	return tm_sql_done(st);
}

static void sqlite_close(struct tm_store *s)
{
	struct tm_store_sqlite *q = (struct tm_store_sqlite *)s;

	sqlite3_close_v2(q->db);
	free(q);
}

static const struct tm_store_ops sqlite_ops = {
	.close = sqlite_close,
	.policy_put = tm_store_policy_put,
	.policy_del = tm_store_policy_del,
	.policy_each = tm_store_policy_each,
	.grave_find = tm_store_grave_find,
	.run_put = tm_store_run_put,
	.run_each = tm_store_run_each,
	.peer_put = tm_store_peer_put,
	.peer_each = tm_store_peer_each,
	.audit_add = tm_store_audit_add,
	.audit_each = tm_store_audit_each,
	.account_put = tm_store_account_put,
	.account_get = tm_store_account_get,
	.account_del = tm_store_account_del,
	.account_each = tm_store_account_each,
	.meta_get = sqlite_meta_get,
	.meta_put = sqlite_meta_put,
};

static int explain(int r, const char *path, sqlite3 *db, char **ret_why)
{
	if (!ret_why)
		return r;
	if (r == -EPROTONOSUPPORT)
		*ret_why = tm_asprintf("%s was written by a newer version of tidemark", path);
	else
		*ret_why = tm_asprintf("%s: %s", path, db ? sqlite3_errmsg(db) : strerror(-r));
	return r;
}

int tm_store_sqlite_open(const char *path, struct tm_store **ret_s, char **ret_why)
{
	struct tm_store_sqlite *q = calloc(1, sizeof(*q));
	mode_t old;
	int r;

	if (!q)
		return -ENOMEM;
	q->s.ops = &sqlite_ops;
	/* The file holds the pairing secrets: never readable by others, not even for a moment. */
	old = umask(0077);
	r = tm_sql_errno(sqlite3_open_v2(
		path, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
		NULL));
	if (r == 0) {
		sqlite3_extended_result_codes(q->db, 1);
		sqlite3_busy_timeout(q->db, 2000);
		r = tm_sql_exec(q->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				       "PRAGMA trusted_schema=OFF;");
	}
	if (r == 0)
		r = tm_store_migrate(q->db);
	umask(old);
	if (r < 0) {
		explain(r, path, q->db, ret_why);
		sqlite_close(&q->s);
		return r;
	}
	*ret_s = &q->s;
	return 0;
}
