/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/row.h - what the target remembers of one object, and how the planner looks things up.
 *
 * Pure types. The identity table (table.h) is one implementation of struct tm_view, the planner's
 * tests have another one in memory.
 */
#ifndef TM_TARGET_ROW_H
#define TM_TARGET_ROW_H

#include "lib/oid.h"
#include "wire/msg.h"

/*
 * Places that are no directories of the source. PARK holds what lost its last name and was not yet
 * claimed or deleted; STAGE what a batch has built and not yet put into place. Identities with
 * an alias number are objects whose inode number the source used again for another kind.
 */
#define TM_OID_PARK	((struct tm_oid){ 1, UINT32_MAX, UINT32_MAX })
#define TM_OID_STAGE	((struct tm_oid){ 2, UINT32_MAX, UINT32_MAX })
#define TM_OID_ALIAS(n) ((struct tm_oid){ (n), UINT32_MAX, UINT32_MAX - 1 })

/* A peer may not name one of them. */
static inline bool tm_oid_reserved(struct tm_oid o)
{
	return o.gen == UINT32_MAX && o.subvol >= UINT32_MAX - 1;
}

#define TM_PARK_NAME 40
/* Where an object is parked: one name per identity. */
void tm_park_name(struct tm_oid o, char name[TM_PARK_NAME]);

enum tm_row_flags {
	/* regular: content is whole as asserted; directory: it was listed */
	TM_ROW_COMPLETE = 1 << 0,
	TM_ROW_ATTRS = 1 << 1, /* owner, mode, times, xattrs are as asserted */
};

struct tm_row {
	struct tm_oid oid;
	uint8_t kind;  /* enum tm_obj_kind */
	uint8_t flags; /* enum tm_row_flags */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink; /* as seen on the source */
	uint64_t size;
	uint64_t rdev;
	int64_t mtime_s;
	uint32_t mtime_ns;
	int64_t ctime_s; /* of the source */
	uint32_t ctime_ns;
	uint64_t tino;	   /* inode number on the target */
	uint64_t data_seq; /* batch that last brought content */
};

void tm_row_from_attrs(struct tm_row *row, const struct tm_attrs *a);
void tm_row_put(struct tm_buf *b, const struct tm_row *row);
int tm_row_get(struct tm_rd *r, struct tm_row *row);

/* One directory entry. */
struct tm_place {
	struct tm_oid dir;
	const char *name; /* borrowed, terminated */
	uint32_t len;
};

/* Called once per entry: 0 go on, anything else ends the walk and is returned. */
typedef int (*tm_view_fn)(void *arg, struct tm_place at, struct tm_oid oid);

/*
 * Lookups return 0, -ENOENT, or another -errno. Callbacks must not look up in the same walk's
 * direction.
 */
struct tm_view {
	int (*object)(void *ctx, struct tm_oid oid, struct tm_row *ret);
	int (*name)(void *ctx, struct tm_oid dir, const char *name, uint32_t len,
		    struct tm_oid *ret);
	int (*names_of)(void *ctx, struct tm_oid oid, tm_view_fn fn, void *arg);
	int (*children)(void *ctx, struct tm_oid dir, tm_view_fn fn, void *arg);
	void *ctx;
};

#endif
