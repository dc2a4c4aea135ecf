/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/map.c - hash table from byte keys to pointers; see map.h.
 *
 * Linear probing over a power-of-two array, at most 3/4 full. A deletion leaves a
 * tombstone, so an iteration under way keeps its places; the next growth drops them.
 */
#include "lib/map.h"

#include <sys/random.h>

struct entry {
	uint64_t hash;
	uint32_t key_len;
	uint8_t key[];
};

struct slot {
	struct entry *e; /* NULL: free; TOMB: deleted */
	void *value;
};

struct tm_map {
	struct slot *v;
	size_t cap;  /* power of two */
	size_t n;    /* live */
	size_t used; /* live and tombstones */
	uint64_t seed;
};

static struct entry tombstone;
#define TOMB (&tombstone)

/* Keys are names that other people choose: without a secret seed they could choose collisions. */
static uint64_t hash_key(uint64_t seed, const uint8_t *p, size_t n)
{
	uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15ULL), w;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0xd6e8feb86659fd93ULL;
		h ^= (h >> 32) ^ (seed << 7);
	}
	w = 0;
	if (n)
		memcpy(&w, p, n);
	h = (h ^ w) * 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

struct tm_map *tm_map_new(void)
{
	struct tm_map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != (ssize_t)sizeof(m->seed))
		m->seed = (uint64_t)(uintptr_t)m ^ 0x2545f4914f6cdd1dULL;
	return m;
}

void tm_map_free(struct tm_map *m, void (*free_value)(void *))
{
	if (!m)
		return;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->v[i].e || m->v[i].e == TOMB)
			continue;
		if (free_value)
			free_value(m->v[i].value);
		free(m->v[i].e);
	}
	free(m->v);
	free(m);
}

size_t tm_map_size(const struct tm_map *m)
{
	return m->n;
}

static struct slot *find(const struct tm_map *m, uint64_t hash, const void *key, size_t len)
{
	if (!m->cap)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->v[i];

		if (!s->e)
			return NULL;
		if (s->e != TOMB && s->e->hash == hash && s->e->key_len == len &&
		    (!len || !memcmp(s->e->key, key, len)))
			return s;
	}
}

/* The first place for a new key; the table has a free one. */
static struct slot *find_free(struct slot *v, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (v[i].e && v[i].e != TOMB)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int grow(struct tm_map *m)
{
	/* Mostly tombstones: the same size again is enough. */
	size_t cap = m->cap ? (m->n >= m->cap / 2 ? m->cap * 2 : m->cap) : 16;
	struct slot *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->v[i].e && m->v[i].e != TOMB)
			*find_free(v, cap, m->v[i].e->hash) = m->v[i];
	free(m->v);
	m->v = v;
	m->cap = cap;
	m->used = m->n;
	return 0;
}

void *tm_map_get(const struct tm_map *m, const void *key, size_t key_len)
{
	struct slot *s = find(m, hash_key(m->seed, key, key_len), key, key_len);

	return s ? s->value : NULL;
}

int tm_map_put(struct tm_map *m, const void *key, size_t key_len, void *value, void **ret_old)
{
	uint64_t hash;
	struct entry *e;
	struct slot *s;

	if (key_len > UINT32_MAX)
		return -EINVAL;
	hash = hash_key(m->seed, key, key_len);
	s = find(m, hash, key, key_len);
	if (s) {
		if (ret_old)
			*ret_old = s->value;
		s->value = value;
		return 0;
	}
	if (m->used + 1 > m->cap / 4 * 3 && grow(m) < 0)
		return -ENOMEM;
	e = malloc(sizeof(*e) + key_len);
	if (!e)
		return -ENOMEM;
	e->hash = hash;
	e->key_len = (uint32_t)key_len;
	if (key_len)
		memcpy(e->key, key, key_len);
	s = find_free(m->v, m->cap, hash);
	if (!s->e)
		m->used++;
	*s = (struct slot){ .e = e, .value = value };
	m->n++;
	if (ret_old)
		*ret_old = NULL;
	return 0;
}

void *tm_map_del(struct tm_map *m, const void *key, size_t key_len)
{
	struct slot *s = find(m, hash_key(m->seed, key, key_len), key, key_len);
	void *value;

	if (!s)
		return NULL;
	value = s->value;
	free(s->e);
	*s = (struct slot){ .e = TOMB };
	m->n--;
	return value;
}

bool tm_map_next(const struct tm_map *m, size_t *pos, const void **key, size_t *key_len,
		 void **value)
{
	for (size_t i = *pos; i < m->cap; i++) {
		const struct entry *e = m->v[i].e;

		if (!e || e == TOMB)
			continue;
		if (key)
			*key = e->key;
		if (key_len)
			*key_len = e->key_len;
		if (value)
			*value = m->v[i].value;
		*pos = i + 1;
		return true;
	}
	*pos = m->cap;
	return false;
}
