/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/dirs.h - directories of the target by identity, as held descriptors.
 *
 * A directory is reached from the root, one component at a time, as the table says; at each level
 * the inode number is compared, so that a directory somebody else put there is never entered
 * (-ESTALE). Descriptors are cached (TM_DIRS_MAX); they follow their directory when it is moved.
 */
#ifndef TM_TARGET_DIRS_H
#define TM_TARGET_DIRS_H

#include "target/table.h"

#define TM_DIRS_MAX 64

struct tm_dirs {
	struct tm_table *table; /* borrowed, like the descriptors */
	struct tm_oid root;
	int rootfd, parkfd, stagefd;
	uint64_t tick;
	struct tm_oid given[2]; /* the last two answers: not closed however deep the next way is */
	struct {
		struct tm_oid oid;
		int fd; /* < 0: free */
		uint64_t used;
	} v[TM_DIRS_MAX];
};

void tm_dirs_init(struct tm_dirs *d, struct tm_table *table, int rootfd, int parkfd, int stagefd);
/* Close everything cached: before the table starts to describe another state. */
void tm_dirs_reset(struct tm_dirs *d);
/*
 * The directory @oid; PARK and STAGE too. The descriptor is the cache's: good until two other
 * directories were asked for. -ENOENT: no place in the table, or not there; -ESTALE: something else
 * is there; -errno.
 */
int tm_dirs_get(struct tm_dirs *d, struct tm_oid oid);
/*
 * The path of an object for messages, relative to the root; @buf of at least TM_PATH_LEN_MAX.
 * Returns its length; what does not fit is cut off at the front.
 */
size_t tm_dirs_path(struct tm_dirs *d, struct tm_place at, char *buf);

#endif
