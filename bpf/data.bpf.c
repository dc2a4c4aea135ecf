// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/data.bpf.c - content changes through the file system's own operations.
 *
 * The programs here have no fixed target: the loader attaches a copy to the operations of
 * each file system in use (bpf_hooks.c), because every VFS entry point has holes and these have none. Each
 * comes as a pair: the entry program opens the inode's version, the exit program marks what took effect
 * and closes it.
 */
#include "aio.bpf.h"
#include "errno.bpf.h"
#include "guard.bpf.h"
#include "mark.bpf.h"
#include "version.bpf.h"

/* An operation that may complete elsewhere: who closes its version is settled in tm_aio (aio.bpf.h). */
static __noinline int write_enter_async(unsigned long long *ctx)
{
	struct kiocb *iocb = (struct kiocb *)ctx[0];
	struct inode *inode = iocb->ki_filp->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();

	if (!(iocb->ki_flags & IOCB_DIRECT)) {
		tm_ver_begin(inode->i_ino);
		return 0;
	}
	if (!ctl || !tm_sb_of(ctl, inode))
		return 0;
	tm_ver_begin(inode->i_ino);
	tm_aio_open(ctl, iocb, inode);
	return 0;
}

/* Where programs may be skipped: the slot gets the range; the version was opened with it. */
static __noinline int write_enter_guarded(unsigned long long *ctx, bool plain)
{
	struct kiocb *iocb = (struct kiocb *)ctx[0];
	struct iov_iter *from = (struct iov_iter *)ctx[1];
	struct file *file = iocb->ki_filp;
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 start = iocb->ki_pos, end = start + from->count;

	if (!plain) {
		start = end = 0;
	} else if (iocb->ki_flags & IOCB_APPEND) {
		start = file->f_inode->i_size;
		end = TM_TO_EOF;
	}
	tm_guard_enter(file, start, end);
	if (iocb->ki_complete && iocb->ki_flags & IOCB_DIRECT && ctl && tm_sb_of(ctl, file->f_inode))
		tm_aio_open(ctl, iocb, file->f_inode);
	return 0;
}

SEC("fentry")
int BPF_PROG(tm_write_in, struct kiocb *iocb)
{
	if (tm_guarded())
		return write_enter_guarded(ctx, true);
	if (iocb->ki_complete)
		return write_enter_async(ctx);
	tm_ver_begin(iocb->ki_filp->f_inode->i_ino);
	return 0;
}

/* An encoded write says how much comes, not how much it becomes. */
SEC("fentry")
int BPF_PROG(tm_write3_in, struct kiocb *iocb, struct iov_iter *from, void *encoded)
{
	if (tm_guarded())
		return write_enter_guarded(ctx, !encoded);
	if (iocb->ki_complete)
		return write_enter_async(ctx);
	tm_ver_begin(iocb->ki_filp->f_inode->i_ino);
	return 0;
}

static __always_inline void write_close_guarded(struct kiocb *iocb, const struct inode *inode)
{
	bool ours = tm_guard_close(inode->i_ino);

	if (iocb->ki_complete && !tm_aio_close(iocb) && iocb->ki_flags & IOCB_DIRECT)
		ours = false;
	if (ours)
		tm_ver_end(inode->i_ino);
	else
		tm_ver_touch(inode->i_ino);
}

/* After it took effect and was marked. */
static __always_inline void write_close(struct kiocb *iocb, const struct inode *inode)
{
	if (tm_guarded()) {
		write_close_guarded(iocb, inode);
		return;
	}
	if (!iocb->ki_complete || tm_aio_close(iocb) || !(iocb->ki_flags & IOCB_DIRECT))
		tm_ver_end(inode->i_ino);
	else
		/* Completed inline and closed there already; the end of the file may only now have moved. */
		tm_ver_touch(inode->i_ino);
}

/* The slot has done its work, but the version stays open. */
static __always_inline void queued(void)
{
	struct tm_guard *g = tm_guarded() ? tm_guard_mine() : NULL;

	if (g)
		WRITE_ONCE(g->open, 0);
}

/* All that is not known yet, or rare. */
static __noinline int write_exit(unsigned long long *ctx, long ret, bool encoded)
{
	struct kiocb *iocb = (struct kiocb *)ctx[0];
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 start = 0, end = 0;
	struct tm_moment m;
	struct inode *inode;
	__u32 flags = 0;
	struct file *file;
	struct tm_sb *sb;

	/* Queued: @iocb may be gone already. The completion marks and closes (dio.bpf.c). */
	if (ret == -EIOCBQUEUED) {
		queued();
		return 0;
	}
	if (!ctl)
		return 0;
	tm_moment(&m);
	file = iocb->ki_filp;
	inode = file->f_inode;
	sb = tm_sb_of(ctl, inode);
	if (ret > 0) {
		end = iocb->ki_pos;
		start = end - ret;
		flags = encoded ? TM_D_DATA | TM_D_WHOLE : TM_D_DATA;
	} else if (ret < 0 && ret != -EAGAIN && ret != -EINVAL &&
		   (iocb->ki_flags & (IOCB_DIRECT | IOCB_DSYNC) ||
		    !(tm_write_undone(ret) || tm_write_touched(ret)))) {
		/* Written and then failed to sync, or partly on disk: any byte may differ. */
		flags = TM_D_DATA | TM_D_WHOLE;
	} else if (tm_write_touched(ret)) {
		flags = TM_D_ATTR;
	}
	if (sb && flags)
		tm_mark_file(sb, inode, file, flags, start, end, &m);
	write_close(iocb, inode);
	return 0;
}

