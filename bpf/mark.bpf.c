// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/mark.bpf.c - the dirty map, the ring and the doorbell.
 *
 * The dirty map is the truth: an entry only ever grows while programs can reach it, and user space
 * empties a map only after the epoch moved on and a grace period has passed. The ring carries what helps
 * (names) and what does not fit (ranges beyond TM_EXTENTS); when it is full, the map has it wider.
 */
#include "mark.bpf.h"
#include "writer.bpf.h"

static const struct tm_dirty tm_dirty_zero;

__noinline int tm_walk_hit(struct tm_walk *w)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_root_key k = {};
	struct tm_root_val *v;
	struct tm_sb *sb;

	if (!w || !ctl)
		return 0;
	sb = &ctl->sb[w->sb & (TM_SBS - 1)];
	k.ino = w->ino;
	k.dev = sb->dev;
	if (sb->flags & TM_SB_SUBVOL)
		k.subvol = tm_subvol_at(sb, w->at);
	v = bpf_map_lookup_elem(&tm_roots, &k);
	if (v && v->gen == w->gen) {
		w->roots |= v->roots & ~w->ignored;
		/* What is in a reserved directory is nobody's, not even an outer root's. */
		if (v->reserved)
			w->ignored = ~0ULL;
	}
	return 0;
}

static __noinline int stat_each(__u64 roots, __u32 o)
{
	for (__u32 i = 0; i < TM_ROOTS; i++)
		if (roots >> i & 1)
			tm_stat_add(i, o);
	return 0;
}

/* Every operation below a root ends in exactly one outcome: seen = queued + coalesced + dropped. */
static __always_inline void account(__u64 roots, enum tm_outcome o)
{
	if (roots & (roots - 1))
		stat_each(roots, o);
	else
		tm_stat_add(tm_bit(roots), o);
}

/* No room in the dirty map: the only real loss, told per root. */
__noinline int tm_overflow(__u64 roots)
{
	struct tm_ctl *ctl = tm_ctl_get();

	if (!ctl)
		return 0;
	__sync_fetch_and_add(&ctl->count.map_full, 1);
	for (__u32 i = 0; i < TM_ROOTS; i++)
		if (roots >> i & 1)
			__sync_fetch_and_add(&ctl->root[i].overflow, 1);
	return 0;
}

