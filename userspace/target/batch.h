/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/batch.h - the assertions of one batch, collected in memory. Pure.
 *
 * A later assertion about the same entry or object replaces an earlier one; what came last is
 * remembered by a running number, because of contradicting sightings the newer one is believed.
 * Bounded: TM_BATCH_RECORDS_MAX assertions and TM_BATCH_BYTES_MAX of memory, then -E2BIG.
 */
#ifndef TM_TARGET_BATCH_H
#define TM_TARGET_BATCH_H

#include "lib/map.h"
#include "target/arena.h"
#include "target/row.h"
#include "wire/msg.h"

#define TM_BATCH_RECORDS_MAX ((uint64_t)4 << 20)
#define TM_BATCH_BYTES_MAX   ((size_t)1 << 30)

enum tm_content {
	TM_CONTENT_NONE = 0,
	TM_CONTENT_STAGED = 1, /* a new inode waits in STAGE */
	TM_CONTENT_PATCH = 2,  /* ranges in the log, to be written in place */
};

/* Ranges of one file whose bytes are in the log (log.h), or that become holes. */
struct tm_patch_range {
	uint64_t off; /* in the file */
	uint64_t len;
	uint64_t log_off; /* of the raw bytes in the log; 0: a hole */
	uint64_t sum;	  /* XXH3-64 of the bytes */
};

struct tm_patch {
	uint64_t old_size;
	uint64_t new_size;
	struct tm_patch_range *v; /* owned by whoever holds the patch */
	uint32_t n;
	uint32_t cap;
};

struct tm_bent;

/* One object that some assertion of the batch is about. */
struct tm_bobj {
	struct tm_oid oid;
	struct tm_attrs attrs; /* the newest: of the last assertion, then of its FILE */
	int64_t seen_ctime_s;  /* change stamp when it was asserted */
	uint32_t seen_ctime_ns;
	uint32_t flags;	     /* enum tm_assert_flags, joined */
	const char *symlink; /* in the arena, terminated */
	uint32_t symlink_len;
	bool asserted;		   /* an ENTRY or OBJECT was about it: attrs are valid */
	bool listed;		   /* LISTED */
	const struct tm_bent *ent; /* the last ENTRY about it, or NULL */
	/* by need.c: */
	bool fresh; /* asserted since the last evaluation */
	bool known; /* row is valid */
	bool asked_list;
	uint8_t need; /* ATTR, DIRTY or WHOLE was asked for; 0: nothing */
	struct tm_row row;
	/* by stage.c, from the source's answer: */
	uint8_t result;	       /* enum tm_file_result; 0: no answer */
	uint8_t content;       /* enum tm_content */
	bool attrs_ok;	       /* could be set completely */
	/* by compare.c: */
	bool settled; /* by the table it is as asserted: what differs on the disk is damage */
	bool same;    /* compared with the answer: nothing is to be done */
	bool lost;    /* it is not where the table has it */
	bool resumed; /* an earlier batch brought a part of it: what is asked for is the rest */
	uint8_t found; /* enum tm_found_what */
	bool refused;	       /* not allowed here */
	const uint8_t *xattrs; /* in the arena */
	uint32_t xattrs_len;
	char stage[24]; /* name in STAGE, or "" */
	uint64_t stage_tino;
	struct tm_patch patch; /* freed with the batch */
};

/* One entry that some assertion is about. */
struct tm_bent {
	struct tm_place at;
	struct tm_bobj *obj; /* NULL: nothing */
	uint64_t order;	     /* running number of the assertion */
	uint32_t nlink;	     /* of the object, as asserted with this entry */
	bool seen;	     /* by compare.c: looked at on the disk */
};

struct tm_batch {
	struct tm_msg_batch head;
	struct tm_arena arena;
	struct tm_map *obj_map; /* oid -> struct tm_bobj */
	struct tm_map *ent_map; /* dir, name -> struct tm_bent */
	struct tm_bobj **objs;
	size_t n_objs, cap_objs;
	struct tm_bent **ents;
	size_t n_ents, cap_ents;
	uint64_t order;
	bool comparing; /* some assertion says COMPARE */
};

int tm_batch_init(struct tm_batch *b,
		  const struct tm_msg_batch *head); /* 0 or -ENOMEM; free in both cases */
void tm_batch_free(struct tm_batch *b);		    /* accepts a zeroed one */
/* Returns 0; -E2BIG: too much; -EBADMSG: an identity nobody may use; -ENOMEM. */
int tm_batch_add(struct tm_batch *b, const struct tm_assert *a);
struct tm_bobj *tm_batch_obj(const struct tm_batch *b, struct tm_oid oid); /* or NULL */
struct tm_bent *tm_batch_ent(const struct tm_batch *b, struct tm_oid dir, const char *name,
			     uint32_t len);

/* Key of an entry in a tm_map: @key of TM_PLACE_KEY bytes. Returns its length. */
#define TM_PLACE_KEY (sizeof(struct tm_oid) + TM_NAME_LEN_MAX)
size_t tm_place_key(struct tm_oid dir, const char *name, uint32_t len, uint8_t key[TM_PLACE_KEY]);

int tm_patch_add(struct tm_patch *p, struct tm_patch_range r); /* 0 or -ENOMEM */

#endif