/* A write to an inode that is not known to be outside: are its bytes marked already? */
static __noinline int write_inside(unsigned long long *ctx, long ret)
{
	struct kiocb *iocb = (struct kiocb *)ctx[0];
	struct inode *inode = iocb->ki_filp->f_inode;
	__u32 ver = tm_ver_slot(inode->i_ino), stat;
	__u64 end = iocb->ki_pos;

	if (!tm_hot_covers(tm_hot_of(ver), inode, end - ret, end, &stat))
		return write_exit(ctx, ret, false);
	tm_ver_end_slot(ver);
	tm_stat_add(stat, TM_COALESCED);
	return 0;
}

/*
 * The usual write on a machine is to a file that nobody replicates, about which the last one left word. It
 * ends here, without a call and without anything that would have to be kept across one: saving registers
 * alone would cost a tenth of it. The version's slot is computed once: a second load costs six
 * instructions.
 */
static __always_inline bool write_outside(struct kiocb *iocb, long ret)
{
	struct inode *inode;
	__u32 ver;

	inode = iocb->ki_filp->f_inode;
	ver = tm_ver_slot(inode->i_ino);
	if (!tm_hot_outside(tm_hot_of(ver), inode))
		return false;
	tm_ver_end_slot(ver);
	return true;
}

static __always_inline int write_out(unsigned long long *ctx, struct kiocb *iocb, long ret)
{
	if (ret <= 0 || iocb->ki_complete)
		return write_exit(ctx, ret, false);
	return write_outside(iocb, ret) ? 0 : write_inside(ctx, ret);
}

SEC("fexit")
int BPF_PROG(tm_write_out, struct kiocb *iocb, struct iov_iter *from, long ret)
{
	return write_out(ctx, iocb, ret);
}

/* btrfs_do_write_iter(iocb, from, encoded): reached by encoded writes too. */
SEC("fexit")
int BPF_PROG(tm_write3_out, struct kiocb *iocb, struct iov_iter *from, void *encoded, long ret)
{
	/* @ret counts bytes as they were encoded: how many they became is not known here. */
	return encoded ? write_exit(ctx, ret, true) : write_out(ctx, iocb, ret);
}

/* Operations that the permission hook announces as it does a write. */
static __always_inline int file_enter(struct file *file)
{
	if (tm_guarded())
		tm_guard_enter(file, 0, 0);
	else
		tm_ver_begin(file->f_inode->i_ino);
	return 0;
}

static __always_inline void file_exit(const struct inode *inode)
{
	if (tm_guarded())
		tm_guard_end(inode->i_ino);
	else
		tm_ver_end(inode->i_ino);
}

SEC("fentry")
int BPF_PROG(tm_falloc_in, struct file *file)
{
	return file_enter(file);
}

SEC("fexit")
int BPF_PROG(tm_falloc_out, struct file *file, int mode, loff_t off, loff_t len, long ret)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	__u32 flags = TM_D_DATA;
	struct tm_sb *sb;
	int err = ret;

	sb = ctl ? tm_sb_of(ctl, inode) : NULL;
	/* A failed one may have changed a part of the range: only refusals changed nothing. */
	if (sb && (!err || !(tm_write_undone(err) && err != -EINTR && err != -ERESTARTSYS))) {
		__u64 end = off + len;

		if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) {
			flags |= TM_D_SIZE;
			end = TM_TO_EOF;
		}
		tm_mark_file(sb, inode, file, flags, off, end, NULL);
	} else if (sb && err != -EOPNOTSUPP) {
		/* xfs changes the times before it looks whether the mode and the range go together. */
		tm_mark_file(sb, inode, file, TM_D_ATTR, 0, 0, NULL);
	}
	file_exit(inode);
	return 0;
}

SEC("fentry")
int BPF_PROG(tm_remap_in, struct file *in, loff_t pos_in, struct file *out)
{
	return file_enter(out);
}

SEC("fexit")
int BPF_PROG(tm_remap_out, struct file *in, loff_t pos_in, struct file *out, loff_t pos, loff_t len,
	     unsigned int flags, long ret)
{
	struct inode *inode = out->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 end = pos;
	struct tm_sb *sb;

	sb = ctl ? tm_sb_of(ctl, inode) : NULL;
	if (ret > 0)
		end = pos + ret;
	else if (ret < 0 && !tm_write_undone(ret) && ret != -EXDEV)
		end = len ? pos + len : TM_TO_EOF;
	/* Deduplicated bytes are equal by definition. */
	if (sb && end != (__u64)pos && !(flags & REMAP_FILE_DEDUP))
		tm_mark_file(sb, inode, out, TM_D_DATA, pos, end, NULL);
	file_exit(inode);
	return 0;
}
