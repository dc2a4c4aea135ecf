/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_take.c - what the ring says: names, ranges that did not fit, and which inodes became dirty.
 *
 * A record leaves the ring once it was taken over. Names that are told again later in the same look are
 * left out: files that come and go by the thousand under one name are one question.
 */
#include "capture/bpf.h"

#define HINTS_MAX	200000
/* More of them than this, and walking through the map is cheaper. */
#define KEYS_MAX	2048

struct tm_oid tm_bpf_oid(const struct tm_id *id)
{
	return (struct tm_oid){ .ino = id->ino, .gen = id->gen, .subvol = id->subvol };
}

uint32_t tm_bpf_flags(uint32_t d)
{
	uint32_t f = 0;

	f |= d & TM_D_DATA ? TM_CF_DATA : 0;
	f |= d & TM_D_WHOLE ? TM_CF_DATA | TM_CF_WHOLE : 0;
	f |= d & TM_D_SIZE ? TM_CF_SIZE : 0;
	f |= d & TM_D_ATTR ? TM_CF_ATTR : 0;
	f |= d & TM_D_MMAP ? TM_CF_MMAP : 0;
	return f;
}

static struct tm_dirty_key key_of(const struct tm_event *e)
{
	return (struct tm_dirty_key){ .id = e->obj, .dev = e->dev };
}

/*
 * A doorbell taken while an epoch was being drained may be of that epoch or of the next, so its hint stays
 * for one more; what is older belongs to nothing.
 */
static void hints_purge(struct tm_kern *k)
{
	const void *key;
	size_t at = 0, len;
	void *v;

	while (tm_map_next(k->hints, &at, &key, &len, &v)) {
		const struct tm_hint *h = v;

		if (k->flips - h->flip > 1)
			free(tm_map_del(k->hints, key, len));
	}
}

void tm_bpf_hint_drop(struct tm_kern *k, const struct tm_dirty_key *key)
{
	const struct tm_hint *h = tm_map_get(k->hints, key, sizeof(*key));

	if (h && h->flip != k->flips)
		free(tm_map_del(k->hints, key, sizeof(*key)));
}

static void key_keep(struct tm_keys *s, const struct tm_dirty_key *key)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct tm_dirty_key *v = cap <= KEYS_MAX ? realloc(s->v, cap * sizeof(*v)) : NULL;

		if (!v) {
			s->known = false;
			return;
		}
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = *key;
}

static int hint_keep(struct tm_kern *k, const struct tm_event *e)
{
	struct tm_dirty_key key = key_of(e);
	struct tm_hint *h;
	void *old = NULL;

	key_keep(&k->keys[e->map & 1], &key);

	/* Only a help: without it the directory is listed. */
	if (tm_map_size(k->hints) >= HINTS_MAX)
		hints_purge(k);
	if (!e->name_len || tm_map_size(k->hints) >= HINTS_MAX)
		return 0;
	h = malloc(sizeof(*h) + e->name_len);
	if (!h)
		return 0;
	h->flip = k->flips;
	h->len = e->name_len;
	memcpy(h->name, e->name, e->name_len);
	if (tm_map_put(k->hints, &key, sizeof(key), h, &old))
		free(h);
	free(old);
	return 0;
}

static int deliver_range(struct tm_kern *k, const struct tm_event *e)
{
	struct tm_range range = { e->range.start, e->range.end };
	struct tm_dirty_key key = key_of(e);
	const struct tm_hint *h = tm_map_get(k->hints, &key, sizeof(key));
	struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = tm_bpf_flags(e->range.flags),
		.dir = tm_bpf_oid(&e->dir), .obj = tm_bpf_oid(&e->obj), .ranges = &range, .n_ranges = 1,
	};

	if (h) {
		c.name = h->name;
		c.name_len = h->len;
	}
	return tm_bpf_deliver(k, e->roots, &c);
}

static int deliver_name(struct tm_kern *k, const struct tm_event *e)
{
	struct tm_change c = {
		.kind = TM_CHANGE_NAME, .flags = e->op == TM_EV_GONE ? TM_CF_GONE : 0,
		.dir = tm_bpf_oid(&e->dir), .obj = tm_bpf_oid(&e->obj),
		.name = e->name, .name_len = e->name_len,
	};

	if (!e->name_len) {
		/* The kernel could not read it: list the directory. */
		c.kind = TM_CHANGE_DIR;
		c.flags = 0;
	}
	return tm_bpf_deliver(k, e->roots, &c);
}

