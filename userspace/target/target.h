/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/target.h - the receiving half of the engine: assertions in, a plan, staging, one commit,
 * apply.
 *
 * Runs inside a confined worker whose root directory is the target directory. State lives below the
 * reserved directory `.tidemark/` (root, 0700) in the target directory itself: identity.db
 * (SQLite), log, stage/, park/. It moves, is synced and is lost together with the data it
 * describes.
 *
 * Promise: when ACK leaves, the batch survives a power cut; a batch without ACK leaves nothing
 * behind; after any crash tm_target_open() rolls the committed one forward.
 */
#ifndef TM_TARGET_TARGET_H
#define TM_TARGET_TARGET_H

#include "wire/ctl.h"
#include "wire/link.h"

struct tm_target;

struct tm_target_ops {
	/* Between frames: 0 go on, -ECANCELED end the session. May be NULL. */
	int (*poll)(void *arg);
	void (*progress)(void *arg, const struct tm_ctl_progress *p);
	/* op 3: refused (device, setuid); op 4: could not be written. */
	void (*file_failed)(void *arg, const char *path, size_t path_len, int op, int err);
	void *arg;
};

struct tm_target_opts {
	size_t sz;
	int rootfd; /* borrowed */
	bool allow_devices;
	/* setuid, setgid on files (setgid on directories always passes), file capabilities */
	bool allow_suid;
	uint32_t brake_percent; /* 0: no brake */
	uint64_t brake_objects;
	/* Larger files, not more than half dirty, are patched in place; 0: 4 MiB. */
	uint64_t inplace_bytes;
	struct tm_target_ops ops;
	const char *state_path; /* reserved directory as SQLite opens it; NULL: "/.tidemark" */
	size_t : 0;
};

/*
 * Open or create the state and roll a committed batch forward. Returns 0; -EUCLEAN: state is
 * damaged (it was set aside: open again, the target is fresh then and everything will be asserted);
 * -EEXIST: the reserved name is taken by something that is not ours (a 0700 directory of root);
 * -ENOSPC, -EROFS, -errno.
 */
int tm_target_open(const struct tm_target_opts *opts, struct tm_target **ret_t);
void tm_target_close(struct tm_target *t);

/*
 * Serve one connection: SESSION, then batches, until the peer ends it or the link fails. Returns 0
 * after an orderly BYE; -ECANCELED; -ESTALE: fenced (a newer epoch was seen); -EBADMSG: the peer
 * broke the protocol (ERROR was sent); -EREMOTEIO: the peer ended it by ERROR or NOTICE (*ret_text
 * is its text); -EIO and others: own trouble, told to the peer as ERROR. After -EIO, -EUCLEAN and
 * -ENOSPC close and open again: that repeats what was committed. *ret_text says it in words in
 * every case.
 */
int tm_target_serve(struct tm_target *t, struct tm_link *l, struct tm_msg_text *ret_text);

/*
 * For accept: what is in a directory that is about to become a target? Counts entries (without the
 * reserved one), stopping at @limit. Returns the number or -errno.
 */
int64_t tm_target_count_entries(int rootfd, uint64_t limit);

#endif
