// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/store_schema.c - the tables, as steps from one user_version to the next.
 *
 * A step is never edited once released: a new one is appended. Paths and texts are BLOBs because
 * they are bytes.
 */
#include "policy/store_sqlite.h"

#include <stdio.h>

static const char *const steps[] = {
	/* 0 -> 1 */
	"CREATE TABLE policies ("
	" id BLOB PRIMARY KEY, name TEXT NOT NULL, role INTEGER NOT NULL, auth INTEGER NOT NULL,"
	" continuous INTEGER NOT NULL, enabled INTEGER NOT NULL,"
	" source_dir BLOB NOT NULL, target_dir BLOB NOT NULL,"
	" peer_cluster TEXT NOT NULL, address TEXT NOT NULL, port INTEGER NOT NULL,"
	" peer_key BLOB NOT NULL,"
	" secret BLOB NOT NULL, est_files INTEGER NOT NULL, est_bytes INTEGER NOT NULL,"
	" created_ns INTEGER NOT NULL,"
	" root_dev INTEGER NOT NULL, root_ino INTEGER NOT NULL,"
	" root_key INTEGER NOT NULL, slot INTEGER NOT NULL,"
	" uid_index INTEGER NOT NULL, allow_devices INTEGER NOT NULL, allow_suid INTEGER NOT NULL,"
	" fence INTEGER NOT NULL, journal_token BLOB NOT NULL, hold INTEGER NOT NULL,"
	" hold_text BLOB NOT NULL,"
	" last_error BLOB NOT NULL, status_ns INTEGER NOT NULL, recovery_ns INTEGER NOT NULL,"
	" finished_ns INTEGER NOT NULL, first_done INTEGER NOT NULL, run_wanted INTEGER NOT NULL,"
	" run_confirmed INTEGER NOT NULL, incomplete_ns INTEGER NOT NULL,"
	" incomplete_reason TEXT NOT NULL,"
	" incomplete_scope BLOB NOT NULL, heal_suspect INTEGER NOT NULL, t_batches INTEGER NOT NULL,"
	" t_rescans INTEGER NOT NULL, t_files INTEGER NOT NULL,"
	" t_payload INTEGER NOT NULL, t_wire INTEGER NOT NULL,"
	" t_read INTEGER NOT NULL, t_sendfile INTEGER NOT NULL, t_ktls INTEGER NOT NULL,"
	" t_copy INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE runs ("
	" run INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL,"
	" kind INTEGER NOT NULL, result INTEGER NOT NULL, started_ns INTEGER NOT NULL,"
	" finished_ns INTEGER NOT NULL,"
	" error BLOB NOT NULL, batches INTEGER NOT NULL, files INTEGER NOT NULL,"
	" deleted INTEGER NOT NULL,"
	" renamed INTEGER NOT NULL, payload INTEGER NOT NULL, wire INTEGER NOT NULL,"
	" read INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX runs_by_policy ON runs(id, run);"
	"CREATE TABLE peers ("
	" key BLOB PRIMARY KEY, cluster TEXT NOT NULL, address TEXT NOT NULL, first_ns INTEGER NOT NULL,"
	" last_ns INTEGER NOT NULL) STRICT;"
	"CREATE TABLE audit ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL,"
	" who TEXT NOT NULL, action TEXT NOT NULL,"
	" id BLOB NOT NULL, name TEXT NOT NULL, detail BLOB NOT NULL) STRICT;"
	"CREATE TABLE graves ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, key BLOB NOT NULL) STRICT;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
	/* 1 -> 2: who may log in to the page */
	"CREATE TABLE accounts ("
	" name TEXT PRIMARY KEY, role INTEGER NOT NULL, disabled INTEGER NOT NULL,"
	" verifier TEXT NOT NULL, created_ns INTEGER NOT NULL, last_login_ns INTEGER NOT NULL) STRICT;",
	/* 2 -> 3: what a comparison of contents counted */
	"ALTER TABLE runs ADD COLUMN verified_files INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE runs ADD COLUMN verified_bytes INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE runs ADD COLUMN mismatched INTEGER NOT NULL DEFAULT 0;",
};

static int version_get(sqlite3 *db, int *ret)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(db, "PRAGMA user_version", &st);

	if (r < 0)
		return r;
	if (sqlite3_step(st) != SQLITE_ROW)
		return tm_sql_errno(sqlite3_errcode(db));
	*ret = sqlite3_column_int(st, 0);
	return 0;
}

int tm_store_migrate(sqlite3 *db)
{
	int have = 0, r;

	r = version_get(db, &have);
	if (r < 0)
		return r;
	if (have < 0 || have > (int)TM_ARRAY_SIZE(steps))
		return -EPROTONOSUPPORT;
	for (; have < (int)TM_ARRAY_SIZE(steps); have++) {
		char pragma[64];

		snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d; COMMIT", have + 1);
		r = tm_sql_exec(db, "BEGIN IMMEDIATE");
		if (r == 0)
			r = tm_sql_exec(db, steps[have]);
		if (r == 0)
			r = tm_sql_exec(db, pragma);
		if (r < 0) {
			if (!sqlite3_get_autocommit(db))
				(void)tm_sql_exec(db, "ROLLBACK");
			return r;
		}
	}
	return 0;
}
