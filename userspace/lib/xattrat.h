/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/xattrat.h - extended attributes of a name in a held directory, symlinks not followed.
 *
 * For what cannot be opened without side effects: FIFOs, sockets, device nodes. The kernel has no
 * f*xattr() for O_PATH descriptors, *xattrat() only since 6.13, and a confined worker has no /proc.
 * So: fchdir() to the directory, l*xattr() on the single name, and back.
 *
 * The working directory of the process is borrowed meanwhile and put back; only where the one
 * before cannot be held does it stay @dirfd. Nothing else in a worker resolves against it. Calls
 * from several threads take turns; a thread that uses relative paths meanwhile is not protected.
 *
 * @dirfd may be O_PATH. @name is one plain component, otherwise -EINVAL. What the name leads to may
 * change between two calls: compare tm_oid_at() before and after where that matters. Errors:
 * -ENOENT; -ENODATA: no such attribute; -EOPNOTSUPP: the file system has none; other -errno.
 */
#ifndef TM_LIB_XATTRAT_H
#define TM_LIB_XATTRAT_H

#include "lib/base.h"

/* As listxattr(2): bytes of NUL-terminated names; with @cap 0 only their number. -ERANGE: more. */
ssize_t tm_xattrat_list(int dirfd, const char *name, char *buf, size_t cap);
/* As getxattr(2): length of the value; with @cap 0 nothing is copied. -ERANGE: longer. */
ssize_t tm_xattrat_get(int dirfd, const char *name, const char *attr, void *buf, size_t cap);
/* Made or replaced. Returns 0. */
int tm_xattrat_set(int dirfd, const char *name, const char *attr, const void *value, size_t len);
/* Returns 0. */
int tm_xattrat_remove(int dirfd, const char *name, const char *attr);

#endif
