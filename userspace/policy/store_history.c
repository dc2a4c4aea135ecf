// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/store_history.c - runs, peers and the audit log: bounded tables of what happened.
 */
#include "policy/store_sqlite.h"

#include <stdio.h>

/* Keep the newest rows of one policy only. */
static int runs_prune(sqlite3 *db, const uint8_t *id)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int r = tm_sql_prepare(
		db,
		"DELETE FROM runs WHERE id=?1 AND run <="
		" (SELECT run FROM runs WHERE id=?1 ORDER BY run DESC LIMIT 1 OFFSET ?2)",
		&st);

	if (r < 0)
		return r;
	sqlite3_bind_blob(st, 1, id, TM_REC_ID_LEN, SQLITE_STATIC);
	sqlite3_bind_int(st, 2, TM_STORE_RUNS_MAX);
	return tm_sql_done(st);
}

int tm_store_run_put(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], struct tm_run_rec *r)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	sqlite3 *db = tm_store_db(s);
	const uint64_t counts[] = { r->batches,	      r->files,	     r->deleted,   r->renamed,
				    r->payload_bytes, r->wire_bytes, r->read_bytes,
				    r->verified_files, r->verified_bytes, r->mismatched };
	bool fresh = r->id == 0;
	int ret = tm_sql_prepare(
		db, "REPLACE INTO runs VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,"
		"?15,?16,?17)",
		&st);

	if (ret < 0)
		return ret;
	if (!fresh)
		sqlite3_bind_int64(st, 1, r->id);
	sqlite3_bind_blob(st, 2, id, TM_REC_ID_LEN, SQLITE_STATIC);
	sqlite3_bind_int(st, 3, (int)r->kind);
	sqlite3_bind_int(st, 4, (int)r->result);
	sqlite3_bind_int64(st, 5, r->started_ns);
	sqlite3_bind_int64(st, 6, r->finished_ns);
	sqlite3_bind_blob(st, 7, r->error, (int)strlen(r->error), SQLITE_STATIC);
	for (unsigned int i = 0; i < TM_ARRAY_SIZE(counts); i++)
		sqlite3_bind_int64(st, 8 + (int)i, (sqlite3_int64)counts[i]);
	ret = tm_sql_done(st);
	if (ret < 0 || !fresh)
		return ret;
	r->id = sqlite3_last_insert_rowid(db);
	return runs_prune(db, id);
}

int tm_store_run_each(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], unsigned int limit,
		      int64_t before, int (*fn)(const struct tm_run_rec *r, void *arg), void *arg)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s),
				   "SELECT * FROM runs WHERE id=?1 AND (?3 = 0 OR run < ?3)"
				   " ORDER BY run DESC LIMIT ?2",
				   &st);

	if (r < 0)
		return r;
	sqlite3_bind_blob(st, 1, id, TM_REC_ID_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, limit);
	sqlite3_bind_int64(st, 3, before);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct tm_run_rec rec = {
			.id = sqlite3_column_int64(st, 0),
			.kind = (enum tm_run_kind)sqlite3_column_int(st, 2),
			.result = (enum tm_run_result)sqlite3_column_int(st, 3),
			.started_ns = sqlite3_column_int64(st, 4),
			.finished_ns = sqlite3_column_int64(st, 5),
			.batches = (uint64_t)sqlite3_column_int64(st, 7),
			.files = (uint64_t)sqlite3_column_int64(st, 8),
			.deleted = (uint64_t)sqlite3_column_int64(st, 9),
			.renamed = (uint64_t)sqlite3_column_int64(st, 10),
			.payload_bytes = (uint64_t)sqlite3_column_int64(st, 11),
			.wire_bytes = (uint64_t)sqlite3_column_int64(st, 12),
			.read_bytes = (uint64_t)sqlite3_column_int64(st, 13),
			.verified_files = (uint64_t)sqlite3_column_int64(st, 14),
			.verified_bytes = (uint64_t)sqlite3_column_int64(st, 15),
			.mismatched = (uint64_t)sqlite3_column_int64(st, 16),
		};

		tm_sql_str(st, 6, rec.error, sizeof(rec.error));
		r = fn(&rec, arg);
		if (r)
			return r;
	}
	return tm_sql_errno(rc);
}

