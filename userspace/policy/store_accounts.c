// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/store_accounts.c - who may log in to the page.
 */
#include "policy/store_sqlite.h"

static int account_count(sqlite3 *db, const char *but, int64_t *ret)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(db, "SELECT count(*) FROM accounts WHERE name <> ?1", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, but, -1, SQLITE_STATIC);
	if (sqlite3_step(st) != SQLITE_ROW)
		return tm_sql_errno(sqlite3_errcode(db));
	*ret = sqlite3_column_int64(st, 0);
	return 0;
}

int tm_store_account_put(struct tm_store *s, const struct tm_account_rec *a)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int64_t others = 0;
	int r = account_count(tm_store_db(s), a->name, &others);

	if (r < 0)
		return r;
	if (others >= TM_STORE_ACCOUNTS_MAX)
		return -ENOSPC;
	r = tm_sql_prepare(tm_store_db(s), "REPLACE INTO accounts VALUES (?1,?2,?3,?4,?5,?6)", &st);
	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, a->name, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 2, (int)a->role);
	sqlite3_bind_int(st, 3, a->disabled);
	sqlite3_bind_text(st, 4, a->verifier, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, a->created_ns);
	sqlite3_bind_int64(st, 6, a->last_login_ns);
	return tm_sql_done(st);
}

static void account_from_row(sqlite3_stmt *st, struct tm_account_rec *a)
{
	*a = (struct tm_account_rec){
		.role = (enum tm_access)sqlite3_column_int(st, 1),
		.disabled = sqlite3_column_int(st, 2),
		.created_ns = sqlite3_column_int64(st, 4),
		.last_login_ns = sqlite3_column_int64(st, 5),
	};
	tm_sql_str(st, 0, a->name, sizeof(a->name));
	tm_sql_str(st, 3, a->verifier, sizeof(a->verifier));
}

int tm_store_account_get(struct tm_store *s, const char *name, struct tm_account_rec *ret)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s), "SELECT * FROM accounts WHERE name=?1", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE)
		return -ENOENT;
	if (rc != SQLITE_ROW)
		return tm_sql_errno(rc);
	account_from_row(st, ret);
	return 0;
}

int tm_store_account_del(struct tm_store *s, const char *name)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(tm_store_db(s), "DELETE FROM accounts WHERE name=?1", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	r = tm_sql_done(st);
	if (r < 0)
		return r;
	return sqlite3_changes(tm_store_db(s)) ? 0 : -ENOENT;
}

int tm_store_account_each(struct tm_store *s,
			  int (*fn)(const struct tm_account_rec *a, void *arg), void *arg)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s), "SELECT * FROM accounts ORDER BY name", &st);

	if (r < 0)
		return r;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct tm_account_rec a;

		account_from_row(st, &a);
		r = fn(&a, arg);
		if (r)
			return r;
	}
	return tm_sql_errno(rc);
}
