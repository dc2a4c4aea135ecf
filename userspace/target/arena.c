/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/arena.c - memory of one batch; see arena.h.
 */
#include "target/arena.h"

#define CHUNK ((size_t)256 << 10)

struct tm_arena_chunk {
	struct tm_arena_chunk *next;
	size_t len;
	size_t cap;
	uint8_t data[] __attribute__((aligned(16)));
};

void tm_arena_init(struct tm_arena *a, size_t max)
{
	*a = (struct tm_arena){ .max = max };
}

void tm_arena_free(struct tm_arena *a)
{
	while (a->chunks) {
		struct tm_arena_chunk *c = a->chunks;

		a->chunks = c->next;
		free(c);
	}
	a->used = 0;
}

void *tm_arena_alloc(struct tm_arena *a, size_t n)
{
	struct tm_arena_chunk *c = a->chunks;
	void *p;

	if (n > a->max || a->used > a->max - n)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	if (!c || c->cap - c->len < n) {
		size_t cap = TM_MAX(n, CHUNK);

		c = calloc(1, sizeof(*c) + cap);
		if (!c)
			return NULL;
		c->cap = cap;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->len;
	c->len += n;
	a->used += n;
	return p;
}

void *tm_arena_dup(struct tm_arena *a, const void *p, size_t n)
{
	uint8_t *d = tm_arena_alloc(a, n + 1);

	if (d && n)
		memcpy(d, p, n);
	return d;
}
