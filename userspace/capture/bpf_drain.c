/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_drain.c - from the maps to change records.
 *
 * An epoch flip turns all new marks to the other dirty map; after a grace period nobody writes to the
 * old one, and it is delivered and emptied at leisure. Nothing is ever deleted while it can still be
 * written. The old map is empty before the next flip; after a restart it is drained first. The ring is
 * consumed between the grace period and the delivery, so the names of what is delivered are known.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture/bpf.h"
#include "capture/selftest.h"
#include "lib/clock.h"

/* Between flips: each costs a grace period of 8-20 ms. */
#define FLIP_MS		20
/* How long the doorbell stays off after records came. */
#define REST_MS		20
/* A record that its producer has not finished yet. */
#define BUSY_MS		5
#define IDLE_MS		1000
/* After records could not be taken over. */
#define RETRY_MS	200
#define BATCH		256
#define HINTS_MAX	200000

/* ---- delivery */

int tm_bpf_deliver(struct tm_kern *k, uint64_t roots, const struct tm_change *c)
{
	int n = 0;

	for (unsigned int i = 0; i < TM_ROOTS; i++) {
		struct tm_root_slot *s = &k->ctl->root[i];
		int r;

		if (!(roots >> i & 1) || !s->active)
			continue;
		if (i == TM_SELFTEST_SLOT) {
			tm_selftest_note(k, c);
			continue;
		}
		if (!(k->claimed >> i & 1)) {
			/* Its policy has not come back yet: it will be told ALL. */
			if (s->overflow == s->overflow_told)
				__atomic_fetch_add(&s->overflow, 1, __ATOMIC_SEQ_CST);
			continue;
		}
		r = k->opts->ops.on_change(k->opts->ops.arg, i, c);
		if (r < 0)
			return r;
		n++;
	}
	k->delivered += n;
	return n;
}

int tm_bpf_deliver_all(struct tm_kern *k, uint64_t roots, const char *reason)
{
	const struct tm_change all = { .kind = TM_CHANGE_ALL };

	roots &= k->claimed;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		int r;

		if (!(roots >> i & 1) || !k->ctl->root[i].active)
			continue;
		k->opts->ops.on_incomplete(k->opts->ops.arg, i, reason, "root");
		r = tm_bpf_deliver(k, 1ULL << i, &all);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct tm_oid oid_of(const struct tm_id *id)
{
	return (struct tm_oid){ .ino = id->ino, .gen = id->gen, .subvol = id->subvol };
}

static uint32_t flags_of(uint32_t d)
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

/* ---- the ring */

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

static void hint_drop(struct tm_kern *k, const struct tm_dirty_key *key)
{
	const struct tm_hint *h = tm_map_get(k->hints, key, sizeof(*key));

	if (h && h->flip != k->flips)
		free(tm_map_del(k->hints, key, sizeof(*key)));
}

static int hint_keep(struct tm_kern *k, const struct tm_event *e)
{
	struct tm_dirty_key key = key_of(e);
	struct tm_hint *h;
	void *old = NULL;

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
		.kind = TM_CHANGE_INODE, .flags = flags_of(e->range.flags),
		.dir = oid_of(&e->dir), .obj = oid_of(&e->obj), .ranges = &range, .n_ranges = 1,
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
		.dir = oid_of(&e->dir), .obj = oid_of(&e->obj), .name = e->name, .name_len = e->name_len,
	};

	if (!e->name_len) {
		/* The kernel could not read it: list the directory. */
		c.kind = TM_CHANGE_DIR;
		c.flags = 0;
	}
	return tm_bpf_deliver(k, e->roots, &c);
}

static int on_record(void *arg, const void *rec, size_t len)
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
		struct tm_change c = { .kind = TM_CHANGE_SUBTREE, .dir = oid_of(&e.obj) };

		r = tm_bpf_deliver(k, e.roots, &c);
		break;
	}
	case TM_EV_APPEAR:
	case TM_EV_GONE:
	case TM_EV_NAME:
		r = deliver_name(k, &e);
		break;
	}
	return r < 0 ? r : 0;
}

