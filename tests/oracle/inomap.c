// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inomap.c - an open-addressing table of inodes. See inomap.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inomap.h"
#include "util.h"

static struct oracle_ino *slot(struct oracle_ino *v, size_t cap, dev_t dev, ino_t ino)
{
	uint64_t h = ((uint64_t)ino ^ ((uint64_t)dev << 40)) * 0x9e3779b97f4a7c15ull;
	size_t i = (h >> 20) & (cap - 1);

	while (v[i].path && (v[i].dev != dev || v[i].ino != ino))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void grow(struct oracle_inomap *map)
{
	size_t cap = map->cap ? 2 * map->cap : 256;
	struct oracle_ino *v = oracle_alloc(cap * sizeof(*v));

	memset(v, 0, cap * sizeof(*v));
	for (size_t i = 0; i < map->cap; i++)
		if (map->v[i].path)
			*slot(v, cap, map->v[i].dev, map->v[i].ino) = map->v[i];
	free(map->v);
	map->v = v;
	map->cap = cap;
}

struct oracle_ino *oracle_inomap_get(struct oracle_inomap *map, const struct stat *st,
				     const char *path, bool *ret_new)
{
	struct oracle_ino *e;

	if (2 * map->n >= map->cap)
		grow(map);
	e = slot(map->v, map->cap, st->st_dev, st->st_ino);
	*ret_new = !e->path;
	if (!e->path)
		*e = (struct oracle_ino){ .dev = st->st_dev, .ino = st->st_ino,
					  .path = oracle_strdup(path), .id = ++map->n };
	return e;
}

void oracle_inomap_done(struct oracle_inomap *map)
{
	for (size_t i = 0; i < map->cap; i++)
		free(map->v[i].path);
	free(map->v);
	memset(map, 0, sizeof(*map));
}
