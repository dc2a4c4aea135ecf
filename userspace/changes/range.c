/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * changes/range.c - sets of byte ranges of one file; see range.h. Pure.
 */
#include "changes/range.h"

void tm_ranges_free(struct tm_ranges *r)
{
	if (!r)
		return;
	free(r->v);
	*r = (struct tm_ranges){ 0 };
}

void tm_ranges_clear(struct tm_ranges *r)
{
	r->n = 0;
}

/* The first range that ends at or after @pos: the first one that may touch it. */
static uint32_t first_touching(const struct tm_ranges *r, uint64_t pos)
{
	uint32_t lo = 0, hi = r->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (r->v[mid].end < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Join the two neighbours with the smallest gap: covers more, never less. */
static void join_closest(struct tm_ranges *r)
{
	uint64_t best_gap = UINT64_MAX;
	uint32_t best = 0;

	for (uint32_t i = 0; i + 1 < r->n; i++) {
		uint64_t gap = r->v[i + 1].start - r->v[i].end;

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	r->v[best].end = r->v[best + 1].end;
	memmove(&r->v[best + 1], &r->v[best + 2], (r->n - best - 2) * sizeof(r->v[0]));
	r->n--;
}

/* Room for one more. One above the limit, because joining comes after inserting. */
static int make_room(struct tm_ranges *r)
{
	uint32_t cap;
	struct tm_range *v;

	if (r->n < r->cap)
		return 0;
	cap = r->cap ? TM_MIN(r->cap * 2, (uint32_t)TM_RANGES_MAX + 1) : 4;
	v = realloc(r->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->v = v;
	r->cap = cap;
	return 0;
}

int tm_ranges_add(struct tm_ranges *r, uint64_t start, uint64_t end)
{
	uint32_t i, j;
	int err;

	if (start >= end)
		return 0;
	i = first_touching(r, start);
	/* [i, j): everything that overlaps or touches the new one. */
	for (j = i; j < r->n && r->v[j].start <= end; j++)
		;
	if (i == j) {
		err = make_room(r);
		if (err < 0)
			return err;
		memmove(&r->v[i + 1], &r->v[i], (r->n - i) * sizeof(r->v[0]));
		r->v[i] = (struct tm_range){ start, end };
		if (++r->n > TM_RANGES_MAX)
			join_closest(r);
		return 0;
	}
	r->v[i].start = TM_MIN(r->v[i].start, start);
	r->v[i].end = TM_MAX(r->v[j - 1].end, end);
	memmove(&r->v[i + 1], &r->v[j], (r->n - j) * sizeof(r->v[0]));
	r->n -= j - i - 1;
	return 0;
}

int tm_ranges_add_all(struct tm_ranges *r, const struct tm_range *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int err = tm_ranges_add(r, v[i].start, v[i].end);

		if (err < 0)
			return err;
	}
	return 0;
}

uint64_t tm_ranges_bytes(const struct tm_ranges *r, uint64_t size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->n && r->v[i].start < size; i++)
		sum += TM_MIN(r->v[i].end, size) - r->v[i].start;
	return sum;
}

bool tm_ranges_cover(const struct tm_ranges *r, uint64_t start, uint64_t end)
{
	uint32_t i;

	if (start >= end)
		return true;
	/* Ranges are never adjacent, so one of them holds it all or none does. */
	i = first_touching(r, start);
	if (i < r->n && r->v[i].end == start)
		i++;
	return i < r->n && r->v[i].start <= start && r->v[i].end >= end;
}
