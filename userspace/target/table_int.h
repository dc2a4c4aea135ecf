/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/table_int.h - the database behind the identity table; between table.c and table_db.c only.
 */
#ifndef TM_TARGET_TABLE_INT_H
#define TM_TARGET_TABLE_INT_H

#include <sqlite3.h>

#include "target/table.h"

enum tb_stmt {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_META_PUT,
	S_ROW_GET,
	S_ROW_PUT,
	S_ROW_DEL,
	S_NAME_GET,
	S_NAME_PUT,
	S_NAME_DEL,
	S_NAMES_OF,
	S_CHILDREN,
	S_CHILD_ONE,
	S_NAME_ANY,
	S_ALIAS_ROW,
	S_ALIAS_NAMES,
	S_ALIAS_CHILDREN,
	S_MAX,
};

struct tm_table {
	sqlite3 *db;
	sqlite3_stmt *st[S_MAX];
	uint64_t meta[TM_META_MAX];
	uint64_t meta_saved[TM_META_MAX]; /* as committed */
	bool in_txn;
	struct tm_buf row;
	struct tm_view view;
};

int tb_error(int rc);	      /* of SQLite, as negative errno */
int tb_run(sqlite3_stmt *st); /* one that yields nothing */
/* 0: a row is there (reset the statement when done); -ENOENT. */
int tb_first(sqlite3_stmt *st);
extern const struct tm_view tb_view; /* without its ctx */

#endif
