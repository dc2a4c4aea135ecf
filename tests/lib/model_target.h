/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/model_target.h - a target in memory, for tests of the source engine.
 *
 * Speaks wire/PROTOCOL.md over any link from a thread of its own and keeps a plain model: objects by
 * identity, entries by (directory, name), contents as bytes. A batch is applied when BATCH_END
 * comes, never before. It is written from the protocol text alone and knows neither engine.
 */
#ifndef TM_TESTS_MODEL_TARGET_H
#define TM_TESTS_MODEL_TARGET_H

#include "wire/link.h"
#include "wire/msg.h"

#define MODEL_BATCHES 4096

/* What one batch was made of. */
struct model_batch {
	uint64_t seq;
	uint32_t flags;
	int64_t taken_ns;
	uint32_t entries, absents, objects, listed;
	uint32_t need_list, need_attr, need_dirty, need_whole, need_compare;
	uint32_t files, torn, shorts, holes;
	uint32_t ends[5];		/* by enum tm_file_result */
	uint64_t data_bytes;		/* in good frames */
	uint64_t bad_bytes;		/* in others */
	uint64_t hole_bytes;
	bool aborted;
};

struct model;

/* @l is borrowed. NULL: no memory. */
struct model *model_new(void);
void model_free(struct model *m);
/* Serve @l in a thread until it ends. */
int model_start(struct model *m, struct tm_link *l);
/* Wait for the thread. 0: BYE or a closed link; -EBADMSG: the source broke the protocol. */
int model_join(struct model *m);
/* What was wrong, if anything. */
const char *model_why(const struct model *m);

/* Faults, for the batches to come. */
void model_stop_next(struct model *m);			/* STOP instead of NEED_END, once */
/* From now on its HASHES are not what the protocol says. */
enum model_bad_hashes {
	MODEL_HASH_GOOD = 0,
	MODEL_HASH_STRANGER,	/* of an object that was not asserted */
	MODEL_HASH_DIR,		/* of a directory */
	MODEL_HASH_GAP,		/* a record is left out */
	MODEL_HASH_SIZE,	/* another size in the second one */
	MODEL_HASH_END,		/* the last block does not come */
	MODEL_HASH_TWICE,	/* each record twice */
	MODEL_HASH_KINDS,
};
void model_bad_hashes(struct model *m, enum model_bad_hashes how);
/* Shut the socket @fd below the link at the nth FILE frame from now. */
void model_cut_at_file(struct model *m, int nth, int fd);
/* As if it had never been replicated, with all below it; only while no link is served. */
void model_forget_dir(struct model *m, struct tm_oid oid);

size_t model_batches(const struct model *m);
const struct model_batch *model_batch(const struct model *m, size_t i);
/* Sums over the batches from @from on. */
struct model_batch model_sum(const struct model *m, size_t from);
size_t model_objects(const struct model *m);

/*
 * Compare with the real tree below @rootfd: names, identities, kinds, modes, owners, sizes, times, link
 * targets, xattrs, bytes. @skip: a name in the root to leave out, or NULL. Returns the number of
 * differences, the first of them in model_why().
 */
int model_compare(struct model *m, int rootfd, const char *skip);

#endif
