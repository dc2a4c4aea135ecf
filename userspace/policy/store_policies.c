// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/store_policies.c - the policies table: one list of columns for writing and reading.
 */
#include "policy/store_sqlite.h"

#include <stdio.h>

/* Column order of the table; X(kind, field). STR and BLOB are bytes, TEXT is ASCII or checked UTF-8. */
#define POLICY_COLUMNS(X)                                                                          \
	X(BLOB, id)                                                                                \
	X(TEXT, name)                                                                              \
	X(INT, role)                                                                               \
	X(INT, auth)                                                                               \
	X(INT, continuous)                                                                         \
	X(INT, enabled)                                                                            \
	X(STR, source_dir)                                                                         \
	X(STR, target_dir)                                                                         \
	X(TEXT, peer_cluster)                                                                      \
	X(TEXT, address)                                                                           \
	X(INT, port)                                                                               \
	X(BLOB, peer_key)                                                                          \
	X(BLOB, secret)                                                                            \
	X(INT, est_files)                                                                          \
	X(INT, est_bytes)                                                                          \
	X(INT, created_ns)                                                                         \
	X(INT, root_dev)                                                                           \
	X(INT, root_ino)                                                                           \
	X(INT, root_key)                                                                           \
	X(INT, slot)                                                                               \
	X(INT, uid_index)                                                                          \
	X(INT, allow_devices)                                                                      \
	X(INT, allow_suid)                                                                         \
	X(INT, fence)                                                                              \
	X(BLOB, journal_token)                                                                     \
	X(INT, hold)                                                                               \
	X(STR, hold_text)                                                                          \
	X(STR, last_error)                                                                         \
	X(INT, status_ns)                                                                          \
	X(INT, recovery_ns)                                                                        \
	X(INT, finished_ns)                                                                        \
	X(INT, first_done)                                                                         \
	X(INT, run_wanted)                                                                         \
	X(INT, run_confirmed)                                                                      \
	X(INT, incomplete_ns)                                                                      \
	X(TEXT, incomplete_reason)                                                                 \
	X(STR, incomplete_scope)                                                                   \
	X(INT, heal_suspect)                                                                       \
	X(INT, totals.batches)                                                                     \
	X(INT, totals.rescans)                                                                     \
	X(INT, totals.files)                                                                       \
	X(INT, totals.payload_bytes)                                                               \
	X(INT, totals.wire_bytes)                                                                  \
	X(INT, totals.read_bytes)                                                                  \
	X(INT, totals.sendfile_bytes)                                                              \
	X(INT, totals.ktls_bytes)                                                                  \
	X(INT, totals.copy_bytes)

#define POLICY_MARK(kind, field) ",?"

#define BIND_BLOB(f) sqlite3_bind_blob(st, i++, p->f, sizeof(p->f), SQLITE_STATIC)
#define BIND_STR(f)  sqlite3_bind_blob(st, i++, p->f, (int)strlen(p->f), SQLITE_STATIC)
#define BIND_TEXT(f) sqlite3_bind_text(st, i++, p->f, -1, SQLITE_STATIC)
#define BIND_INT(f)  sqlite3_bind_int64(st, i++, (sqlite3_int64)p->f)
#define POLICY_BIND(kind, field)                                                                   \
	do {                                                                                       \
		if (r == SQLITE_OK)                                                                \
			r = BIND_##kind(field);                                                    \
	} while (0);

#define GET_BLOB(f)		tm_sql_blob(st, i++, p->f, sizeof(p->f))
#define GET_STR(f)		tm_sql_str(st, i++, p->f, sizeof(p->f))
#define GET_TEXT(f)		tm_sql_str(st, i++, p->f, sizeof(p->f))
#define GET_INT(f)		p->f = (__typeof__(p->f))sqlite3_column_int64(st, i++)
#define POLICY_GET(kind, field) GET_##kind(field);

int tm_store_policy_put(struct tm_store *s, const struct tm_policy_rec *p)
{
	static const char marks[] = POLICY_COLUMNS(POLICY_MARK); /* begins with a comma */
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	char sql[64 + sizeof(marks)];
	int i = 1, r;

	snprintf(sql, sizeof(sql), "REPLACE INTO policies VALUES (%s)", marks + 1);
	r = tm_sql_prepare(tm_store_db(s), sql, &st);
	if (r < 0)
		return r;
	POLICY_COLUMNS(POLICY_BIND)
	if (r != SQLITE_OK)
		return tm_sql_errno(r);
	return tm_sql_done(st);
}

static void policy_from_row(sqlite3_stmt *st, struct tm_policy_rec *p)
{
	int i = 0;

	POLICY_COLUMNS(POLICY_GET)
}

int tm_store_policy_each(struct tm_store *s, int (*fn)(const struct tm_policy_rec *p, void *arg),
			 void *arg)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	_cleanup_free_ struct tm_policy_rec *p = calloc(1, sizeof(*p));
	int rc, r;

	if (!p)
		return -ENOMEM;
	r = tm_sql_prepare(tm_store_db(s), "SELECT * FROM policies ORDER BY created_ns, id", &st);
	if (r < 0)
		return r;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		policy_from_row(st, p);
		r = fn(p, arg);
		if (r)
			return r;
	}
	return tm_sql_errno(rc);
}

/* One statement whose only parameter is the id. */
static int exec_id(sqlite3 *db, const char *sql, const uint8_t *id)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(db, sql, &st);

	if (r < 0)
		return r;
	sqlite3_bind_blob(st, 1, id, TM_REC_ID_LEN, SQLITE_STATIC);
	return tm_sql_done(st);
}

int tm_store_policy_del(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], bool grave)
{
	sqlite3 *db = tm_store_db(s);
	char prune[128];
	int r;

	r = tm_sql_exec(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	if (grave)
		r = exec_id(
			db,
			"REPLACE INTO graves (id, key) SELECT id, peer_key FROM policies WHERE id=?1",
			id);
	if (r == 0)
		r = exec_id(db, "DELETE FROM policies WHERE id=?1", id);
	if (r == 0)
		r = exec_id(db, "DELETE FROM runs WHERE id=?1", id);
	snprintf(prune, sizeof(prune),
		 "DELETE FROM graves WHERE seq <= (SELECT max(seq) FROM graves) - %d",
		 TM_STORE_GRAVES_MAX);
	if (r == 0)
		r = tm_sql_exec(db, prune);
	if (r == 0)
		r = tm_sql_exec(db, "COMMIT");
	if (r < 0)
		(void)tm_sql_exec(db, "ROLLBACK");
	return r;
}

int tm_store_grave_find(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN],
			const uint8_t key[TM_REC_KEY_LEN])
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s), "SELECT 1 FROM graves WHERE id=?1 AND key=?2",
				   &st);

	if (r < 0)
		return r;
	sqlite3_bind_blob(st, 1, id, TM_REC_ID_LEN, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, key, TM_REC_KEY_LEN, SQLITE_STATIC);
	rc = sqlite3_step(st);
	return rc == SQLITE_ROW ? 1 : tm_sql_errno(rc);
}