/* ---- names that are told several times within one look at the ring */

#define LAST_SLOTS 1024		/* a power of two */

/* Where a name was last heard of; another name in the same slot only costs a record more. */
struct last_names {
	struct {
		uint64_t hash;
		uint64_t at;
	} slot[LAST_SLOTS];
};

static bool is_name(const struct tm_event *e)
{
	return (e->op == TM_EV_APPEAR || e->op == TM_EV_GONE || e->op == TM_EV_NAME) && e->name_len;
}

static uint64_t name_hash(const struct tm_event *e)
{
	uint64_t h = e->dir.ino * 0x9e3779b97f4a7c15ULL ^ e->dir.subvol ^ (uint64_t)e->dev << 32, word;
	size_t i;

	for (i = 0; i + 8 <= e->name_len; i += 8) {
		memcpy(&word, e->name + i, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, e->name + i, e->name_len - i);
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 32;
}

static int name_seen(void *arg, const void *rec, size_t len, uint64_t at)
{
	struct last_names *l = arg;
	const struct tm_event *e = rec;
	uint64_t h;

	if (len < TM_EVENT_HEAD || !is_name(e) || e->name_len > len - TM_EVENT_HEAD)
		return 0;
	h = name_hash(e);
	l->slot[h % LAST_SLOTS].hash = h;
	l->slot[h % LAST_SLOTS].at = at;
	return 0;
}

/*
 * Does a later record, still in the ring, tell the same name for at least the same roots? A record says
 * where to look, so the last one is enough.
 */
static bool told_again(const struct tm_kern *k, const struct tm_event *e, uint64_t at)
{
	const struct tm_event *later;
	uint64_t h;
	size_t len, i;

	if (!k->last || !is_name(e))
		return false;
	h = name_hash(e);
	i = h % LAST_SLOTS;
	if (k->last->slot[i].hash != h || k->last->slot[i].at <= at)
		return false;
	later = tm_ring_at(&k->ring, k->last->slot[i].at, &len);
	return later->dev == e->dev && (later->roots & e->roots) == e->roots &&
	       !memcmp(&later->dir, &e->dir, sizeof(e->dir)) && later->name_len == e->name_len &&
	       !memcmp(later->name, e->name, e->name_len);
}

static int on_record(void *arg, const void *rec, size_t len, uint64_t at)
{
	struct tm_kern *k = arg;
	struct tm_event e;
	int r = 0;

	/* Copied first: nobody but the kernel writes there, but nothing is read twice. */
	memset(&e, 0, TM_EVENT_HEAD);
	memcpy(&e, rec, TM_MIN(len, sizeof(e)));
	if (len < TM_EVENT_HEAD || e.name_len > TM_MIN(len - TM_EVENT_HEAD, (size_t)TM_NAME_LEN))
		return 0;
	switch ((enum tm_event_op)e.op) {
	case TM_EV_DOORBELL:
		k->pending = true;
		r = hint_keep(k, &e);
		break;
	case TM_EV_RANGE:
		k->pending = true;
		r = deliver_range(k, &e);
		break;
	case TM_EV_SUBTREE: {
		struct tm_change c = { .kind = TM_CHANGE_SUBTREE, .dir = tm_bpf_oid(&e.obj) };

		r = tm_bpf_deliver(k, e.roots, &c);
		break;
	}
	case TM_EV_APPEAR:
	case TM_EV_GONE:
	case TM_EV_NAME:
		if (!told_again(k, &e, at))
			r = deliver_name(k, &e);
		break;
	}
	return r < 0 ? r : 0;
}

int tm_bpf_take(struct tm_kern *k)
{
	uint64_t full = __atomic_load_n(&k->ctl->count.ring_full, __ATOMIC_RELAXED);
	int n;

	if (!tm_ring_empty(&k->ring)) {
		/* Without memory every record is delivered. */
		k->last = calloc(1, sizeof(*k->last));
		if (k->last)
			tm_ring_peek(&k->ring, name_seen, k->last);
	}
	n = tm_ring_consume(&k->ring, on_record, k);
	free(k->last);
	k->last = NULL;

	if (n > 0)
		k->busy = true;
	/* A doorbell may be among what did not fit. */
	if (full != k->ring_full_seen) {
		k->ring_full_seen = full;
		k->pending = true;
	}
	return n;
}
