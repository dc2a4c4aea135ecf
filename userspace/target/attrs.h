/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/attrs.h - owner, mode, xattrs and times of one object, on a held descriptor or name.
 *
 * Order matters: a new owner clears setuid and file capabilities, an ACL changes the mode's group
 * bits, everything changes ctime and some things mtime. So: owner, xattrs, mode, times.
 */
#ifndef TM_TARGET_ATTRS_H
#define TM_TARGET_ATTRS_H

#include "target/row.h"

struct tm_attr_job {
	const struct tm_row *row;
	const uint8_t *xattrs; /* encoded list, or NULL: leave them */
	uint32_t xattrs_len;
	bool complete; /* xattrs that are not in the list go */
	bool allow_suid;
};

struct tm_attr_result {
	bool refused; /* something is not allowed here; the rest was set */
	int err;      /* the last thing that could not be set, negative errno, or 0 */
};

/*
 * A regular file or directory. Returns 0, with the rest in *@ret; -EIO, -EROFS, -EDQUOT, -ENOSPC,
 * -ENOMEM: the file system is in trouble.
 */
int tm_attrs_set_fd(int fd, const struct tm_attr_job *job, struct tm_attr_result *ret);
/* Anything else, by name in a held directory: owner, times, and the ACL of what is no symlink. */
int tm_attrs_set_name(int dirfd, const char *name, const struct tm_attr_job *job,
		      struct tm_attr_result *ret);
/* Are the xattrs of a regular file or directory those of the list, and no others? 0 or -errno. */
int tm_attrs_same_xattrs(int fd, const struct tm_attr_job *job, bool *ret);
/* Only mtime. */
int tm_attrs_set_mtime(int fd, const struct tm_row *row);
/* Permission bits that may be set here. */
uint32_t tm_attrs_mode(const struct tm_row *row, bool allow_suid, bool *ret_refused);
/* Trouble of the file system as a whole, not of one file? */
bool tm_err_is_fatal(int err);

#endif
