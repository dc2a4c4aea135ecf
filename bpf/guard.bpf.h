/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/guard.bpf.h - for kernels that preempt a task inside a program and then skip the programs of others.
 *
 * A slot per thread says what it is about to change. It is filled by an LSM program, which is never
 * skipped, and closed by the exit program of the operation. A slot found open by the thread's next
 * operation, by its end or by user space's sweep belongs to an operation whose exit program did not
 * run: its range, or the file, is marked then. The version is opened and closed with the slot.
 */
#ifndef TM_GUARD_BPF_H
#define TM_GUARD_BPF_H

#include "mark.bpf.h"
#include "version.bpf.h"

static __always_inline bool tm_guarded(void)
{
	return READ_ONCE(tm_hot.guard);
}

static __always_inline struct tm_guard *tm_guard_mine(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&tm_guards, &tid);
}

/* Nobody closed it: mark what it was to change, and close it. A global function (guard.bpf.c). */
int tm_guard_recover(struct tm_guard *g);

/*
 * The operation of this thread on @ino is over and marked. True: its version is still open, and now
 * the caller's.
 */
static __always_inline bool tm_guard_close(__u64 ino)
{
	struct tm_guard *g = tm_guard_mine();

	if (!g || g->key.id.ino != ino || !READ_ONCE(g->open))
		return false;
	WRITE_ONCE(g->open, 0);
	return true;
}

/* The same, and the version with it. Without a slot nothing was begun, so the change shows as an instant. */
static __always_inline void tm_guard_end(__u64 ino)
{
	if (tm_guard_close(ino))
		tm_ver_end(ino);
	else
		tm_ver_touch(ino);
}

/* Open this thread's slot for @file; what it still held is recovered first. */
static __always_inline void tm_guard_open(struct file *file)
{
	static const struct tm_guard none;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct dentry *d = file->f_path.dentry;
	struct inode *inode = file->f_inode;
	struct tm_guard *g = bpf_map_lookup_elem(&tm_guards, &tid);
	struct tm_ctl *ctl = tm_ctl_get();
	bool maybe = true, sure;
	struct tm_op op = {};
	struct tm_sb *sb;
	__u64 roots;

	if (g && READ_ONCE(g->open))
		tm_guard_recover(g);
	if (!ctl || !tm_is_reg(inode))
		return;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return;
	if (d->d_sb == inode->i_sb) {
		roots = tm_roots_of(sb, inode, d, &maybe, &sure);
		if (!roots)
			return;
		tm_op_dentry(&op, sb, d);
	} else {
		roots = sb->roots;
		tm_op_alias(&op, sb, inode);
	}
	if (!g) {
		bpf_map_update_elem(&tm_guards, &tid, &none, BPF_NOEXIST);
		g = bpf_map_lookup_elem(&tm_guards, &tid);
		if (!g) {
			/* Nothing will tell whether its exit program ran. */
			tm_overflow(roots);
			return;
		}
	}
	tm_id_of(&g->key.id, sb, inode);
	g->key.dev = sb->dev;
	g->parent.ino = op.parent.ino;
	g->parent.gen = op.parent.gen;
	g->parent.subvol = op.parent.subvol;
	g->roots = roots;
	g->start = 0;
	g->end = 0;
	g->maybe = maybe;
	g->since_ns = bpf_ktime_get_ns();
	tm_ver_begin(inode->i_ino);
	WRITE_ONCE(g->open, 1);
}

/* An entry program knows more than the permission hook, or comes without it (loop devices). */
static __always_inline void tm_guard_enter(struct file *file, __u64 start, __u64 end)
{
	struct tm_guard *g = tm_guard_mine();

	if (!g || !READ_ONCE(g->open) || g->key.id.ino != file->f_inode->i_ino) {
		tm_guard_open(file);
		g = tm_guard_mine();
	}
	if (!g || !READ_ONCE(g->open))
		return;
	g->start = start;
	WRITE_ONCE(g->end, end);
}

#endif
