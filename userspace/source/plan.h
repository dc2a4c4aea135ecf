/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/plan.h - one change set, arranged for the work on it. Pure.
 *
 * Names are grouped by directory, so that each directory is opened once; changed inodes are found
 * by identity, so that whatever assertion comes across an object carries what is known of it.
 */
#ifndef TM_SOURCE_PLAN_H
#define TM_SOURCE_PLAN_H

#include "changes/set.h"
#include "lib/map.h"

struct src_name {
	struct tm_oid dir;
	struct tm_oid obj;	/* hint, or none */
	uint32_t flags;		/* enum tm_change_flags */
	uint8_t len;
	char *name;		/* NUL-terminated */
};

struct src_ino {
	struct tm_oid obj;
	struct tm_oid dir;	/* hint, or none */
	char *name;		/* hint, NUL-terminated, or NULL */
	struct tm_range *ranges;
	uint32_t n_ranges;
	uint32_t flags;		/* enum tm_change_flags */
	uint8_t name_len;
	bool asserted;		/* some assertion of this set was about it */
	bool done;		/* and a batch of this set that had it was acknowledged */
};

/* Names of one directory: names[first] .. names[first + n - 1]. */
struct src_group {
	struct tm_oid dir;
	size_t first, n;
	unsigned int depth;	/* for the caller */
	bool done;
};

struct src_where {
	struct tm_oid dir;
	bool tree;		/* SUBTREE, not DIR */
	bool compare;
};

struct src_hint {
	struct tm_oid obj;
	bool live;		/* a name was seen to hold it; else only seen to lose it */
};

struct src_plan {
	bool all;
	bool compare;			/* some record says COMPARE */
	uint32_t all_flags;
	struct src_name *names;
	size_t n_names, cap_names;
	struct src_group *groups;
	size_t n_groups;
	struct src_ino *inos;
	size_t n_inos, cap_inos;
	struct tm_map *ino_map;		/* oid -> struct src_ino */
	struct src_where *where;
	size_t n_where, cap_where;
	struct src_hint *hints;		/* sorted by obj */
	size_t n_hints;
};

/* Copy @set. Returns 0 or -ENOMEM; release in both cases. */
int src_plan_load(struct src_plan *p, const struct tm_change_set *set);
void src_plan_free(struct src_plan *p);		/* accepts a zeroed one */

struct src_ino *src_plan_ino(const struct src_plan *p, struct tm_oid obj);
bool src_plan_has_name(const struct src_plan *p, struct tm_oid dir, const char *name, size_t len);
/* Did a record of this set name @obj? *ret_live: as the present content of an entry. */
bool src_plan_hint(const struct src_plan *p, struct tm_oid obj, bool *ret_live);

int src_oid_cmp(struct tm_oid a, struct tm_oid b);

#endif
