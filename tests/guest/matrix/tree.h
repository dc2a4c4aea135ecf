/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/tree.h - a directory tree in memory: the truth as it is, and the replica made from
 * marks.
 *
 * Contents are held whole, so rows keep their files small. Directories of other mounts are not entered.
 */
#ifndef TM_TESTS_MATRIX_TREE_H
#define TM_TESTS_MATRIX_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/map.h"
#include "lib/oid.h"

struct obj {
	struct tm_oid oid;
	uint32_t mode, uid, gid, flags, project;
	uint64_t rdev, xattrs;		/* xattrs: a hash over names and values */
	int64_t mtime_ns;
	char *data;			/* of a file, or a link's target */
	uint64_t size;
	bool reached;
};

struct ent {
	struct tm_oid dir, obj;
	char name[256];
};

struct tree {
	struct tm_oid top;
	struct tm_map *objs;		/* tm_oid -> struct obj */
	struct tm_map *ents;		/* tm_oid + name -> struct ent */
};

/*
 * Read everything below @dirfd. @clean(oid): before the file is read, its mappings are to be cleaned
 * (sync_file_range with all three flags), may be NULL. Returns 0 or -errno.
 */
int tree_load(struct tree *t, int dirfd, bool (*clean)(struct tm_oid oid));
void tree_free(struct tree *t);

struct obj *tree_obj(const struct tree *t, struct tm_oid oid);
struct ent *tree_ent(const struct tree *t, struct tm_oid dir, const char *name);

/* ---- making @r equal to @now where a mark says so. All return 0 or -ENOMEM. */

/* Size and attributes of @oid, and its bytes of [start, end); nothing if either side lacks it. */
int tree_copy_range(struct tree *r, const struct tree *now, struct tm_oid oid, uint64_t start, uint64_t end);
int tree_copy_attrs(struct tree *r, const struct tree *now, struct tm_oid oid);
/* What @name in @dir means; objects that @r does not know come whole, with all below them. */
int tree_copy_name(struct tree *r, const struct tree *now, struct tm_oid dir, const char *name);
int tree_copy_dir(struct tree *r, const struct tree *now, struct tm_oid dir);
int tree_copy_subtree(struct tree *r, const struct tree *now, struct tm_oid dir);
/* Forget what no name leads to any more. */
void tree_prune(struct tree *r);

/* Print the differences, at most some, each line after @prefix (NULL: only count). Returns how many. */
unsigned int tree_diff(const struct tree *r, const struct tree *now, const char *prefix);

#endif
