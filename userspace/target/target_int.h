/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/target_int.h - the target engine's own state; between its files only.
 */
#ifndef TM_TARGET_INT_H
#define TM_TARGET_INT_H

#include "target/attrs.h"
#include "target/batch.h"
#include "target/cover.h"
#include "target/dirs.h"
#include "target/log.h"
#include "target/plan.h"
#include "target/table.h"
#include "target/target.h"

#define TM_STAGE_SYNC_FDS 8 /* up to so many staged files are synced one by one */
#define TM_REDO_BYTES_MAX ((uint64_t)256 << 20) /* in the log, per batch */
#define TM_INPLACE_BYTES  ((uint64_t)4 << 20)

/* How the content of the file under way is taken in. */
enum tm_take {
	TM_TAKE_NONE = 0, /* no byte yet */
	TM_TAKE_WHOLE,	  /* into an empty staged file */
	TM_TAKE_CLONE,	  /* into a staged copy of the present one */
	TM_TAKE_REDO,	  /* into the log */
	TM_TAKE_DROP,	  /* read and forgotten */
};

/* The file under way between FILE and FILE_END. */
struct tm_incoming {
	struct tm_bobj *o; /* NULL: none */
	uint32_t flags;	   /* enum tm_file_flags */
	enum tm_take take;
	int fd;	    /* staged */
	int basefd; /* what it replaces */
	uint64_t size;
	uint64_t old_size;
	uint64_t end; /* written so far, WHOLE */
	uint64_t redo_bytes;
	struct tm_cover owed; /* must still come, or the file is torn */
	bool bad_seen;	      /* a frame was torn: its bytes are in the staged file */
	bool lost;	      /* cannot become good any more */
	bool frame;	      /* a DATA frame waits for its verdict */
	uint64_t frame_off;
	uint64_t frame_len; /* after clipping to size */
	uint64_t frame_log; /* where its bytes are in the log */
	uint64_t frame_sum;
};

struct tm_target {
	struct tm_target_opts opts;
	int rootfd, statefd, stagefd, parkfd;
	struct tm_table *table;
	struct tm_clog *log;
	struct tm_dirs dirs;
	bool log_begun;	  /* for the present batch */
	int reflink;	  /* -1 not tried, 0 no, 1 yes */
	uint64_t seq;	  /* of the batch in work */
	uint32_t stage_n; /* names made in it */
	uint32_t displaced_n;
	int sync_fd[TM_STAGE_SYNC_FDS];
	uint32_t n_sync; /* > TM_STAGE_SYNC_FDS: too many, sync the file system */
	struct tm_incoming in;
	struct tm_batch batch;
	bool in_batch;
	uint64_t doomed; /* parked or deleted since the last finished change set */
	uint64_t fence;	 /* of the session */
	struct tm_ctl_progress progress;
	uint64_t refused, skipped; /* in this batch */
	bool replaying;		   /* after a crash */
	struct tm_link *link; /* of the session */
	struct tm_digest *digest; /* made when it is needed first */
	bool distrust;		  /* the file system is in trouble: nothing is kept to be resumed */
	struct tm_buf hashes;	  /* a HASHES frame being filled */
	uint64_t hashes_ms;	  /* when it was last flushed */
	struct tm_map *lost_dirs; /* not where the table had them, in this comparison */
	const struct tm_foreign *foreign; /* of this batch, owned */
	size_t n_foreign;
	bool in_doubt; /* the log may be committed and is not applied: STAGE must stay as it is */
};

/* stage.c: content and new objects, not yet visible */
int tm_stage_file(struct tm_target *t, const struct tm_msg_file *m);
int tm_stage_data(struct tm_target *t, uint64_t off, const uint8_t *p, uint32_t n);
int tm_stage_verdict(struct tm_target *t, uint8_t verdict);
int tm_stage_hole(struct tm_target *t, uint64_t off, uint64_t len);
int tm_stage_end(struct tm_target *t, const struct tm_msg_file_end *m);
/* stage_new.c: everything new that has no content; call once, before planning */
int tm_stage_rest(struct tm_target *t);
/* A symlink that is here with another target. */
bool tm_stage_says_otherwise(struct tm_target *t, const struct tm_bobj *o);
void tm_stage_name(struct tm_target *t, char name[24]);
/*
 * Whole files of at least TM_RESUME_BYTES are staged under a name that is found again when the connection
 * breaks within them: tm_stage_clean() leaves TM_RESUME_FILES of them until a change set ends.
 */