static int ring_take(struct tm_kern *k)
{
	uint64_t full = __atomic_load_n(&k->ctl->count.ring_full, __ATOMIC_RELAXED);
	int n = tm_ring_consume(&k->ring, on_record, k);

	if (n > 0)
		k->busy = true;
	/* A doorbell may be among what did not fit. */
	if (full != k->ring_full_seen) {
		k->ring_full_seen = full;
		k->pending = true;
	}
	return n;
}

/* ---- the dirty maps */

static int live(const struct tm_kern *k)
{
	return __atomic_load_n(&k->ctl->epoch, __ATOMIC_SEQ_CST) & 1 ? TM_MAP_DIRTY_B : TM_MAP_DIRTY_A;
}

static int old(const struct tm_kern *k)
{
	return live(k) == TM_MAP_DIRTY_A ? TM_MAP_DIRTY_B : TM_MAP_DIRTY_A;
}

int tm_bpf_grace(struct tm_kern *k)
{
	uint32_t zero = 0;

	/* Updating a map of maps waits for all running programs (maybe_wait_bpf_programs). */
	return bpf_map_update_elem(k->sync_fd, &zero, &k->sync_inner_fd, BPF_ANY) ? -errno : 0;
}

static int deliver_inode(struct tm_kern *k, const struct tm_dirty_key *key, const struct tm_dirty *d)
{
	const struct tm_hint *h = tm_map_get(k->hints, key, sizeof(*key));
	struct tm_range ranges[TM_EXTENTS];
	struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = flags_of(d->flags),
		.dir = oid_of(&d->parent), .obj = oid_of(&key->id), .ranges = ranges,
	};

	for (int i = 0; i < TM_EXTENTS && !(d->flags & TM_D_WHOLE); i++)
		if (d->used >> i & 1 && d->ext[i].start < d->ext[i].end)
			ranges[c.n_ranges++] = (struct tm_range){ d->ext[i].start, d->ext[i].end };
	if (h) {
		c.name = h->name;
		c.name_len = h->len;
	}
	return tm_bpf_deliver(k, d->roots, &c);
}

static int deliver_entry(struct tm_kern *k, const struct tm_dirty_key *key, const struct tm_dirty *d)
{
	struct tm_change c = { .dir = oid_of(&key->id) };
	int r = 0;

	if (flags_of(d->flags))
		r = deliver_inode(k, key, d);
	if (r >= 0 && d->flags & TM_D_DIR) {
		c.kind = TM_CHANGE_DIR;
		r = tm_bpf_deliver(k, d->roots, &c);
	}
	if (r >= 0 && d->flags & TM_D_SUBTREE) {
		c.kind = TM_CHANGE_SUBTREE;
		r = tm_bpf_deliver(k, d->roots, &c);
	}
	return r < 0 ? r : 0;
}

struct batch {
	struct tm_dirty_key keys[BATCH];
	struct tm_dirty values[BATCH];
};

/* Deliver and delete what @b holds. */
static int batch_deliver(struct tm_kern *k, int fd, struct batch *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int r = deliver_entry(k, &b->keys[i], &b->values[i]);

		if (r)
			return r;
		if (bpf_map_delete_elem(fd, &b->keys[i]) && errno != ENOENT)
			return -errno;
		hint_drop(k, &b->keys[i]);
	}
	return 0;
}

