/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/internal.h - what the files of this room share: the engine's state and who does what.
 *
 *	lookup.c	a directory of the index as a descriptor
 *	examine.c	exact records -> assertions
 *	missing.c	what was looked for in vain
 *	walk.c		listings -> assertions
 *	emit.c		what was seen -> assertions
 *	batch.c		one batch: assertions out, needs, commit
 *	content.c	one needed object -> FILE ... FILE_END
 *	moment.c	did it change while it was read?
 *	compare.c	block hashes of the target against what is here; what a comparison found
 *	session.c	the public calls
 */
#ifndef TM_SOURCE_INTERNAL_H
#define TM_SOURCE_INTERNAL_H

#include "lib/fd.h"
#include "source/attrs.h"
#include "source/index.h"
#include "source/links.h"
#include "source/plan.h"
#include "source/source.h"

/* One object that this batch made an assertion about: where to find it when it is needed. */
struct src_obj {
	struct tm_oid oid;
	struct src_dir *dir;	/* that holds the name; the directory itself if it has no name */
	struct src_ino *ino;	/* what the set knows of it, or NULL */
	uint64_t size;
	size_t name_at;		/* into the batch's names */
	uint8_t name_len;	/* 0: @dir itself */
	uint8_t kind;		/* enum tm_obj_kind */
	uint8_t flags;		/* enum tm_assert_flags asserted */
	uint8_t need;		/* enum tm_need_what, 0: none */
	bool found;		/* counted as mismatched in this set */
	bool changed;		/* since it was asserted */
	int64_t ctime_s;	/* as asserted */
	uint32_t ctime_ns;
	struct src_compare *compare;	/* compare.c; NULL: no hashes came */
};

struct src_batch {
	struct tm_buf buf;	/* encoded assertions not sent yet */
	size_t *cuts;		/* ends of frames in buf */
	size_t n_cuts, cap_cuts;
	size_t frame_at;	/* where the open frame begins */
	bool started;		/* BATCH is on its way */
	bool running;		/* in src_batch_run(): it cannot be cut */
	bool peers_turn;	/* the target speaks: nothing may be sent */
	uint32_t n;		/* assertions */
	uint64_t est_bytes;	/* content that may be needed */
	uint64_t new_bytes;	/* sizes asserted that est_bytes was estimated from */
	struct src_obj *objs;
	size_t n_objs, cap_objs;
	uint32_t *table;	/* hash of objs: index + 1 */
	size_t table_cap;
	struct tm_buf names;
};

struct tm_source {
	struct tm_source_opts opts;
	struct tm_oid root;
	uint64_t root_dev, root_mnt;
	bool root_has_lost_found;	/* the root is a file system's root that makes lost+found */
	struct src_index index;
	struct tm_map *links;		/* oid -> struct src_link */
	struct tm_map *misses;		/* see missing.c */
	struct tm_map *owed;		/* see missing.c */
	uint64_t set_no;
	uint64_t n_files;		/* entries that are no directories, when last counted */

	/* the session */
	struct tm_link *link;
	bool link_broken;
	uint64_t fence, seq;
	bool unsynced;			/* content was sent since the last barrier */
	bool no_noatime;		/* O_NOATIME was refused once */
	uint64_t barrier_ms, ping_ms;
	struct tm_msg_text text;	/* why the peer ended the session */
	struct tm_msg_stop stop;

	/* the set in work */
	struct src_plan plan;
	uint32_t mark;			/* counts listings, for src_dir.seen */
	uint32_t batch_flags;		/* enum tm_batch_flags for each of its batches */
	int64_t taken_ns;
	bool healing;			/* the set says ALL: ranges known need not be all there are */
	bool comparing;			/* the set says COMPARE, whatever the stamps */
	bool look;			/* and nothing is repaired */
	bool plain;			/* entries already compared are asserted once more */
	bool cancelled;			/* poll said so in the target's turn */
	bool gave_back;			/* some of the comparison is left for another set */
	uint64_t slice_end_ms;		/* then what is left of a comparison is given back */
	uint32_t n_reported;		/* differences told in this set */
	struct src_dir *queue, **queue_last;	/* directories to list */
	struct src_dir **fresh;		/* became known in sets not acknowledged yet */
	size_t n_fresh, cap_fresh;
	uint64_t requeued;
	uint32_t scans_left;		/* slow look-ups still allowed in this set */
	uint32_t serial;		/* counts batches, for src_dir.listed */
	uint64_t lists_asked;		/* LIST needs of this set */
	uint32_t need_ratio_1024;	/* of content asserted, how much was needed so far */
	struct src_batch batch;

