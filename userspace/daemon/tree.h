/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/tree.h - looks through a directory tree, within limits. May block; knows no daemon.
 */
#ifndef TM_DAEMON_TREE_H
#define TM_DAEMON_TREE_H

#include "lib/base.h"

#include <sys/stat.h>

struct tm_tree_sum {
	uint64_t entries, files, directories; /* files: everything that is no directory */
	uint64_t bytes;			      /* of regular files, without their holes */
	int64_t oldest_ns, newest_ns;	      /* modification of what is no directory; 0: none */
	bool whole;			      /* nothing was left out */
};

/*
 * Everything below @rootfd (borrowed), never across a mount and without what is reserved in a root, until
 * @max_entries were seen or @max_ms went by. @fn (may be NULL) is called for every entry directly in the
 * root. 0 or -errno when the root itself cannot be read; what cannot be read below makes it not whole.
 */
int tm_tree_sum(int rootfd, uint64_t max_entries, uint64_t max_ms,
		void (*fn)(void *arg, const char *name, const struct stat *st), void *arg,
		struct tm_tree_sum *ret);

/* An entry of a root that is not the user's: ".", "..", .tidemark, the file system's own lost+found. */
bool tm_tree_reserved(int rootfd, const char *name);

#endif