/* One by one: for kernels without batches, or when a bucket holds more than a batch. */
static int old_drain_slowly(struct tm_kern *k, int fd, struct batch *b)
{
	while (!bpf_map_get_next_key(fd, NULL, &b->keys[0])) {
		int r;

		if (bpf_map_lookup_elem(fd, &b->keys[0], &b->values[0]))
			return -errno;
		r = batch_deliver(k, fd, b, 1);
		if (r)
			return r;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int old_drain(struct tm_kern *k)
{
	_cleanup_free_ struct batch *b = NULL;
	int fd = k->map_fd[old(k)];
	uint32_t at = 0, n;
	bool first = true;
	int r;

	if (!k->old_left)
		return 0;
	if (k->old_grace) {
		r = tm_bpf_grace(k);
		if (r)
			return r;
		k->old_grace = false;
	}
	b = malloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	for (bool more = true; more; first = false) {
		n = BATCH;
		r = bpf_map_lookup_batch(fd, first ? NULL : &at, &at, b->keys, b->values, &n, NULL);
		if (r && errno != ENOENT)
			break;
		more = !r;
		r = batch_deliver(k, fd, b, n);
		if (r)
			return r;
	}
	/* Also proves that it is empty. */
	r = old_drain_slowly(k, fd, b);
	if (!r)
		k->old_left = false;
	return r;
}

static int flip(struct tm_kern *k)
{
	int r;

	__atomic_fetch_add(&k->ctl->epoch, 1, __ATOMIC_SEQ_CST);
	k->old_left = true;
	k->old_grace = true;
	k->pending = false;
	r = tm_bpf_grace(k);
	if (r)
		return r;
	k->old_grace = false;
	k->flips++;
	r = ring_take(k);
	if (r < 0)
		return r;
	r = old_drain(k);
	k->flipped_ms = tm_mono_ms();
	return r;
}

int tm_bpf_take_all(struct tm_kern *k)
{
	int r = ring_take(k);

	if (r >= 0)
		r = old_drain(k);
	return r ? r : flip(k);
}

/* Marks that found no room: the loss that is one. */
static int overflows(struct tm_kern *k)
{
	for (unsigned int i = 0; i < TM_ROOTS; i++) {
		struct tm_root_slot *s = &k->ctl->root[i];
		uint64_t now = __atomic_load_n(&s->overflow, __ATOMIC_SEQ_CST);
		int r;

		if (!s->active || now == s->overflow_told || !(k->claimed >> i & 1))
			continue;
		r = tm_bpf_deliver_all(k, 1ULL << i, "map-full");
		if (r)
			return r;
		s->overflow_told = now;
	}
	return 0;
}

/* Ask for a wakeup when the next record comes, unless more are expected soon anyway. */
static void arm(struct tm_kern *k)
{
	if (k->busy || k->pending)
		return;
	__atomic_store_n(&k->ctl->armed, 1, __ATOMIC_SEQ_CST);
}

int tm_bpf_drain(void *b, bool barrier)
{
	struct tm_kern *k = b;
	int r;

	k->delivered = 0;
	k->busy = false;
	r = ring_take(k);
	if (r >= 0)
		r = old_drain(k);
	if (!r && (barrier || (k->pending && tm_mono_ms() - k->flipped_ms >= FLIP_MS)))
		r = flip(k);
	if (!r)
		r = tm_bpf_mapped(k, barrier);
	if (!r)
		r = overflows(k);
	if (!r)
		r = tm_bpf_health(k);
	if (r < 0)
		k->retry_ms = tm_mono_ms() + RETRY_MS;
	arm(k);
	return r < 0 ? r : (int)TM_MIN(k->delivered, (uint64_t)INT32_MAX);
}

int tm_bpf_timeout_ms(const void *b)
{
	const struct tm_kern *k = b;
	uint64_t now = tm_mono_ms(), since = now - k->flipped_ms;

	if (now < k->retry_ms)
		return (int)(k->retry_ms - now);
	if (!tm_ring_empty(&k->ring))
		return BUSY_MS;
	if (k->old_left || (k->pending && since >= FLIP_MS))
		return 0;
	if (k->pending)
		return (int)(FLIP_MS - since);
	return k->busy ? REST_MS : IDLE_MS;
}
