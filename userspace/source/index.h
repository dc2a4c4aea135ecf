/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/index.h - where every directory below the root is. Pure.
 *
 * A tree of directories (never of files), found by identity or by (parent, name). It
 * is a memory of what was last seen, not the truth: whoever opens a
 * directory by it checks the identity afterwards (lookup.h).
 *
 * A directory that left its place is kept in limbo with all that is below it: when it turns up
 * elsewhere in the same change set it was a rename, and nothing below needs a look. What
 * nobody claimed until the end of the set is purged. Nodes stay where they are in memory until
 * purged, so pointers are good for one change set.
 */
#ifndef TM_SOURCE_INDEX_H
#define TM_SOURCE_INDEX_H

#include "lib/buf.h"
#include "lib/oid.h"

/* How a directory waits to be listed (walk.h). */
enum src_want {
	SRC_WANT_NOTHING = 0,
	SRC_WANT_ONE,		/* its entries; subdirectories only where they are new */
	SRC_WANT_TREE,		/* all below: a reconcile */
};

struct src_dir {
	struct tm_oid oid;
	struct src_dir *parent;		/* NULL: the root, or limbo itself */
	struct src_dir *child;		/* first one */
	struct src_dir *next, *prev;	/* siblings */
	struct src_dir *oid_chain, *name_chain;
	struct src_dir *queue_next;	/* walk.h */
	char *name;			/* owned, NUL-terminated; "" for the root */
	uint8_t name_len;
	uint8_t want;			/* enum src_want, while queued */
	bool queued;
	bool fresh;		/* in no acknowledged set yet: it is listed whenever it is seen */
	bool owed;		/* to be listed once it has a place, because records of it were dropped */
	bool hidden;			/* reserved, with all below it: never replicated */
	uint32_t seen;			/* mark of the listing that saw it last */
	uint32_t listed;		/* serial of the batch that listed it last */
};

struct src_index {
	struct src_dir **by_oid;
	struct src_dir **by_name;
	size_t cap;			/* of both tables, a power of two */
	size_t n;
	struct src_dir *root;
	struct src_dir limbo;		/* parent of what left its place */
};

/* Returns 0 or -ENOMEM. */
int src_index_init(struct src_index *ix, struct tm_oid root);
void src_index_free(struct src_index *ix);		/* accepts a zeroed one */

struct src_dir *src_index_get(const struct src_index *ix, struct tm_oid oid);
struct src_dir *src_index_child(const struct src_index *ix, const struct src_dir *parent,
				const char *name, size_t len);

/*
 * Put @oid at (parent, name): added, or moved there with all that is below it. Whatever the index had
 * at that place goes to limbo. Returns the node, *@ret_new says if it was unknown; NULL: no memory.
 */
struct src_dir *src_index_place(struct src_index *ix, struct src_dir *parent, const char *name,
				size_t len, struct tm_oid oid, bool *ret_new);

/* It is not at its place any more. */
void src_index_detach(struct src_index *ix, struct src_dir *d);
bool src_index_detached(const struct src_index *ix, const struct src_dir *d);
/* Forget what is in limbo. */
void src_index_purge(struct src_index *ix);

/* Its path below the root, no leading slash, NUL-terminated ("" for the root), into @b (reset first). */
int src_index_path(const struct src_dir *d, struct tm_buf *b);
unsigned int src_index_depth(const struct src_dir *d);

#endif
