/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/mark.bpf.h - from "this inode changed" to a record.
 *
 * A hook fills a struct tm_op and calls tm_mark(): verified and compiled
 * once, in mark.bpf.c, instead of into every program.
 */
#ifndef TM_MARK_BPF_H
#define TM_MARK_BPF_H

#include "filter.bpf.h"
#include "hot.bpf.h"

struct tm_op {
	struct tm_dirty_key key;
	__u64 roots;
	__u64 start;		/* range, empty if start >= end */
	__u64 end;
	struct tm_id parent;	/* ino 0: unknown */
	__u64 name;		/* kernel address of the name's bytes */
	__u32 name_len;
	__u32 flags;		/* enum tm_dirty_flags */
};

/* A directory entry that changed. */
struct tm_name_op {
	struct tm_id dir;
	struct tm_id obj;	/* ino 0: unknown or none */
	__u64 roots;
	__u64 name;		/* kernel address, or of a struct tm_slot's copy */
	__u32 name_len;
	__u32 dev;
	__u32 op;		/* enum tm_event_op */
	__u32 map;		/* TM_EV_DOORBELL: of which dirty map */
};

enum tm_outcome { TM_QUEUED, TM_COALESCED, TM_DROPPED };

/*
 * Record in the dirty map, ring the doorbell if it is new. Cannot fail: at worst an overflow is counted.
 * Returns an enum tm_outcome; @op's range becomes the extent that holds it, if that was found without the
 * lock.
 */
int tm_mark(struct tm_op *op);
/* One operation less to be looked at: @stat is the slot of the root that sees it. */
static __always_inline void tm_stat_add(__u32 stat, enum tm_outcome o)
{
	struct tm_stat *s = bpf_map_lookup_elem(&tm_stats, &stat);

	if (!s)
		return;
	/* Atomic: a preempted program shares its CPU's counters with the next one. */
	__sync_fetch_and_add(&s->seen, 1);
	if (o == TM_COALESCED)
		__sync_fetch_and_add(&s->coalesced, 1);
	else if (o == TM_QUEUED)
		__sync_fetch_and_add(&s->queued, 1);
	else
		__sync_fetch_and_add(&s->dropped, 1);
}

/* The number of the one bit in @roots: BPF has no instruction for it. */
static __always_inline __u32 tm_bit(__u64 roots)
{
	__u32 slot = 0;

	if (roots & 0xffffffff00000000ULL)
		slot += 32;
	if (roots & 0xffff0000ffff0000ULL)
		slot += 16;
	if (roots & 0xff00ff00ff00ff00ULL)
		slot += 8;
	if (roots & 0xf0f0f0f0f0f0f0f0ULL)
		slot += 4;
	if (roots & 0xccccccccccccccccULL)
		slot += 2;
	if (roots & 0xaaaaaaaaaaaaaaaaULL)
		slot += 1;
	return slot;
}

/* Something of these roots found no room, or could not be watched: they are told so. */
int tm_overflow(__u64 roots);
/* Put a name record into the ring; if that is full, mark the directory. */
int tm_emit(struct tm_name_op *op);

static __always_inline void tm_canary(struct tm_sb *sb, const struct tm_walk *w, __u64 ino)
{
	if (w->ignored && ino == sb->canary_ino)
		__sync_fetch_and_add(&sb->canary, 1);
}

static __always_inline void tm_op_init(struct tm_op *op, const struct tm_sb *sb, const struct inode *inode)
{
	__builtin_memset(op, 0, sizeof(*op));
	tm_id_of(&op->key.id, sb, inode);
	op->key.dev = sb->dev;
}

/*
 * Which roots see @inode, of which @d is a dentry? 0: none. *@sure: the answer holds until tm_hot.place
 * moves; so it does not for what has no name yet, and not for the canary.
 */
