/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/beneath.h - the one path resolver.
 *
 * Everything below a policy root is reached from a held root descriptor and
 * a relative path of plain components, with openat2(2) and
 * RESOLVE_BENEATH | NO_SYMLINKS | NO_MAGICLINKS | NO_XDEV. A local user who
 * flips a parent between directory and symlink, or mounts over it, gets an
 * error (-ELOOP, -EXDEV), never an open outside the root. O_NOFOLLOW on the
 * last component alone is no defence (a flipper beat it in half of all tries).
 *
 * Where openat2 is missing (old kernels, seccomp, valgrind) a component walk
 * with O_PATH | O_NOFOLLOW | O_DIRECTORY and a device check gives the same
 * guarantee, slower.
 *
 * Only this file and files that hold a descriptor from it may use *at()
 * calls; a check in the test run proves that no room resolves a path itself.
 */
#ifndef TM_LIB_BENEATH_H
#define TM_LIB_BENEATH_H

#include "lib/base.h"
#include <sys/stat.h>

/*
 * Open @rel below @rootfd ("" or "." is the root itself, reopened). @flags as
 * in open(2); O_CLOEXEC, O_NOFOLLOW and O_NOCTTY are added, and O_NONBLOCK so that
 * a FIFO or a file lease cannot stall us. @mode only with O_CREAT.
 * Returns a descriptor, or: -ENOENT, -ELOOP (a symlink in the way), -EXDEV
 * (left the root or its file system), -EINVAL (absolute, "..", empty component), -errno.
 */
int tm_open_beneath(int rootfd, const char *rel, int flags, mode_t mode);

/* The same for one component of a held directory: never a '/' in @name. */
int tm_open_name(int dirfd, const char *name, int flags, mode_t mode);

/*
 * The parent of a held directory (O_PATH is enough), as O_PATH, never across a mount. Returns a
 * descriptor; -EXDEV at the root of the mount; -ENOENT when @dirfd is not below it; -errno. At the
 * top of everything a directory is its own parent.
 */
int tm_open_parent(int dirfd);

/*
 * Open an absolute path that an admin configured (policy root, state
 * directory): follows symlinks like any admin tool. For directories only.
 */
int tm_open_admin_dir(const char *path);

/*
 * Is @name one plain component: 1..255 bytes, no '/', no NUL, not "." or ".."?
 * Names from the wire and from the kernel are checked by this before any use.
 */
bool tm_name_ok(const char *name, size_t len);

/* lstat(2) of a name in a held directory. Returns 0 or -errno. */
int tm_stat_name(int dirfd, const char *name, struct stat *ret_st);

/*
 * Is @dirfd the root directory of an ext2, ext3 or ext4 file system? Those, and no other directory,
 * have a lost+found of the file system's own. False where it cannot be told.
 */
bool tm_has_lost_found(int dirfd);

/* For tests: use the component walk even where openat2 exists. */
void tm_beneath_force_walk(bool on);

#endif
