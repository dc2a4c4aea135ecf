/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manifest.h - a tree as sorted text lines, one per entry, with a hash over
 * all of them: what prefix checks and canaries compare with later.
 *
 * A file opens with "#oracle-manifest 1 FLAGS", ends with "#tree SHA256 N",
 * and is refused when either is missing or the hash is wrong.
 */
#ifndef ORACLE_MANIFEST_H
#define ORACLE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ORACLE_MF_NO_TIMES	0x01	/* leave out mtime */
#define ORACLE_MF_NO_OWNER	0x02	/* leave out uid and gid */
#define ORACLE_MF_ALL_XATTRS	0x04	/* all attributes, not user.* and ACLs only */
#define ORACLE_MF_RESERVED	0x08	/* with .tidemark and lost+found */
#define ORACLE_MF_CTIME		0x10	/* ctime, inode, link count, device */
#define ORACLE_MF_ATIME		0x20	/* atime of files and directories */
#define ORACLE_MF_KNOWN		0x3f

#define ORACLE_TREE_HASH	65	/* SHA-256 in hex with its terminator */

/* Lines in byte order, without newlines. Free with oracle_manifest_done(). */
struct oracle_manifest {
	char **line;
	size_t n;
	size_t cap;
	unsigned int flags;
	char tree[ORACLE_TREE_HASH];
};

/*
 * Read the tree at @dir. What cannot be read, or moves meanwhile, is told on
 * stderr and makes the whole fail. Returns 0 or -errno (-ESTALE: a race).
 */
int oracle_manifest_make(const char *dir, unsigned int flags, struct oracle_manifest *ret);

/* Write to or read from a file; die (status 2) when that fails. */
void oracle_manifest_write(const struct oracle_manifest *m, FILE *f, const char *name);
void oracle_manifest_read(const char *file, struct oracle_manifest *ret);

/* Count lines that are in one only; print at most @max of them ("-" old, "+" new). */
size_t oracle_manifest_diff(const struct oracle_manifest *old_m,
			    const struct oracle_manifest *new_m, size_t max);

void oracle_manifest_done(struct oracle_manifest *m);

#endif
