/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/table.h - the identity table: which object of the source is where on the target (SQLite).
 *
 * Lives in the target's reserved directory. Everything a batch changes is one transaction,
 * committed only after the file system was synced; until then the log can repeat it. Errors:
 * -EUCLEAN (the database is damaged), -ENOSPC, -EROFS, -EIO, -ENOMEM, -errno. One user, not
 * thread-safe, may block on the disk.
 */
#ifndef TM_TARGET_TABLE_H
#define TM_TARGET_TABLE_H

#include "target/row.h"

struct tm_table;

enum tm_meta {
	TM_META_APPLIED = 1, /* last batch whose effects the table holds */
	TM_META_FENCE = 2,   /* highest fencing epoch seen */
	TM_META_BARRIER = 3, /* batch up to which the source's disk has what it sent */
	TM_META_ROOT_INO = 4,
	TM_META_ROOT_GEN = 5,
	TM_META_ROOT_SUBVOL = 6,
	TM_META_COMPLETE = 7, /* 1: a change set was finished since the table was new */
	TM_META_ALIAS = 8,    /* last alias number */
	TM_META_COUNT = 9,    /* objects */
	TM_META_MAX,
};

/* @path of the database; created if it is missing. */
int tm_table_open(const char *path, struct tm_table **ret);
void tm_table_close(struct tm_table *t); /* accepts NULL; an open transaction is rolled back */
static inline void tm_table_closep(struct tm_table **t)
{
	tm_table_close(*t);
}

const struct tm_view *tm_table_view(struct tm_table *t);

int tm_table_begin(struct tm_table *t);
int tm_table_commit(struct tm_table *t);    /* durable when it returns 0 */
void tm_table_rollback(struct tm_table *t); /* nothing when there is no transaction */

/* Kept in memory; written with the transaction that is open. */
uint64_t tm_table_meta(const struct tm_table *t, enum tm_meta key);
int tm_table_meta_set(struct tm_table *t, enum tm_meta key, uint64_t value);

int tm_table_row(struct tm_table *t, struct tm_oid oid, struct tm_row *ret); /* -ENOENT */
int tm_table_row_put(struct tm_table *t, const struct tm_row *row);
int tm_table_name(struct tm_table *t, struct tm_place at, struct tm_oid *ret); /* -ENOENT */
int tm_table_name_put(struct tm_table *t, struct tm_place at, struct tm_oid oid);
/* Some place of @oid; @name has room for TM_NAME_LEN_MAX + 1 bytes and backs ret->name. -ENOENT. */
int tm_table_place(struct tm_table *t, struct tm_oid oid, char *name, struct tm_place *ret);
/* A name goes, and nothing else. */
int tm_table_name_del(struct tm_table *t, struct tm_place at);
/* A name goes; if it was the last one of its object, the object and everything below it too. */
int tm_table_drop(struct tm_table *t, struct tm_place at);
/* The row of an object that has no name goes. */
int tm_table_forget(struct tm_table *t, struct tm_oid oid);
/* Everything about @oid is about a new alias from now on (its own short transaction). */
int tm_table_alias(struct tm_table *t, struct tm_oid oid);
/* Forget all objects and names (in the open transaction). */
int tm_table_clear(struct tm_table *t);

#endif
