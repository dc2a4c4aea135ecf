/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/range.h - sets of byte ranges of one file. Pure.
 *
 * Half-open [start, end), sorted, disjoint, never adjacent. Bounded: adding
 * beyond TM_RANGES_MAX joins the two closest ones, so the set only ever
 * covers more than was put in, never less.
 */
#ifndef TM_CHANGES_RANGE_H
#define TM_CHANGES_RANGE_H

#include "lib/base.h"

#define TM_RANGE_EOF UINT64_MAX	/* as end: to the end of the file, wherever that is */
#define TM_RANGES_MAX 256

struct tm_range {
	uint64_t start;
	uint64_t end;
};

struct tm_ranges {
	struct tm_range *v;	/* owned */
	uint32_t n;
	uint32_t cap;
};

void tm_ranges_free(struct tm_ranges *r);
void tm_ranges_clear(struct tm_ranges *r);
/* Empty ranges (start >= end) are ignored. Returns 0 or -ENOMEM. */
int tm_ranges_add(struct tm_ranges *r, uint64_t start, uint64_t end);
int tm_ranges_add_all(struct tm_ranges *r, const struct tm_range *v, uint32_t n);
/* Bytes covered below @size. */
uint64_t tm_ranges_bytes(const struct tm_ranges *r, uint64_t size);
bool tm_ranges_cover(const struct tm_ranges *r, uint64_t start, uint64_t end);

#endif
