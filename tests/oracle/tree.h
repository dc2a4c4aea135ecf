/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - reading a tree as it is: sorted listings, opens that never follow
 * a link and never block, the entries that are not part of a replica, and a
 * walk in a fixed order.
 *
 * Everything goes by descriptor and one name, so depth is bounded by
 * descriptors and not by PATH_MAX. Functions return 0 (or a descriptor) or
 * -errno; -ESTALE says that something changed while it was looked at.
 */
#ifndef ORACLE_TREE_H
#define ORACLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "util.h"

/* The names in one directory, in byte order. Free with oracle_names_done(). */
struct oracle_names {
	char **v;
	size_t n;
	char *bytes;		/* what v points into */
};

/* List the directory @dirfd (from its start). -ESTALE: a name came twice. */
int oracle_names_read(int dirfd, struct oracle_names *ret);
void oracle_names_done(struct oracle_names *names);

/* Open the root of a tree; following links in @path is right here only. */
int oracle_open_root(const char *path, struct stat *ret_st);

/* Open @name, which must still be the directory or file @st describes. */
int oracle_open_dir(int dirfd, const char *name, const struct stat *st);
int oracle_open_file(int dirfd, const char *name, const struct stat *st);

/* Has anything but access times changed between two looks at one inode? */
bool oracle_stat_moved(const struct stat *a, const struct stat *b);

/*
 * Is @name, found directly in the root @rootfd, no part of a replica? True
 * for .tidemark when it is a directory of user 0 with mode 0700, and for
 * lost+found in the root directory of a file system.
 */
bool oracle_reserved(int rootfd, const char *name, const struct stat *st);

/* One entry of a walk. All pointers are good during the call only. */
struct oracle_entry {
	int dirfd;		/* the parent; for the root itself its own fd */
	const char *name;	/* "" for the root itself */
	const char *path;	/* relative to the root, "." for the root */
	struct stat st;
};

#define ORACLE_WALK_RESERVED	1	/* do not leave out reserved entries */

/* Called for each entry, a directory before what is in it; not 0 ends the walk. */
typedef int (*oracle_visit_fn)(const struct oracle_entry *e, void *arg);

/* Called when an entry cannot be read or moved (-ESTALE); not 0 ends the walk. */
typedef int (*oracle_trouble_fn)(const char *path, int err, void *arg);

int oracle_walk(int rootfd, unsigned int flags, oracle_visit_fn visit,
		oracle_trouble_fn trouble, void *arg);

#endif
