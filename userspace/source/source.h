/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/source.h - the sending half of the engine: from a change set to an acknowledged batch.
 *
 * Runs inside a confined worker whose root directory is the policy root. Events said
 * where to look; this room looks: it reads directories and files below the root, sends
 * assertions, answers the target's needs with content, and waits for the
 * acknowledgement. The same code serves the first sync (a set that says ALL), an
 * incremental run, healing, and a comparison of contents (COMPARE). It holds an index of directories
 * (oid -> parent, name), and of all names of files with several links; never of all files.
 *
 * Blocking, single-threaded; tm_source_ops.poll is called often enough to notice an abort.
 */
#ifndef TM_SOURCE_SOURCE_H
#define TM_SOURCE_SOURCE_H

#include "changes/set.h"
#include "lib/version.h"
#include "wire/ctl.h"
#include "wire/link.h"

struct tm_source;

struct tm_source_ops {
	/* Between frames: 0 go on, -ECANCELED give this set up. */
	int (*poll)(void *arg);
	/* Counters changed (throttled by the callee). */
	void (*progress)(void *arg, const struct tm_ctl_progress *p);
	/* A file that could not be sent; it stays as it was on the target. op: see tm_ctl_file_failed. */
	void (*file_failed)(void *arg, const char *path, size_t path_len, int op, int err);
	/* This change could not be replicated now and stays dirty. 0 or -errno (then the set fails). */
	int (*requeue)(void *arg, const struct tm_change *c);
	void *arg;
};

struct tm_source_opts {
	size_t sz;
	int rootfd;		/* borrowed */
	uint32_t batch_objects; /* soft limit of assertions per batch; 0: 8192 */
	uint64_t batch_bytes;	/* soft limit of content per batch; 0: 64 MiB */
	const struct tm_version
		*versions; /* mapped read-only, or NULL (fanotify): compare by statx then */
	uint32_t n_versions;
	uint32_t barrier_interval_ms; /* 0: 30 s */
	/*
	 * The capture reports what came in from outside the root: INODE with WHOLE for a file, SUBTREE for
	 * a directory. Then an entry that only changed its name costs no content. Without it a renamed file
	 * is sent again: it may have been outside, and written to there, in between.
	 */
	bool moves_told;
	/*
	 * A set of COMPARE records that has taken so long (0: 10 s) ends early: what is left of it is
	 * requeued, as COMPARE records, and the set counts as done.
	 */
	uint32_t slice_ms;
	struct tm_source_ops ops;
	size_t : 0;
};

/* Build the directory index (one readdir walk, no stat of files). Returns 0 or -errno. */
int tm_source_open(const struct tm_source_opts *opts, struct tm_source **ret_s);
void tm_source_close(struct tm_source *s);

/*
 * A new connection: SESSION -> READY. Returns 0; -EBADMSG protocol error; -EREMOTEIO when the
 * peer sent ERROR or NOTICE that ends the session (*ret_text tells); link errors.
 */
int tm_source_session(struct tm_source *s, struct tm_link *l, uint64_t fence,
		      struct tm_msg_ready *ret_ready, struct tm_msg_text *ret_text);

/*
 * Replicate one change set in as many batches as it needs; returns when the last one is
 * acknowledged. Returns 0; -ECANCELED (given up between frames after BATCH_ABORT; the connection is
 * still good); -ESTALE (*ret_stop: suspicion, here or on the target: the session is still good);
 * -EREMOTEIO (*ret_text); link errors.
 * After any error nothing of the set counts as done.
 *
 * A set of COMPARE records compares contents and everything else with what is on the target's disk
 * and repairs it; with TM_SET_LOOK it only tells (file_failed, op 5). -EOPNOTSUPP: the peer cannot compare.
 */
int tm_source_replicate(struct tm_source *s, struct tm_link *l, const struct tm_change_set *set,
			uint32_t set_flags, int64_t taken_ns, struct tm_msg_stop *ret_stop,
			struct tm_msg_text *ret_text);

/* When idle: ask the file system to sync and send BARRIER if one is due; keepalive PING. 0 or -errno. */
int tm_source_idle(struct tm_source *s, struct tm_link *l);

/* What the peer said when a call returned -EREMOTEIO (tm_source_idle() has no other way to tell). */
const struct tm_msg_text *tm_source_last_text(const struct tm_source *s);

/* Directories and links known, for the status. */
size_t tm_source_index_size(const struct tm_source *s);

#endif
