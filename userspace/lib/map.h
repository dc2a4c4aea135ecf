/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/map.h - hash table from fixed-size or variable byte keys to pointers.
 *
 * Keys are copied. Values are the caller's. Open addressing, grows by two;
 * not thread-safe. Iteration order is unspecified; deleting the entry just
 * visited is allowed, inserting while iterating is not.
 */
#ifndef TM_LIB_MAP_H
#define TM_LIB_MAP_H

#include "lib/base.h"

struct tm_map;

struct tm_map *tm_map_new(void);				/* NULL: no memory */
void tm_map_free(struct tm_map *m, void (*free_value)(void *));	/* NULLs accepted */
size_t tm_map_size(const struct tm_map *m);
void *tm_map_get(const struct tm_map *m, const void *key, size_t key_len);
/* Insert or replace; *ret_old (if not NULL) is the replaced value or NULL. 0 or -ENOMEM. */
int tm_map_put(struct tm_map *m, const void *key, size_t key_len, void *value, void **ret_old);
/* Remove; returns the value or NULL. */
void *tm_map_del(struct tm_map *m, const void *key, size_t key_len);
/* Start with *pos = 0; false at the end. key, key_len, value may be NULL. */
bool tm_map_next(const struct tm_map *m, size_t *pos, const void **key, size_t *key_len, void **value);

#endif