	struct tm_oid cached_dir;	/* of cached_fd */
	int cached_fd;
	struct tm_buf path;		/* scratch */
	struct tm_buf xattrs;		/* scratch */
	struct tm_digest *digest;	/* made when it is needed first */
	int compare_fd;			/* of the object whose hashes came last */
	struct tm_oid compare_oid;
	uint64_t alive_ms;
	struct tm_ctl_progress progress;
};

/* ---- session.c: hands for all ---- */

/* May we go on? 0 or -ECANCELED. */
int src_poll(struct tm_source *s);
void src_progress(struct tm_source *s);
int src_requeue(struct tm_source *s, const struct tm_change *c);
int src_requeue_name(struct tm_source *s, struct tm_oid dir, const char *name, size_t len);
int src_requeue_dir(struct tm_source *s, struct tm_oid dir, bool tree);
/* @d NULL: the name alone. */
void src_file_failed(struct tm_source *s, const struct src_dir *d, const char *name, size_t len, int op,
		     int err);
int src_send(struct tm_source *s, uint16_t type, const void *p, uint32_t n);
int src_send_buf(struct tm_source *s, uint16_t type, const struct tm_buf *b);
/* One frame of the target that is no NOTICE. ERROR and BYE: -EREMOTEIO, text in s->text. */
int src_recv(struct tm_source *s, uint16_t *ret_type, const uint8_t **ret_p, uint32_t *ret_n);

/* ---- lookup.c ---- */

enum src_open { SRC_OPEN_PATH /* O_PATH */, SRC_OPEN_LIST /* O_RDONLY */ };

/*
 * A new descriptor of @d, its identity checked. -ESTALE: not where the index has it; -EXDEV: something is
 * mounted there; -errno: it cannot be opened.
 */
int src_dir_open(struct tm_source *s, const struct src_dir *d, enum src_open how);
/*
 * The same when that said -ESTALE: step by step from the root, listing a parent where a name does not
 * lead to the identity any more. Puts the index right. -ESTALE: it is not where its parent is.
 */
int src_dir_find(struct tm_source *s, struct src_dir *d, enum src_open how);
/* A borrowed O_PATH descriptor, good until the next call. */
int src_dir_cached(struct tm_source *s, struct src_dir *d);
void src_dir_uncache(struct tm_source *s);
/* Does this error mean "not there", rather than "cannot look"? */
bool src_err_gone(int r);

/* Never replicated: the reserved directory, lost+found. -EEXIST: a user's own entry of the reserved name. */
int src_name_reserved(struct tm_source *s, const struct src_dir *d, int dirfd, const char *name);

/* ---- walk.c ---- */

struct src_list_item {
	const char *name;
	uint8_t len;
	uint8_t d_type;
	uint64_t ino;
};

/* Call @fn for each entry of the directory @fd (owned), without ".", "..". Stops at the first non-zero. */
int src_list_each(int fd, int (*fn)(const struct src_list_item *it, void *arg), void *arg);

/* Build the index. */
int src_walk_index(struct tm_source *s);
int src_enqueue(struct tm_source *s, struct src_dir *d, enum src_want want);
/* The first queued one; there is one. */
struct src_dir *src_dequeue(struct tm_source *s);
/* When it has a place again before this set is acknowledged it must be listed. */
int src_dir_owe_listing(struct tm_source *s, struct src_dir *d);
/* Queue those that do. */
int src_pay_listings(struct tm_source *s);
/* List the first queued directory into the batch. */
int src_list_next(struct tm_source *s);
/* Put a directory that was seen at (parent, name) into the index, and queue it when it is new. */
int src_dir_seen(struct tm_source *s, struct src_dir *parent, const char *name, size_t len,
		 struct tm_oid oid, enum src_want want);

/* ---- examine.c ---- */

/*
 * Those in directories that can be found. With @all the others are searched for, and given up or kept
 * dirty; to be called again after listings, which may have found their directories.
 */