int tm_store_peer_put(struct tm_store *s, const struct tm_peer_rec *p)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	char prune[160];
	int r = tm_sql_prepare(
		tm_store_db(s),
		"INSERT INTO peers VALUES (?1,?2,?3,?4,?5) ON CONFLICT (key) DO UPDATE SET"
		" cluster=CASE ?2 WHEN '' THEN cluster ELSE ?2 END,"
		" address=CASE ?3 WHEN '' THEN address ELSE ?3 END, last_ns=?5",
		&st);

	if (r < 0)
		return r;
	sqlite3_bind_blob(st, 1, p->key, sizeof(p->key), SQLITE_STATIC);
	sqlite3_bind_text(st, 2, p->cluster, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, p->address, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, p->first_ns);
	sqlite3_bind_int64(st, 5, p->last_ns);
	r = tm_sql_done(st);
	if (r < 0)
		return r;
	/* Strangers with fresh keys must not grow this table for ever. */
	snprintf(prune, sizeof(prune),
		 "DELETE FROM peers WHERE key IN (SELECT key FROM peers ORDER BY last_ns DESC"
		 " LIMIT -1 OFFSET %d)",
		 TM_STORE_PEERS_MAX);
	return tm_sql_exec(tm_store_db(s), prune);
}

int tm_store_peer_each(struct tm_store *s, int (*fn)(const struct tm_peer_rec *p, void *arg),
		       void *arg)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s), "SELECT * FROM peers ORDER BY first_ns, key",
				   &st);

	if (r < 0)
		return r;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct tm_peer_rec p = {
			.first_ns = sqlite3_column_int64(st, 3),
			.last_ns = sqlite3_column_int64(st, 4),
		};

		tm_sql_blob(st, 0, p.key, sizeof(p.key));
		tm_sql_str(st, 1, p.cluster, sizeof(p.cluster));
		tm_sql_str(st, 2, p.address, sizeof(p.address));
		r = fn(&p, arg);
		if (r)
			return r;
	}
	return tm_sql_errno(rc);
}

int tm_store_audit_add(struct tm_store *s, struct tm_audit_rec *a)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	char prune[128];
	int r = tm_sql_prepare(tm_store_db(s),
			       "INSERT INTO audit (time_ns, who, action, id, name, detail)"
			       " VALUES (?1,?2,?3,?4,?5,?6)",
			       &st);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, a->time_ns);
	sqlite3_bind_text(st, 2, a->who, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, a->action, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 4, a->id, sizeof(a->id), SQLITE_STATIC);
	sqlite3_bind_text(st, 5, a->name, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 6, a->detail, (int)strlen(a->detail), SQLITE_STATIC);
	r = tm_sql_done(st);
	if (r < 0)
		return r;
	a->seq = sqlite3_last_insert_rowid(tm_store_db(s));
	snprintf(prune, sizeof(prune), "DELETE FROM audit WHERE seq <= %lld",
		 (long long)a->seq - TM_STORE_AUDIT_MAX);
	return tm_sql_exec(tm_store_db(s), prune);
}

int tm_store_audit_each(struct tm_store *s, unsigned int limit, int64_t before,
			int (*fn)(const struct tm_audit_rec *a, void *arg), void *arg)
{
	_cleanup_(tm_sql_finalizep) sqlite3_stmt *st = NULL;
	int rc, r = tm_sql_prepare(tm_store_db(s),
				   "SELECT time_ns, who, action, id, name, detail, seq FROM audit"
				   " WHERE ?2 = 0 OR seq < ?2 ORDER BY seq DESC LIMIT ?1",
				   &st);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, limit);
	sqlite3_bind_int64(st, 2, before);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct tm_audit_rec a = { .time_ns = sqlite3_column_int64(st, 0),
					  .seq = sqlite3_column_int64(st, 6) };

		tm_sql_str(st, 1, a.who, sizeof(a.who));
		tm_sql_str(st, 2, a.action, sizeof(a.action));
		tm_sql_blob(st, 3, a.id, sizeof(a.id));
		tm_sql_str(st, 4, a.name, sizeof(a.name));
		tm_sql_str(st, 5, a.detail, sizeof(a.detail));
		r = fn(&a, arg);
		if (r)
			return r;
	}
	return tm_sql_errno(rc);
}
