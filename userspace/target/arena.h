/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/arena.h - memory of one batch: many small pieces, one limit, one free.
 *
 * Low-level primitive of this room. Pieces are zeroed, aligned to 16 bytes and live until
 * tm_arena_free(). Beyond the limit allocation fails, so a peer cannot make us grow without bound.
 */
#ifndef TM_TARGET_ARENA_H
#define TM_TARGET_ARENA_H

#include "lib/base.h"

struct tm_arena_chunk;

struct tm_arena {
	struct tm_arena_chunk *chunks;
	size_t used; /* bytes handed out */
	size_t max;  /* hard limit in bytes */
};

void tm_arena_init(struct tm_arena *a, size_t max);
void tm_arena_free(struct tm_arena *a);
/* NULL: no memory, or over the limit. */
void *tm_arena_alloc(struct tm_arena *a, size_t n);
/* A copy of @n bytes with a NUL behind them. */
void *tm_arena_dup(struct tm_arena *a, const void *p, size_t n);

#endif
