/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/set.h - a change set: the distinct changes of one policy. Pure.
 *
 * Merging is idempotent and order does not matter, because every record only
 * says where to look. Bounded: beyond @max_entries the set becomes ALL (and
 * says so), so a backlog never grows with the number of changes.
 */
#ifndef TM_CHANGES_SET_H
#define TM_CHANGES_SET_H

#include "changes/change.h"

struct tm_change_set;

#define TM_CHANGE_SET_MAX_DEFAULT 2000000u

/* NULL: no memory. @max_entries 0: the default. */
struct tm_change_set *tm_change_set_new(uint32_t max_entries);
void tm_change_set_free(struct tm_change_set *s);

/*
 * Merge one record. Returns 0; 1 when this made the set overflow to ALL; -EINVAL for one that
 * tm_change_ok() refuses; -ENOMEM. An added ALL leaves the other records in place (a content range
 * known to be dirty must not depend on a timestamp); an overflow drops them and ALL gets their flags.
 */
int tm_change_set_add(struct tm_change_set *s, const struct tm_change *c);
/* Merge all of @from; @from is unchanged. */
int tm_change_set_merge(struct tm_change_set *s, const struct tm_change_set *from);
void tm_change_set_clear(struct tm_change_set *s);

bool tm_change_set_empty(const struct tm_change_set *s);
/* Distinct records held (ALL counts one). */
size_t tm_change_set_count(const struct tm_change_set *s);
/* Is everything to be looked at? Yields the flags of the ALL record. */
bool tm_change_set_all(const struct tm_change_set *s, uint32_t *ret_flags);

/*
 * Call @fn for every record, in no order; a record stays valid during the call.
 * Stops at the first non-zero return and returns it.
 */
int tm_change_set_each(const struct tm_change_set *s,
		       int (*fn)(const struct tm_change *c, void *arg), void *arg);

#endif
