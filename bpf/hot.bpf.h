/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/hot.bpf.h - what the last write to an inode found out, so that the next one need not.
 *
 * A slot names an inode by its address. That is its identity because security_inode_free() forgets it
 * (meta.bpf.c); where that hook could be skipped, tm_hot.on is 0 and nothing is ever remembered.
 *
 * Two answers are kept: "below no root" and "these bytes are in the live dirty map for its only root". Both
 * belong to a moment. Whoever makes one untrue moves tm_hot.place or tm_hot.cover after the change took
 * effect and before it marks, flips or delivers: a write that still saw the old number was over by then,
 * and what comes after (the mark of what moved in, the delivery of the old epoch after its grace period,
 * the spilled record) covers it.
 *
 * Readers take no lock. A filler holds @busy, takes the addresses away, writes @place and the rest, looks
 * whether the numbers are still those from before its own walk, and only then writes the address. A reader
 * that saw the current @place and then an address therefore saw an address that was filled at that number
 * or a later one; the range is one of several words and so read between two looks at @seq. All stores and
 * loads stay in program order (x86; the loader runs this object nowhere else).
 */
#ifndef TM_HOT_BPF_H
#define TM_HOT_BPF_H

#include "maps.bpf.h"
#include "version.bpf.h"

/* Numbers from before an operation is looked at. */
struct tm_moment {
	__u64 place;
	__u64 cover;
};

/* @ver: tm_ver_slot() of the inode. */
static __always_inline struct tm_hot_slot *tm_hot_of(__u32 ver)
{
	return &tm_hot.slot[ver & (TM_HOT - 1)];
}

static __always_inline void tm_moment(struct tm_moment *m)
{
	m->place = READ_ONCE(tm_hot.place);
	m->cover = READ_ONCE(tm_hot.cover);
	barrier();
}

/* Something may be elsewhere from now on. */
static __always_inline void tm_hot_moved(void)
{
	__sync_fetch_and_add(&tm_hot.place, 1);
}

/* A range that was in the live dirty map is not there any more. */
static __always_inline void tm_hot_spilled(void)
{
	__sync_fetch_and_add(&tm_hot.cover, 1);
}

/* Is @inode known to be below no root? */
static __always_inline bool tm_hot_outside(const struct tm_hot_slot *h, const struct inode *inode)
{
	if (READ_ONCE(h->place) != READ_ONCE(tm_hot.place))
		return false;
	barrier();
	return READ_ONCE(h->out) == (__u64)inode;
}

/* Are [@start, @end) of @inode known to be marked? Then *@stat is the root slot to account it to. */
static __always_inline bool tm_hot_covers(const struct tm_hot_slot *h, const struct inode *inode, __u64 start,
					  __u64 end, __u32 *stat)
{
	__u32 seq = READ_ONCE(h->seq);

	barrier();
	if (seq & 1 || READ_ONCE(h->in) != (__u64)inode || READ_ONCE(h->place) != READ_ONCE(tm_hot.place) ||
	    READ_ONCE(h->cover) != READ_ONCE(tm_hot.cover))
		return false;
	if (READ_ONCE(h->start) > start || READ_ONCE(h->end) < end)
		return false;
	*stat = READ_ONCE(h->stat);
	barrier();
	return READ_ONCE(h->seq) == seq;
}

/*
 * Remember: @roots 0: outside; else [@start, @end) is in the live map for its one root, whose number
 * is @stat.
 */
static __always_inline void tm_hot_fill(const struct inode *inode, const struct tm_moment *m, bool outside,
					__u64 start, __u64 end, __u32 stat)
{
	struct tm_hot_slot *h = tm_hot_of(tm_ver_slot(inode->i_ino));

	if (!READ_ONCE(tm_hot.on) || __sync_lock_test_and_set(&h->busy, 1))
		return;
	WRITE_ONCE(h->seq, h->seq + 1);
	WRITE_ONCE(h->out, 0);
	WRITE_ONCE(h->in, 0);
	barrier();
	WRITE_ONCE(h->place, m->place);
	WRITE_ONCE(h->cover, m->cover);
	WRITE_ONCE(h->start, start);
	WRITE_ONCE(h->end, end);
	WRITE_ONCE(h->stat, stat);
	barrier();
	if (READ_ONCE(tm_hot.place) == m->place) {
		if (outside)
			WRITE_ONCE(h->out, (__u64)inode);
		else if (READ_ONCE(tm_hot.cover) == m->cover)
			WRITE_ONCE(h->in, (__u64)inode);
	}
	barrier();
	WRITE_ONCE(h->seq, h->seq + 1);
	/* Not a plain store: what is above must be there first, also to the compiler. */
	__sync_lock_test_and_set(&h->busy, 0);
}

/* The inode's memory is about to be another's. */
static __always_inline void tm_hot_forget(const struct inode *inode)
{
	struct tm_hot_slot *h = tm_hot_of(tm_ver_slot(inode->i_ino));

	if (READ_ONCE(h->out) == (__u64)inode)
		WRITE_ONCE(h->out, 0);
	if (READ_ONCE(h->in) == (__u64)inode)
		WRITE_ONCE(h->in, 0);
}

#endif
