/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/log.h - the commit log as a file: one batch at a time, rewritten from the start.
 *
 * A batch is committed by tm_clog_commit(): one fdatasync. The file is written once when it is
 * made, so that a commit of usual size needs no new blocks. After an error of any write or sync the
 * log is unusable (every call fails): dirty pages that failed once may be gone, so nothing is tried
 * again on them.
 */
#ifndef TM_TARGET_LOG_H
#define TM_TARGET_LOG_H

#include "target/logfmt.h"
#include "target/step.h"

struct tm_clog;

/* In the held state directory. Returns 0 or -errno. */
int tm_clog_open(int statefd, struct tm_clog **ret);
void tm_clog_close(struct tm_clog *l); /* accepts NULL */

/* Forget what is there and begin a new batch. */
int tm_clog_begin(struct tm_clog *l);
/* Append raw bytes (1..TM_CLOG_REC_MAX); *ret_off: where they are, for tm_clog_read(). */
int tm_clog_data(struct tm_clog *l, const void *p, uint32_t n, uint64_t *ret_off);
/* Take back the last tm_clog_data(), which stood at @off. */
void tm_clog_undo_data(struct tm_clog *l, uint64_t off);
uint64_t tm_clog_size(const struct tm_clog *l); /* bytes of the present batch */
int tm_clog_step(struct tm_clog *l, const struct tm_step *s);
/* Trailer and fdatasync: when this returns 0 the batch survives a power cut. */
int tm_clog_commit(struct tm_clog *l, uint64_t seq, uint32_t flags);
/* Raw bytes appended earlier. Returns 0, -EIO when they are not there. */
int tm_clog_read(struct tm_clog *l, uint64_t off, void *p, size_t n);

/*
 * What was committed last: steps, free with tm_clog_batch_free() in every case. Returns 0;
 * -ENODATA: nothing; -EBADMSG: a step that this version does not understand; -errno.
 */
struct tm_clog_batch {
	struct tm_clog_trailer trailer;
	struct tm_step *steps;
	size_t n, cap;
	struct tm_arena arena;
};

int tm_clog_load(struct tm_clog *l, struct tm_clog_batch *ret);
void tm_clog_batch_free(struct tm_clog_batch *b);

#endif
