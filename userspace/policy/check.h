/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/check.h - is what an admin or a peer asks for acceptable?
 *
 * Text checks are pure. Directory checks look at the file system through lib/beneath.h and
 * follow symlinks as admin tools do. Every refusal is a sentence that can be shown.
 */
#ifndef TM_POLICY_CHECK_H
#define TM_POLICY_CHECK_H

#include "policy/record.h"

/*
 * 1..TM_REC_NAME_MAX bytes of [A-Za-z0-9._-], beginning with a letter or digit, and not 32 hex
 * digits (that is an id). Returns 0 or -EINVAL with the reason, odd bytes escaped, in *@ret_why
 * (new string or NULL).
 */
int tm_check_name(const char *name, size_t len, char **ret_why);

/*
 * Absolute, shorter than TM_REC_PATH_MAX, no NUL, no ".." component. @out gets it without
 * doubled or trailing slashes. Returns 0 or -EINVAL (*@ret_why).
 */
int tm_check_path(const char *path, size_t len, char out[TM_REC_PATH_MAX], char **ret_why);

/* A host name or address: 1..253 bytes of [A-Za-z0-9.:_-%]. */
int tm_check_address(const char *address, size_t len, char **ret_why);

/* Does one path contain the other, or are they equal? Both normalised by tm_check_path(). Pure. */
bool tm_paths_overlap(const char *a, const char *b);

/* A directory as the file system sees it. */
struct tm_dir_id {
	uint64_t dev;
	uint64_t ino;
};

/* What one directory is: itself and all its ancestors, by identity (bind mounts and symlinks do not hide). */
#define TM_DIR_DEPTH_MAX 128
struct tm_dir_chain {
	struct tm_dir_id id[TM_DIR_DEPTH_MAX]; /* [0] is the directory itself */
	unsigned int n;
};

/*
 * Open @path and identify it. Returns 0; -ENOENT, -ENOTDIR, -ELOOP (deeper than TM_DIR_DEPTH_MAX), -errno.
 * *@ret_fd (may be NULL): the open directory.
 */
int tm_dir_identify(const char *path, struct tm_dir_chain *ret, int *ret_fd);

/* Is one the other, or inside it? */
bool tm_dirs_overlap(const struct tm_dir_chain *a, const struct tm_dir_chain *b);

/*
 * May @a (role @ra) and @b (role @rb) be policy roots on one node? Source roots may be equal or nested;
 * everything else must not overlap. Pure.
 */
bool tm_roles_may_overlap(enum tm_rec_role ra, enum tm_rec_role rb);

#endif
