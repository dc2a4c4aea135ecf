/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/confine.h - give up everything a worker does not need, before the first byte of a peer.
 *
 *	1 private mount namespace	the root is opened in it, cloned, becomes "/"; nothing else
 *					is left
 *	2 capabilities			a bounding set, another user, only what the role needs
 *	3 Landlock			from the new "/"
 *	4 seccomp			an allow-list; what could undo 1-3 kills
 *
 * None of them suffices alone: under Landlock chmod, chown, setxattr and utimes outside still
 * succeed and file handles escape it; in a mount namespace with capabilities one could mount.
 */
#ifndef TM_WORKER_CONFINE_H
#define TM_WORKER_CONFINE_H

#include "lib/base.h"
#include "wire/ctl.h"

struct tm_confine {
	enum tm_role role;
	const char *root;  /* absolute; "" for pairing: an empty read-only root */
	uint64_t root_dev; /* expected identity; 0: not checked */
	uint64_t root_ino;
	uint32_t uid; /* to become; also as group */
	bool allow_devices;
	/* A defence this kernel does not have and that is optional. */
	void (*warn)(void *arg, const char *text);
	void *arg;
};

/*
 * All of it, in order. Returns a descriptor of the new "/" (-EBADF for pairing is not an error:
 * *@ret_rootfd is then -EBADF). On failure *@ret_why says which step; the process is good for
 * nothing else then.
 */
int tm_confine(const struct tm_confine *c, int *ret_rootfd, char ret_why[TM_TEXT_LEN_MAX + 1]);

/* ---- the steps, one file each. 0 or -errno ---- */

/* confine.c: step 1. */
int tm_confine_mounts(const struct tm_confine *c, char ret_why[TM_TEXT_LEN_MAX + 1]);
/* privileges.c: step 2. @ret_why as above. */
int tm_confine_privileges(const struct tm_confine *c, char ret_why[TM_TEXT_LEN_MAX + 1]);
/* Capabilities a role keeps, as a bit mask (1 << CAP_...). */
uint64_t tm_confine_caps(enum tm_role role, bool allow_devices);
/* landlock.c: step 3. -EOPNOTSUPP: this kernel has none, or it is switched off. */
int tm_confine_landlock(enum tm_role role, bool allow_devices);
/* seccomp.c: step 4. */
int tm_confine_seccomp(enum tm_role role, bool allow_devices);

static inline bool tm_confine_is_pair(enum tm_role r)
{
	return r == TM_ROLE_PAIR_SOURCE || r == TM_ROLE_PAIR_TARGET;
}

#endif
