/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/attrs.h - looking at one object: identity, attributes, link target, xattrs.
 *
 * All on held descriptors and single names; symlinks are never followed.
 */
#ifndef TM_SOURCE_ATTRS_H
#define TM_SOURCE_ATTRS_H

#include "wire/msg.h"

/* What a look at one object showed. */
struct src_seen {
	struct tm_oid oid;
	struct tm_attrs attrs;
	uint64_t dev;			/* stx_dev, major << 32 | minor */
	uint64_t mnt;			/* mount id; 0: the kernel does not tell */
	uint32_t symlink_len;
	char symlink[TM_SYMLINK_MAX];	/* LNK only; not terminated */
};

/*
 * Identity and attributes of @name in @dirfd, or of @dirfd itself for "". Returns 0; -ENOENT;
 * -EOVERFLOW: a link target longer than TM_SYMLINK_MAX; -errno.
 */
int src_look(int dirfd, const char *name, struct src_seen *ret);

/* Only the attributes of an open object. */
int src_attrs_fd(int fd, struct tm_attrs *ret);

/*
 * Is the change stamp in @a older than @limit_ns (wall clock), by more than the clock's tick? Otherwise a
 * later change may carry the same stamp, and equal stamps would prove nothing.
 */
bool src_stamp_safe(const struct tm_attrs *a, int64_t limit_ns);

/*
 * Append all xattrs of @fd that are replicated (user.*, POSIX ACLs) to @b (reset first), encoded as in struct
 * tm_msg_file. Returns 0; -E2BIG: more than TM_XATTRS_MAX; -errno.
 */
int src_xattrs_fd(int fd, struct tm_buf *b);
/* The ACL of what cannot be opened (FIFO, socket, device), by name in a held directory. */
int src_acl_at(int dirfd, const char *name, struct tm_buf *b);

#endif