int src_examine_names(struct tm_source *s, bool all);
/* The changed inodes that no other assertion was about yet. */
int src_examine_inodes(struct tm_source *s);
/* Errors that end the set, not just the work on one object. */
bool src_err_fatal(const struct tm_source *s, int r);

/* ---- missing.c ---- */

/*
 * @oid is nowhere to be found and nothing in this set says why: keep its record dirty (true), or give
 * up? A directory that the index has is awaited longer: the change that moved it must come.
 */
bool src_miss(struct tm_source *s, struct tm_oid oid);
/* A change of a file was dropped: when the file turns up in one of the next sets, all of it is in doubt. */
int src_owe(struct tm_source *s, struct tm_oid oid);
bool src_owed(const struct tm_source *s, struct tm_oid oid);
/* A set is acknowledged. */
void src_missing_prune(struct tm_source *s);

/* ---- emit.c ---- */

/* In @flags of an emit, beyond enum tm_assert_flags: all changes of this object are in the set. */
#define SRC_EXACT (1u << 16)
/* It is looked at because tracking had a gap: ranges known need not be all there are. */
#define SRC_HEAL (1u << 17)

int src_emit_entry(struct tm_source *s, struct src_dir *parent, const char *name, size_t len,
		   const struct src_seen *seen, uint32_t flags);
int src_emit_absent(struct tm_source *s, struct src_dir *parent, const char *name, size_t len);
int src_emit_dir(struct tm_source *s, struct src_dir *d, const struct src_seen *seen);
int src_emit_listed(struct tm_source *s, struct src_dir *d);
struct src_obj *src_obj_find(const struct src_batch *b, struct tm_oid oid);
const char *src_obj_name(const struct tm_source *s, const struct src_obj *o);
/* Send BATCH, if that was not done. */
int src_batch_start(struct tm_source *s, bool last);
/* Send the assertions held back; the batch has started. */
int src_batch_send_held(struct tm_source *s);

/* ---- batch.c ---- */

bool src_batch_full(const struct tm_source *s);
bool src_batch_over_bytes(const struct tm_source *s);
/* Finish what was emitted as one batch; content, commit, acknowledgement. */
int src_batch_run(struct tm_source *s, bool last);
/* Give up: tell the target if it may be told. */
void src_batch_abort(struct tm_source *s, int err);
void src_batch_reset(struct tm_source *s);
void src_batch_free(struct tm_source *s);

/* ---- content.c ---- */

/* A descriptor of what was asserted, for reading. -ESTALE: it is not there any more; -errno. */
int src_obj_open(struct tm_source *s, const struct src_obj *o);
/* Its version counters, or NULL. */
const struct tm_version *src_obj_version(const struct tm_source *s, const struct src_obj *o);

/* Answer one need. */
int src_send_object(struct tm_source *s, struct src_obj *o);
/* The ranges a DIRTY need is answered with, below @size; *ret_whole: they are not known. */
int src_dirty_ranges(const struct src_obj *o, uint64_t size, struct tm_ranges *ret, bool *ret_whole);


/* ---- compare.c ---- */

/* May hashes be asked for at all? */
static inline bool src_may_compare(const struct tm_source *s)
{
	return s->link && (s->link->features & TM_FEATURE_COMPARE);
}

/* A HASHES frame: read the same blocks here. 0 or an error that ends the set. */
int src_compare_hashes(struct tm_source *s, const uint8_t *p, uint32_t n);
/* The target has said all of this round: are the hashes complete? 0 or -EBADMSG. */
int src_compare_end(struct tm_source *s);
/* What differs, for a file of @size bytes now; *@ret_whole: everything. 0 or -ENOMEM. */
int src_compare_ranges(const struct src_obj *o, uint64_t size, struct tm_ranges *ret, bool *ret_whole);
/* Nothing differs, and nothing was added since. */
bool src_compare_same(const struct src_obj *o, uint64_t size);
uint64_t src_compare_bytes(const struct src_obj *o);
/* It is through: count it. */
void src_compare_judge(struct tm_source *s, struct src_obj *o);
/* A FOUND frame. */
int src_compare_found(struct tm_source *s, const uint8_t *p, uint32_t n);
void src_compare_free(struct src_obj *o);

#endif
