/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/step.h - what a committed batch does, one step after the other, and its bytes in the log.
 * Pure.
 *
 * Each step names places by (directory identity, name) and objects by identity and target inode
 * number (tino), so that repeating it can tell "still to do" from "done". Order in a plan:
 *
 *	ALL rows, then names (MOVE EXCHANGE LINK UNLINK PURGE), CONTENT and PATCH, RMTREE, attributes.
 *
 * Only steps on names that relocate a directory change what a place means; they have TM_SF_DIR.
 */
#ifndef TM_TARGET_STEP_H
#define TM_TARGET_STEP_H

#include "target/arena.h"
#include "target/batch.h"
#include "target/row.h"

enum tm_step_type {
	TM_STEP_ROW = 1,  /* table only: remember @row */
	TM_STEP_MOVE = 2, /* @oid from @from to @to; from STAGE: it appears, to PARK: it vanishes */
	TM_STEP_EXCHANGE = 3, /* @oid at @from and @oid2 at @to change places in one moment */
	TM_STEP_LINK = 4,     /* one more name @to for @oid, which has the name @from */
	TM_STEP_UNLINK =
		5, /* the name @from of @oid goes; the object with it if it was the last one */
	TM_STEP_PURGE =
		6, /* @from is not in the table and not on the source: it goes with all below it */
	TM_STEP_CONTENT = 7, /* the inode at @from (STAGE) takes all names of @oid */
	TM_STEP_PATCH = 8,   /* ranges of @patch are written into @oid */
	TM_STEP_RMTREE = 9,  /* @from (in PARK) and all below it is deleted */
	TM_STEP_ATTR = 10,   /* owner, mode, xattrs, times of @oid as in @row */
	TM_STEP_TIMES = 11,  /* only mtime of @oid as in @row */
};

enum tm_step_flags {
	TM_SF_DIR = 1 << 0,	/* relocates a directory */
	TM_SF_REPLACE = 1 << 1, /* MOVE: over the non-directory @oid2 that is there */
	TM_SF_XATTRS = 1 << 2,	/* ATTR: @xattrs is the complete list */
};

struct tm_step {
	uint8_t type;  /* enum tm_step_type */
	uint8_t flags; /* enum tm_step_flags */
	struct tm_oid oid;
	uint64_t tino; /* of @oid; CONTENT: of the new inode */
	struct tm_oid oid2;
	uint64_t tino2;	      /* of @oid2 */
	struct tm_place from; /* names borrowed */
	struct tm_place to;
	struct tm_row row; /* ROW, ATTR, TIMES, PATCH */
	struct tm_patch
		patch; /* PATCH: v borrowed from the batch when planned, owned after decoding */
	const uint8_t *xattrs; /* ATTR, borrowed */
	uint32_t xattrs_len;
};

/* Longest encoding: TM_COVER_MAX-sized patches are split over several steps by the planner. */
#define TM_STEP_PATCH_RANGES 16384
#define TM_STEP_BYTES_MAX    ((size_t)1 << 20)

void tm_step_put(struct tm_buf *b, const struct tm_step *s);
/*
 * Decode one step (the whole reader); names are copied to @a, xattrs borrowed, patch.v is owned by
 * the caller (free it). Returns 0, -EBADMSG, -ENOMEM.
 */
int tm_step_get(struct tm_rd *r, struct tm_arena *a, struct tm_step *s);
const char *tm_step_name(uint8_t type);

#endif
