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

/* Between flips: each costs a grace period of 8-20 ms, and every hot file its place in tm_hot. */
#define FLIP_MS		100
/* How long the doorbell stays off after records came. */
#define REST_MS		20
/* A record that its producer has not finished yet. */
#define BUSY_MS		5
#define IDLE_MS		1000
/* After records could not be taken over. */
#define RETRY_MS	200
#define GUARD_MS	1000
#define BATCH		256

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
	/* Whatever was missed may have been a rename. */
	tm_bpf_forget_places(k);
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

void tm_bpf_forget_places(struct tm_kern *k)
{
	__atomic_fetch_add(&k->hot->place, 1, __ATOMIC_SEQ_CST);
}

static int deliver_inode(struct tm_kern *k, const struct tm_dirty_key *key, const struct tm_dirty *d)
{
	const struct tm_hint *h = tm_map_get(k->hints, key, sizeof(*key));
	struct tm_range ranges[TM_EXTENTS];
	struct tm_change c = {
		.kind = TM_CHANGE_INODE, .flags = tm_bpf_flags(d->flags),
		.dir = tm_bpf_oid(&d->parent), .obj = tm_bpf_oid(&key->id), .ranges = ranges,
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
	struct tm_change c = { .dir = tm_bpf_oid(&key->id) };
	int r = 0;

	if (tm_bpf_flags(d->flags))
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
		tm_bpf_hint_drop(k, &b->keys[i]);
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

static struct tm_keys *keys_of(struct tm_kern *k, int map)
{
	return &k->keys[map == TM_MAP_DIRTY_A ? 0 : 1];
}

static uint64_t inserted(const struct tm_kern *k, int map)
{
	return __atomic_load_n(&k->ctl->inserted[map == TM_MAP_DIRTY_A ? 0 : 1], __ATOMIC_SEQ_CST);
}

/* Exactly the keys that rang. Those that an earlier attempt took are gone. */
static int old_drain_keys(struct tm_kern *k, int fd, const struct tm_keys *s)
{
	struct batch *b = malloc(sizeof(*b));
	int r = 0;

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; !r && i < s->n; i++) {
		b->keys[0] = s->v[i];
		if (!bpf_map_lookup_elem(fd, &b->keys[0], &b->values[0]))
			r = batch_deliver(k, fd, b, 1);
		else if (errno != ENOENT)
			r = -errno;
	}
	free(b);
	return r;
}

static int old_drain_all(struct tm_kern *k, int fd)
{
	_cleanup_free_ struct batch *b = malloc(sizeof(*b));
	uint32_t at = 0, n;
	bool first = true;
	int r;

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
	return old_drain_slowly(k, fd, b);
}

static int old_drain(struct tm_kern *k)
{
	int map = old(k), r;
	struct tm_keys *s = keys_of(k, map);
	uint64_t made, full;

	if (!k->old_left)
		return 0;
	if (k->old_grace) {
		r = tm_bpf_grace(k);
		if (r)
			return r;
		k->old_grace = false;
	}
	/* Nobody makes entries in it any more. */
	made = inserted(k, map);
	full = __atomic_load_n(&k->ctl->count.ring_full, __ATOMIC_SEQ_CST);
	if (s->known && made - s->base == s->n && s->full == full)
		r = old_drain_keys(k, k->map_fd[map], s);
	else
		r = old_drain_all(k, k->map_fd[map]);
	if (r)
		return r;
	*s = (struct tm_keys){ .v = s->v, .cap = s->cap, .base = made, .full = full, .known = true };
	k->old_left = false;
	return 0;
}

static int flip(struct tm_kern *k)
{
	int r;

	__atomic_fetch_add(&k->ctl->epoch, 1, __ATOMIC_SEQ_CST);
	/* Who saw the old number below is done after the grace period; its marks are in the old map. */
	__atomic_fetch_add(&k->hot->cover, 1, __ATOMIC_SEQ_CST);
	k->old_left = true;
	k->old_grace = true;
	k->pending = false;
	r = tm_bpf_grace(k);
	if (r)
		return r;
	k->old_grace = false;
	k->flips++;
	r = tm_bpf_take(k);
	if (r < 0)
		return r;
	r = old_drain(k);
	k->flipped_ms = tm_mono_ms();
	return r;
}

int tm_bpf_take_all(struct tm_kern *k)
{
	int r = tm_bpf_take(k);

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
	r = tm_bpf_guard_sweep(k, barrier);
	if (!r)
		r = tm_bpf_take(k);
	if (r >= 0)
		r = old_drain(k);
	if (!r && (barrier || (k->pending && tm_mono_ms() - k->flipped_ms >= FLIP_MS)))
		r = flip(k);
	if (!r)
		r = tm_bpf_mapped(k, barrier);
	if (!r)
		r = overflows(k);
	if (!r && tm_mono_ms() - k->guard_ms >= GUARD_MS) {
		k->guard_ms = tm_mono_ms();
		r = tm_bpf_guard(k);
	}
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
