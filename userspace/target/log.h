/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/log.h - the commit log as a file: one batch at a time, rewritten from the start.
 *
 * A batch is committed by tm_log_commit(): one fdatasync. The file is written once when it is made, so
 * that a commit of usual size needs no new blocks. After an error of any write or sync the log is unusable
 * (every call fails): dirty pages that failed once may be gone, so nothing is tried again on them.
 */
#ifndef TM_TARGET_LOG_H
#define TM_TARGET_LOG_H

#include "target/logfmt.h"
#include "target/step.h"

struct tm_log;

/* In the held state directory. Returns 0 or -errno. */
int tm_log_open(int statefd, struct tm_log **ret);
void tm_log_close(struct tm_log *l);	/* accepts NULL */

/* Forget what is there and begin a new batch. */
int tm_log_begin(struct tm_log *l);
/* Append raw bytes (1..TM_LOG_REC_MAX); *ret_off: where they are, for tm_log_read(). */
int tm_log_data(struct tm_log *l, const void *p, uint32_t n, uint64_t *ret_off);
/* Take back the last tm_log_data(), which stood at @off. */
void tm_log_undo_data(struct tm_log *l, uint64_t off);
uint64_t tm_log_size(const struct tm_log *l);	/* bytes of the present batch */
int tm_log_step(struct tm_log *l, const struct tm_step *s);
/* Trailer and fdatasync: when this returns 0 the batch survives a power cut. */
int tm_log_commit(struct tm_log *l, uint64_t seq, uint32_t flags);
/* Raw bytes appended earlier. Returns 0, -EIO when they are not there. */
int tm_log_read(struct tm_log *l, uint64_t off, void *p, size_t n);

/*
 * What was committed last: steps, free with tm_log_batch_free() in every case. Returns 0; -ENODATA: nothing;
 * -EBADMSG: a step that this version does not understand; -errno.
 */
struct tm_log_batch {
	struct tm_log_trailer trailer;
	struct tm_step *steps;
	size_t n, cap;
	struct tm_arena arena;
};

int tm_log_load(struct tm_log *l, struct tm_log_batch *ret);
void tm_log_batch_free(struct tm_log_batch *b);

#endif
