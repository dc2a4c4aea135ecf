/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inomap.h - from (device, inode) to a number and the first name it was seen
 * under: what hard-link groups are found with.
 */
#ifndef ORACLE_INOMAP_H
#define ORACLE_INOMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct oracle_ino {
	dev_t dev;
	ino_t ino;
	char *path;		/* the first name; NULL marks a free slot */
	size_t peer;		/* for the user: 0 until set */
	size_t id;		/* 1, 2, 3 ... in the order of arrival */
};

/* Zero-initialise; free with oracle_inomap_done(). */
struct oracle_inomap {
	struct oracle_ino *v;
	size_t n;
	size_t cap;		/* a power of two */
};

/*
 * Find or add the inode of @st. *ret_new says whether it was added, then with
 * a copy of @path. The result is good until the next call.
 */
struct oracle_ino *oracle_inomap_get(struct oracle_inomap *map, const struct stat *st,
				     const char *path, bool *ret_new);
void oracle_inomap_done(struct oracle_inomap *map);

#endif