#define TM_RESUME_BYTES ((uint64_t)8 << 20)
#define TM_RESUME_FILES 8
/* Open what an earlier batch has left of a file. -ENOENT, -errno. */
int tm_stage_resume(struct tm_target *t, struct tm_oid oid, char name[24], int flags);
/* Make what was staged durable. */
int tm_stage_sync(struct tm_target *t);
/* Close what is under way. */
void tm_stage_forget(struct tm_target *t);
/* Forget what is under way and remove everything that is in STAGE. */
int tm_stage_clean(struct tm_target *t);
/* And nothing is left to be resumed. */
int tm_stage_clean_all(struct tm_target *t);
/* Make a range read as zeros, deallocated where the file system can. 0 or -errno. */
int tm_zero_range(int fd, uint64_t off, uint64_t len);

/* place.c: objects where they are now */
struct tm_at {
	int dirfd; /* of the directory cache */
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place place;
};

/* Some place of @oid. 0, -ENOENT, -ESTALE, -errno. */
int tm_place_of(struct tm_target *t, struct tm_oid oid, struct tm_at *ret);
/* Open a regular file or directory, if it is inode @tino. -ESTALE: it is another one. */
int tm_place_open(struct tm_target *t, struct tm_oid oid, uint64_t tino, int flags);
/* Is a regular file still what the table says (inode, size, mtime)? */
bool tm_place_base_ok(struct tm_target *t, const struct tm_row *row);
/* Remove @name and everything below it; no symlink is followed, no mount entered. 0 or -errno. */
int tm_remove_tree(int dirfd, const char *name);
void tm_report(struct tm_target *t, struct tm_place at, int op, int err);
void tm_report_obj(struct tm_target *t, const struct tm_bobj *o, int op, int err);

/* need.c */
int tm_need_send(struct tm_target *t, struct tm_link *l, bool *ret_lists);

/* compare.c: what is on the disk, whatever the table says */
static inline bool tm_compare_ok(const struct tm_target *t)
{
	return t->link && (t->link->features & TM_FEATURE_COMPARE);
}

static inline bool tm_only_look(const struct tm_target *t)
{
	return t->batch.head.flags & TM_BATCH_LOOK;
}

/* Are the entries that are to be compared where the table has them? What is not is forgotten. */
int tm_compare_entries(struct tm_target *t);
/* The same of a known object, wherever it is by the table. It may be unknown then. */
int tm_compare_places(struct tm_target *t, struct tm_bobj *o);
/* The needs of one object that is to be compared; its row is from the disk from here on. */
uint8_t tm_compare_need(struct tm_target *t, struct tm_bobj *o);
/* Can the content of a known file be compared with what the source has? */
bool tm_compare_able(struct tm_target *t, const struct tm_row *row);
/* Send HASHES of one file. *@ret_done false: it cannot be read, ask for all of it. 0 or -errno. */
int tm_compare_hashes(struct tm_target *t, struct tm_bobj *o, bool *ret_done);
/* The same of what an earlier batch has left of it, if it has. */
int tm_compare_left(struct tm_target *t, struct tm_bobj *o, bool *ret_done);
/* Send what waits of them. */
int tm_compare_flush(struct tm_target *t);
/* The answer is here (t->in): does what is on the disk equal it? */
int tm_compare_answer(struct tm_target *t);
/* Tell what was found: FOUND frames. */
int tm_compare_tell(struct tm_target *t);
void tm_compare_forget(struct tm_target *t);

/* foreign.c: what only the target has in listed directories; names in the batch's arena */
/* Into t->foreign. */
int tm_foreign_list(struct tm_target *t);

/* apply.c */
int tm_apply_steps(struct tm_target *t, const struct tm_step *steps, size_t n, size_t done);
int tm_step_record(struct tm_table *table, const struct tm_step *s);

/* recover.c */
int tm_recover(struct tm_target *t);

/* commit.c: plan, brake, log, and after the acknowledgement apply */
int tm_commit_plan(struct tm_target *t, struct tm_plan *plan);
bool tm_commit_brake(struct tm_target *t, const struct tm_plan *plan, struct tm_msg_stop *ret);
int tm_commit_log(struct tm_target *t, const struct tm_plan *plan);
int tm_commit_apply(struct tm_target *t, const struct tm_step *steps, size_t n, size_t done,
		    uint64_t seq, uint32_t flags);

#endif
