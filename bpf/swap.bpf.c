// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/swap.bpf.c - the other file of an ioctl that exchanges the extents of two.
 *
 * The ioctl's own hook (data.bpf.c) sees the file it was called on; the second is a descriptor in
 * its argument, so it is caught where the file system has looked it up. Any part may have been moved when
 * the call fails, so the result is not asked for.
 */
#include "mark.bpf.h"
#include "version.bpf.h"

/* No dentry at hand: any alias, and user space judges. */
static __always_inline int swapped(struct inode *inode)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;
	struct tm_op op;

	if (!ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_ver_touch(inode->i_ino);
	tm_op_init(&op, sb, inode);
	tm_op_alias(&op, sb, inode);
	op.flags |= TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
	tm_mark(&op);
	return 0;
}

static __always_inline int swapped_file(struct file *file)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_ver_touch(inode->i_ino);
	tm_mark_file(sb, inode, file, TM_D_DATA | TM_D_WHOLE | TM_D_ATTR, 0, 0, NULL);
	return 0;
}

/* EXT4_IOC_MOVE_EXT: the donor gets the blocks that the other file gives away. */
SEC("fexit")
int BPF_PROG(tm_move_ext, struct file *orig, struct file *donor)
{
	return swapped_file(donor);
}

/* XFS_IOC_SWAPEXT */
SEC("fexit")
int BPF_PROG(tm_swap_ext, struct xfs_inode___tm *ip, struct xfs_inode___tm *tip)
{
	return swapped(&tip->i_vnode);
}

/* XFS_IOC_EXCHANGE_RANGE and COMMIT_RANGE: called on file2. */
SEC("fexit")
int BPF_PROG(tm_exchange, struct xfs_exchrange___tm *fxr)
{
	return swapped_file(fxr->file1);
}
