/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/roots.h - the directories at either end: may they be used, and are they still the same?
 */
#ifndef TM_DAEMON_ROOTS_H
#define TM_DAEMON_ROOTS_H

#include "daemon/daemon.h"
#include "policy/check.h"

/* The directory this node has of the policy. */
const char *tm_root_path(const struct tm_policy *p);

/*
 * Open the root and compare its identity with the stored one (0: taken over and stored). 0;
 * -ENOENT, -ENOTDIR; -ESTALE: another directory or file system is there now; -errno.
 */
int tm_root_open(struct tm_policy *p, int *ret_fd);
/* A sentence for a result of tm_root_open(). */
void tm_root_explain(const struct tm_policy *p, int err, char *buf, size_t cap);

/*
 * May @path become a root in @role? 0; -EEXIST with *@ret_why (new string) when it overlaps
 * another policy's root, or is a reserved place; -ENOENT, -ENOTDIR, -errno. @self: not compared
 * with (may be NULL).
 */
int tm_root_check(struct tm_daemon *d, const struct tm_policy *self, const char *path,
		  enum tm_rec_role role, struct tm_dir_id *ret_id, char **ret_why);

/* Entries directly in an open directory, without the reserved ones, counted up to @limit. */
int64_t tm_root_entries(int dirfd, uint64_t limit);

/* mkdir of the last component; its parent must exist. 0 or -errno. */
int tm_root_create(const char *path);

/* Watch all roots: by mountinfo and every few seconds. A missing one stops its policy. */
int tm_roots_watch(struct tm_daemon *d);
void tm_roots_free(struct tm_daemon *d);
/* Look at one now: 0, or the policy was stopped. */
int tm_root_verify(struct tm_policy *p);

#endif
