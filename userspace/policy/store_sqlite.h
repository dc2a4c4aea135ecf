/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/store_sqlite.h - shared by the files of the SQLite store; nobody else includes it.
 */
#ifndef TM_POLICY_STORE_SQLITE_H
#define TM_POLICY_STORE_SQLITE_H

#include "policy/store.h"

#include <sqlite3.h>

struct tm_store_sqlite {
	struct tm_store s;
	sqlite3 *db;
};

static inline sqlite3 *tm_store_db(struct tm_store *s)
{
	return ((struct tm_store_sqlite *)s)->db;
}

/* SQLite's result as negative errno. */
int tm_sql_errno(int rc);
/* Run one statement list without parameters. */
int tm_sql_exec(sqlite3 *db, const char *sql);
/* Prepare; finalised by _cleanup_(tm_sql_finalizep). */
int tm_sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret);
/* Step a statement that returns no rows. */
int tm_sql_done(sqlite3_stmt *st);
/* Copy a text or blob column as a string (cut at @cap - 1). */
void tm_sql_str(sqlite3_stmt *st, int col, char *dst, size_t cap);
/* Copy a blob column of exactly @n bytes; zeros otherwise. */
void tm_sql_blob(sqlite3_stmt *st, int col, void *dst, size_t n);

static inline void tm_sql_finalizep(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
}

/* Schema steps; store_schema.c. */
int tm_store_migrate(sqlite3 *db);

/* store_policies.c */
int tm_store_policy_put(struct tm_store *s, const struct tm_policy_rec *p);
int tm_store_policy_del(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], bool grave);
int tm_store_policy_each(struct tm_store *s, int (*fn)(const struct tm_policy_rec *p, void *arg),
			 void *arg);
int tm_store_grave_find(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN],
			const uint8_t key[TM_REC_KEY_LEN]);

/* store_history.c */
int tm_store_run_put(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], struct tm_run_rec *r);
int tm_store_run_each(struct tm_store *s, const uint8_t id[TM_REC_ID_LEN], unsigned int limit,
		      int64_t before, int (*fn)(const struct tm_run_rec *r, void *arg), void *arg);
int tm_store_peer_put(struct tm_store *s, const struct tm_peer_rec *p);
int tm_store_peer_each(struct tm_store *s, int (*fn)(const struct tm_peer_rec *p, void *arg),
		       void *arg);
int tm_store_audit_add(struct tm_store *s, struct tm_audit_rec *a);
int tm_store_audit_each(struct tm_store *s, unsigned int limit, int64_t before,
			int (*fn)(const struct tm_audit_rec *a, void *arg), void *arg);

/* store_accounts.c */
int tm_store_account_put(struct tm_store *s, const struct tm_account_rec *a);
int tm_store_account_get(struct tm_store *s, const char *name, struct tm_account_rec *ret);
int tm_store_account_del(struct tm_store *s, const char *name);
int tm_store_account_each(struct tm_store *s,
			  int (*fn)(const struct tm_account_rec *a, void *arg), void *arg);

#endif