/* One wakeup per rest of the reader, not one per record. */
static __always_inline __u64 wake_flags(struct tm_ctl *ctl)
{
	if (READ_ONCE(ctl->armed) && __sync_lock_test_and_set(&ctl->armed, 0))
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

static __always_inline void event_fill(struct tm_event *e, const struct tm_name_op *op, __u32 len)
{
	e->op = op->op;
	e->map = op->map;
	e->name_len = len;
	e->dev = op->dev;
	e->roots = op->roots;
	e->dir = op->dir;
	e->obj = op->obj;
}

/* False: no room. Two sizes, because a reservation has a constant one. */
static __always_inline bool event_name(struct tm_ctl *ctl, const struct tm_name_op *op)
{
	__u32 len = op->name_len;
	struct tm_event *e;

	if (len <= TM_NAME_SMALL) {
		e = bpf_ringbuf_reserve(&tm_events, TM_EVENT_HEAD + TM_NAME_SMALL, 0);
		if (!e)
			goto full;
		event_fill(e, op, len);
		if (bpf_probe_read_kernel(e->name, len, (void *)op->name))
			e->name_len = 0;
	} else {
		if (len > TM_NAME_LEN)
			len = TM_NAME_LEN;
		e = bpf_ringbuf_reserve(&tm_events, sizeof(*e), 0);
		if (!e)
			goto full;
		event_fill(e, op, len);
		if (bpf_probe_read_kernel(e->name, len, (void *)op->name))
			e->name_len = 0;
	}
	bpf_ringbuf_submit(e, wake_flags(ctl));
	return true;
full:
	__sync_fetch_and_add(&ctl->count.ring_full, 1);
	return false;
}

static __always_inline bool event_range(struct tm_ctl *ctl, const struct tm_op *op, const struct tm_extent *x,
					__u32 flags)
{
	struct tm_event *e = bpf_ringbuf_reserve(&tm_events, TM_EVENT_HEAD + 24, 0);

	if (!e) {
		__sync_fetch_and_add(&ctl->count.ring_full, 1);
		return false;
	}
	e->op = TM_EV_RANGE;
	e->map = 0;
	e->name_len = 0;
	e->dev = op->key.dev;
	e->roots = op->roots;
	e->dir = op->parent;
	e->obj = op->key.id;
	e->range.start = x->start;
	e->range.end = x->end;
	/* A range that was once mapped may be this one; the new size stays with the entry. */
	e->range.flags = TM_D_DATA | (flags & TM_D_MMAP);
	e->range.pad2 = 0;
	bpf_ringbuf_submit(e, wake_flags(ctl));
	__sync_fetch_and_add(&ctl->count.spilled, 1);
	return true;
}

/*
 * Without the lock: is @op already in @e, or does it continue an extent? The extents may be
 * rearranged meanwhile; @seq tells, and then the answer is no. (Loads and atomics in program order,
 * which x86 keeps; on weaker machines the loader must not run this object.)
 */
static __always_inline bool covered(struct tm_dirty *e, struct tm_op *op)
{
	__u32 seq = READ_ONCE(e->seq);
	__u32 flags = READ_ONCE(e->flags), used;

	if (seq & 1)
		return false;
	if ((flags & op->flags) != op->flags || (READ_ONCE(e->roots) & op->roots) != op->roots)
		return false;
	if (flags & TM_D_WHOLE) {
		op->start = 0;
		op->end = TM_TO_EOF;
		return true;
	}
	if (op->start >= op->end)
		return true;
	used = READ_ONCE(e->used);
	for (int i = 0; i < TM_EXTENTS; i++) {
		__u64 start, end;

		if (!(used >> i & 1))
			continue;
		start = READ_ONCE(e->ext[i].start);
		end = READ_ONCE(e->ext[i].end);
		if (start <= op->start && op->end <= end) {
			if (READ_ONCE(e->seq) != seq)
				return false;
			op->start = start;
			op->end = end;
			return true;
		}
		if (end == op->start && start < end) {
			if (__sync_val_compare_and_swap(&e->ext[i].end, end, op->end) != end ||
			    READ_ONCE(e->seq) != seq)
				return false;
			op->start = start;
			return true;
		}
	}
	return false;
}

/* Under the lock. What had to make room is left in @out (out->end 0: nothing). */
static __always_inline void extent_add(struct tm_dirty *e, __u64 start, __u64 end, struct tm_extent *out)
{
	__u32 used = e->used, i;

#pragma unroll
	for (i = 0; i < TM_EXTENTS; i++) {
		if (used >> i & 1 && e->ext[i].start <= end && start <= e->ext[i].end) {
			if (e->ext[i].start < start)
				start = e->ext[i].start;
			if (e->ext[i].end > end)
				end = e->ext[i].end;
			used &= ~(1u << i);
		}
	}
	/* Through memory: a verifier that knows the cleared bits follows all 256 combinations. */
	WRITE_ONCE(e->used, used);
	used = READ_ONCE(e->used);
#pragma unroll
	for (i = 0; i < TM_EXTENTS; i++) {
		if (!(used >> i & 1)) {
			e->ext[i].start = start;
			e->ext[i].end = end;
			e->used = used | 1u << i;
			return;
		}
	}
	/* Full. The newest stays, because the next write is likely to continue it. */
	i = e->hand & (TM_EXTENTS - 1);
	*out = e->ext[i];
	e->ext[i].start = start;
	e->ext[i].end = end;
	e->hand = i + 1;
}

/* Under the lock, all extents used: widen the one closest to @x. */
static __always_inline void extent_widen(struct tm_dirty *e, const struct tm_extent *x)
{
	__u64 best = ~0ULL;
	__u32 at = 0;

#pragma unroll
	for (__u32 i = 0; i < TM_EXTENTS; i++) {
		__u64 gap = 0;

		if (e->ext[i].end < x->start)
			gap = x->start - e->ext[i].end;
		else if (x->end < e->ext[i].start)
			gap = e->ext[i].start - x->end;
		if (gap < best) {
			best = gap;
			at = i;
		}
	}
	at &= TM_EXTENTS - 1;
	if (x->start < e->ext[at].start)
		e->ext[at].start = x->start;
	if (x->end > e->ext[at].end)
		e->ext[at].end = x->end;
}

static __always_inline void merge(struct tm_dirty *e, const struct tm_op *op, struct tm_extent *out)
{
	bpf_spin_lock(&e->lock);
	WRITE_ONCE(e->seq, e->seq + 1);
	barrier();
	e->flags |= op->flags;
	e->roots |= op->roots;
	if (!e->parent.ino) {
		e->parent.ino = op->parent.ino;
		e->parent.gen = op->parent.gen;
		e->parent.subvol = op->parent.subvol;
	}
	if (op->start < op->end && !(e->flags & TM_D_WHOLE))
		extent_add(e, op->start, op->end, out);
	barrier();
	WRITE_ONCE(e->seq, e->seq + 1);
	bpf_spin_unlock(&e->lock);
}

static __always_inline void merge_wide(struct tm_ctl *ctl, struct tm_dirty *e, const struct tm_extent *x)
{
	__sync_fetch_and_add(&ctl->count.widened, 1);
	bpf_spin_lock(&e->lock);
	WRITE_ONCE(e->seq, e->seq + 1);
	barrier();
	extent_widen(e, x);
	barrier();
	WRITE_ONCE(e->seq, e->seq + 1);
	bpf_spin_unlock(&e->lock);
}

static __always_inline void doorbell(struct tm_ctl *ctl, const struct tm_op *op, __u32 map)
{
	struct tm_name_op n = {
		.dir = op->parent, .obj = op->key.id, .roots = op->roots,
		.name = op->name, .name_len = op->name_len,
		.dev = op->key.dev, .op = TM_EV_DOORBELL, .map = map,
	};

	event_name(ctl, &n);
}

static __always_inline enum tm_outcome mark_in(void *map, __u32 which, struct tm_ctl *ctl,
					       struct tm_op *op)
{
	/* On the stack: 6.1 takes no map key from a global function's argument. */
	struct tm_dirty_key key = op->key;
	struct tm_extent out = { 0, 0 };
	bool first = false;
	struct tm_dirty *e;

	e = bpf_map_lookup_elem(map, &key);
	if (e) {
		if (covered(e, op))
			return TM_COALESCED;
	} else {
		first = !bpf_map_update_elem(map, &key, &tm_dirty_zero, BPF_NOEXIST);
		e = bpf_map_lookup_elem(map, &key);
		if (!e) {
			tm_overflow(op->roots);
			return TM_DROPPED;
		}
	}
	merge(e, op, &out);
	if (first) {
		/* Who knows as many keys of this map by their doorbells need not look for them. */
		__sync_fetch_and_add(&ctl->inserted[which], 1);
		doorbell(ctl, op, which);
		return TM_QUEUED;
	}
	if (!out.end)
		return TM_COALESCED;
	tm_hot_spilled();
	if (event_range(ctl, op, &out, READ_ONCE(e->flags)))
		return TM_QUEUED;
	merge_wide(ctl, e, &out);
	return TM_COALESCED;
}

static __noinline int attribute(__u64 roots, __u64 bytes, __u32 queued)
{
	if (!queued && bpf_get_prandom_u32() % TM_SAMPLE)
		return 0;
	tm_wrote(roots, bytes, queued ? 1 : TM_SAMPLE);
	return 0;
}

__noinline int tm_mark(struct tm_op *op)
{
	struct tm_ctl *ctl = tm_ctl_get();
	enum tm_outcome o;
	__u64 bytes = 0;

	if (!op || !ctl)
		return 0;
	if (op->flags & TM_D_MAYBE)
		__sync_fetch_and_add(&ctl->count.maybe, 1);
	/* How much "to the end" is, nobody asked. */
	if (op->start < op->end && op->end != TM_TO_EOF)
		bytes = op->end - op->start;
	if (READ_ONCE(ctl->epoch) & 1)
		o = mark_in(&tm_dirty_b, 1, ctl, op);
	else
		o = mark_in(&tm_dirty_a, 0, ctl, op);
	account(op->roots, o);
	attribute(op->roots, bytes, o == TM_QUEUED);
	return o;
}

__noinline int tm_emit(struct tm_name_op *op)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_op dir = {};

	if (!op || !ctl)
		return 0;
	if (event_name(ctl, op)) {
		account(op->roots, TM_QUEUED);
		attribute(op->roots, 0, 1);
		return 0;
	}
	/* The name is lost, but not the directory. */
	if (op->op == TM_EV_SUBTREE)
		dir.key.id = op->obj;
	else
		dir.key.id = op->dir;
	dir.key.dev = op->dev;
	dir.roots = op->roots;
	dir.flags = op->op == TM_EV_SUBTREE ? TM_D_SUBTREE : TM_D_DIR;
	tm_mark(&dir);
	return 0;
}
