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
	__u32 pad;
};

/* Record in the dirty map, ring the doorbell if it is new. Cannot fail: at worst an overflow is counted. */
int tm_mark(struct tm_op *op);
/* Something of these roots found no room: they are told so. */
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

/* Which roots see @inode, of which @d is a dentry? 0: none. */
static __always_inline __u64 tm_roots_of(struct tm_sb *sb, const struct inode *inode, struct dentry *d,
					 bool *maybe)
{
	struct tm_walk w;

	if (!tm_is_dir(inode) && inode->i_nlink > 1) {
		/* Another of its names may be below any root of this superblock. */
		*maybe = true;
		return sb->roots;
	}
	tm_walk(&w, sb, d);
	/* Below an outer root it counts all the same. */
	tm_canary(sb, &w, inode->i_ino);
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

/* Mark @flags and [@start, @end) of the inode behind @file. */
static __always_inline void tm_mark_file(struct tm_sb *sb, const struct inode *inode, struct file *file,
					 __u32 flags, __u64 start, __u64 end)
{
	struct dentry *d = file->f_path.dentry;
	bool real = d->d_sb == inode->i_sb, maybe = false;
	__u64 roots = 0;
	struct tm_op op;

	/* What is outside pays for the walk and nothing else. */
	if (real) {
		roots = tm_roots_of(sb, inode, d, &maybe);
		if (!roots)
			return;
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
	tm_mark(&op);
}

/* With TM_D_SIZE: everything from @start on. */
static __always_inline void tm_mark_dentry(struct tm_sb *sb, struct dentry *d, __u32 flags, __u64 start)
{
	struct inode *inode = d->d_inode;
	bool maybe = false;
	struct tm_op op;
	__u64 roots;

	roots = tm_roots_of(sb, inode, d, &maybe);
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
