/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/cover.c - exact set of byte ranges; see cover.h.
 */
#include "target/cover.h"

void tm_cover_free(struct tm_cover *c)
{
	free(c->v);
	*c = (struct tm_cover){ 0 };
}

/* The first range that ends at or after @at. */
static uint32_t find(const struct tm_cover *c, uint64_t at)
{
	uint32_t lo = 0, hi = c->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->v[mid].end < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Replace @gone ranges from index @i by @n of @with. */
static int splice(struct tm_cover *c, uint32_t i, uint32_t gone, const struct tm_range *with,
		  uint32_t n)
{
	uint32_t len = c->n - gone + n;

	if (len > TM_COVER_MAX)
		return -E2BIG;
	if (len > c->cap) {
		uint32_t cap = TM_MAX(len, c->cap ? c->cap * 2 : 16);
		struct tm_range *v = realloc(c->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	if (c->n > i + gone)
		memmove(c->v + i + n, c->v + i + gone, (c->n - i - gone) * sizeof(*c->v));
	if (n)
		memcpy(c->v + i, with, n * sizeof(*with));
	c->n = len;
	return 0;
}

int tm_cover_add(struct tm_cover *c, uint64_t start, uint64_t end)
{
	struct tm_range join = { start, end };
	uint32_t i, k;

	if (start >= end)
		return 0;
	i = find(c, start);
	for (k = i; k < c->n && c->v[k].start <= end; k++) {
		join.start = TM_MIN(join.start, c->v[k].start);
		join.end = TM_MAX(join.end, c->v[k].end);
	}
	return splice(c, i, k - i, &join, 1);
}

int tm_cover_sub(struct tm_cover *c, uint64_t start, uint64_t end)
{
	struct tm_range left[2];
	uint32_t i, k, n = 0;

	if (start >= end)
		return 0;
	i = find(c, start);
	if (i < c->n && c->v[i].end == start)
		i++;
	for (k = i; k < c->n && c->v[k].start < end; k++) {
		if (c->v[k].start < start)
			left[n++] = (struct tm_range){ c->v[k].start, start };
		if (c->v[k].end > end)
			left[n++] = (struct tm_range){ end, c->v[k].end };
	}
	return k == i ? 0 : splice(c, i, k - i, left, n);
}