static __always_inline __u64 tm_roots_of(struct tm_sb *sb, const struct inode *inode, struct dentry *d,
					 bool *maybe, bool *sure)
{
	struct tm_walk w;

	*sure = false;
	if (!tm_is_dir(inode)) {
		__u32 links = inode->i_nlink;

		/*
		 * Another of its names may be below any root of this superblock; and so may its only one when
		 * this dentry is not hashed: a name that was removed, or none ever (O_TMPFILE).
		 */
		if (links > 1 || (links && !d->d_hash.pprev)) {
			*maybe = true;
			return sb->roots;
		}
		*sure = links;
	}
	tm_walk(&w, sb, d);
	/* Below an outer root it counts all the same. */
	tm_canary(sb, &w, inode->i_ino);
	if (w.maybe || w.ignored)
		*sure = false;
	*maybe = w.maybe;
	return w.roots;
}

/* Parent and name from @d. */
static __always_inline void tm_op_dentry(struct tm_op *op, struct tm_sb *sb, struct dentry *d)
{
	struct dentry *up = d->d_parent;

	if (up != d)
		tm_id_of(&op->parent, sb, up->d_inode);
	op->name = (__u64)d->d_name.name;
	op->name_len = d->d_name.len;
}

/*
 * No dentry of this superblock at hand (the fake path of an overlayfs backing file before 6.6, write-
 * back): take the parent and name of any alias and leave it to user space whether that is below a root.
 */
static __always_inline void tm_op_alias(struct tm_op *op, struct tm_sb *sb, const struct inode *inode)
{
	struct hlist_node *n = BPF_CORE_READ(inode, i_dentry.first);
	struct dentry *d, *up;

	op->roots = sb->roots;
	op->flags |= TM_D_MAYBE;
	if (!n)
		return;
	d = (void *)((char *)n - bpf_core_field_offset(struct dentry, d_u.d_alias));
	up = BPF_CORE_READ(d, d_parent);
	if (up != d) {
		struct inode *dir = BPF_CORE_READ(up, d_inode);

		op->parent.ino = BPF_CORE_READ(dir, i_ino);
		op->parent.gen = BPF_CORE_READ(dir, i_generation);
		op->parent.subvol = tm_subvol(sb, dir);
	}
	op->name = (__u64)BPF_CORE_READ(d, d_name.name);
	op->name_len = BPF_CORE_READ(d, d_name.len);
}

/*
 * Mark @flags and [@start, @end) of the inode behind @file. @m: a moment from before, to remember the
 * answer for the next write; NULL: do not.
 */
static __always_inline void tm_mark_file(struct tm_sb *sb, const struct inode *inode, struct file *file,
					 __u32 flags, __u64 start, __u64 end, const struct tm_moment *m)
{
	struct dentry *d = file->f_path.dentry;
	bool real = d->d_sb == inode->i_sb, maybe = false, sure = false;
	enum tm_outcome o;
	__u64 roots = 0;
	struct tm_op op;

	/* What is outside pays for the walk and nothing else, and the next time not even for that. */
	if (real) {
		roots = tm_roots_of(sb, inode, d, &maybe, &sure);
		if (!roots) {
			if (m && sure)
				tm_hot_fill(inode, m, true, 0, 0, 0);
			return;
		}
	}
	tm_op_init(&op, sb, inode);
	op.roots = roots;
	op.flags = flags | (maybe ? TM_D_MAYBE : 0);
	op.start = start;
	op.end = end;
	if (real)
		tm_op_dentry(&op, sb, d);
	else
		tm_op_alias(&op, sb, inode);
	o = tm_mark(&op);
	if (m && sure && o != TM_DROPPED && op.flags == TM_D_DATA && !(roots & (roots - 1)))
		tm_hot_fill(inode, m, false, op.start, op.end, tm_bit(roots));
}

/* With TM_D_SIZE: everything from @start on. */
static __always_inline void tm_mark_dentry(struct tm_sb *sb, struct dentry *d, __u32 flags, __u64 start)
{
	struct inode *inode = d->d_inode;
	bool maybe = false, sure;
	struct tm_op op;
	__u64 roots;

	roots = tm_roots_of(sb, inode, d, &maybe, &sure);
	if (!roots)
		return;
	tm_op_init(&op, sb, inode);
	op.roots = roots;
	op.flags = flags | (maybe ? TM_D_MAYBE : 0);
	op.start = start;
	op.end = flags & TM_D_SIZE ? TM_TO_EOF : start;
	tm_op_dentry(&op, sb, d);
	tm_mark(&op);
}

#endif
