/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/change.h - one change record: where to look, never what is there.
 *
 * This is what capture produces, what is kept in the runtime directory until
 * the target acknowledged it, and what a source worker is handed. The kernel
 * record (bpf/tm_abi.h) and the wire records (wire/msg.h) are other things.
 *
 *   NAME     (dir, name): this directory entry may have changed; obj is the
 *            object seen there, if known (a hint)
 *   INODE    obj: content ranges, whole content or metadata may have changed;
 *            dir and name say where it was last seen (hints; name may be empty)
 *   DIR      dir: any of its entries may have changed: list it
 *   SUBTREE  dir: anything below it may have changed
 *   ALL      anything below the root may have changed
 */
#ifndef TM_CHANGES_CHANGE_H
#define TM_CHANGES_CHANGE_H

#include "changes/range.h"
#include "lib/buf.h"
#include "lib/oid.h"

#define TM_NAME_MAX 255

enum tm_change_kind {
	TM_CHANGE_NAME = 1,
	TM_CHANGE_INODE = 2,
	TM_CHANGE_DIR = 3,
	TM_CHANGE_SUBTREE = 4,
	TM_CHANGE_ALL = 5,
};

enum tm_change_flags {
	TM_CF_DATA = 1 << 0,	/* the ranges may have other bytes */
	TM_CF_WHOLE = 1 << 1,	/* any byte may differ: ranges are ignored */
	TM_CF_SIZE = 1 << 2,	/* truncated or extended: everything from the range start on */
	TM_CF_ATTR = 1 << 3,	/* mode, owner, times, xattrs, ACL */
	TM_CF_MMAP = 1 << 4,	/* dirtied through a mapping: clean the range before reading it */
	TM_CF_GONE = 1 << 5,	/* NAME: the entry was seen to disappear (hint) */
	TM_CF_LINKS = 1 << 7,	/* INODE: has several links, or had: the hint is one name of them */
	TM_CF_SUSPECT = 1 << 6,	/* ALL: after an unclean boot: the target may be ahead of this disk */
	TM_CF_COMPARE = 1 << 8,	/* ALL, SUBTREE, DIR: nothing changed, but compare contents */
};

/* Every flag there is: a record with another bit is refused. */
#define TM_CF_KNOWN ((1u << 9) - 1)

/* Ranges carried by one record; a longer set is sent as several records. */
#define TM_CHANGE_RANGES_MAX TM_RANGES_MAX

struct tm_change {
	enum tm_change_kind kind;
	uint32_t flags;			/* enum tm_change_flags */
	struct tm_oid dir;
	struct tm_oid obj;
	const char *name;		/* borrowed, not NUL-terminated */
	uint32_t name_len;		/* 0..TM_NAME_MAX */
	const struct tm_range *ranges;	/* borrowed */
	uint32_t n_ranges;
};

/*
 * Does the record make sense: a known kind and flags, a directory for NAME, DIR and SUBTREE, an
 * object for INODE, one plain component as name (needed by NAME, possible in INODE, absent
 * elsewhere), ranges (start < end, any order) only in INODE? Else put and set refuse it (-EINVAL).
 */
bool tm_change_ok(const struct tm_change *c);

/* Append one encoded record. Errors are in @b. */
void tm_change_put(struct tm_buf *b, const struct tm_change *c);

/*
 * Decode one record. @ranges is the caller's room for the ranges; ret->name points into the
 * reader's bytes. Returns 0; -EBADMSG on a malformed one (nothing of it is used).
 */
int tm_change_get(struct tm_rd *r, struct tm_change *ret, struct tm_range ranges[TM_CHANGE_RANGES_MAX]);

#endif
