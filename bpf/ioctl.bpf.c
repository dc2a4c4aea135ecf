// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/ioctl.bpf.c - what file systems change by commands of their own.
 *
 * A short list of harmless ones; all others, unknown ones too, make the file dirty as a whole.
 */
#include "errno.bpf.h"
#include "mark.bpf.h"
#include "version.bpf.h"

/*
 * Commands that change neither content nor names. FIEMAP, FICLONE, FIDEDUPE,
 * FS_IOC_SETFLAGS and FSSETXATTR never reach the file system's ioctl.
 */
static __always_inline bool ioctl_harmless(__u32 cmd)
{
	switch (cmd) {
	case 0x80086601:	/* FS_IOC_GETFLAGS */
	case 0x80087601:	/* FS_IOC_GETVERSION */
	case 0x5401:		/* TCGETS, isatty() */
	case 0x5413:		/* TIOCGWINSZ */
	case 0xc0185879:	/* FITRIM */
	case 0xc0c0583b:	/* FS_IOC_GETFSMAP */
	case 0x81009431:	/* FS_IOC_GETFSLABEL */
	case 0x8008662c:	/* EXT4_IOC_GETFSUUID */
	case 0x6612:		/* EXT4_IOC_PRECACHE_EXTENTS */
	case 0x40046629:	/* EXT4_IOC_GETSTATE */
	case 0xc020662a:	/* EXT4_IOC_GET_ES_CACHE */
	case 0xc0046686:	/* FS_IOC_MEASURE_VERITY */
	case 0x800c581e:	/* XFS_IOC_DIOINFO */
	case 0x80705864:	/* XFS_IOC_FSGEOMETRY_V1 */
	case 0x8070587c:	/* XFS_IOC_FSGEOMETRY_V4 */
	case 0x8100587e:	/* XFS_IOC_FSGEOMETRY */
	case 0xc0205826:	/* XFS_IOC_GETBMAP */
	case 0xc0305838:	/* XFS_IOC_GETBMAPX */
	case 0xd0009411:	/* BTRFS_IOC_TREE_SEARCH */
	case 0xc0709411:	/* BTRFS_IOC_TREE_SEARCH_V2 */
	case 0xd0009412:	/* BTRFS_IOC_INO_LOOKUP */
	case 0xc0389423:	/* BTRFS_IOC_INO_PATHS */
	case 0xd000941e:	/* BTRFS_IOC_DEV_INFO */
	case 0x8400941f:	/* BTRFS_IOC_FS_INFO */
	case 0xc0109414:	/* BTRFS_IOC_SPACE_INFO */
	case 0x9408:		/* BTRFS_IOC_SYNC */
	case 0x50009402:	/* BTRFS_IOC_DEFRAG */
	case 0x40309410:	/* BTRFS_IOC_DEFRAG_RANGE */
	case 0x81f8943c:	/* BTRFS_IOC_GET_SUBVOL_INFO */
	case 0x80089419:	/* BTRFS_IOC_SUBVOL_GETFLAGS */
		return true;
	default:
		return false;
	}
}

/* ---- commands that change files other than the one they are called on */

/* The open file behind @fd of this task, as a number; 0: none. */
static __always_inline __u64 file_of_fd(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	__u64 file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

/* All of the file behind the descriptor in the argument at @at. */
static __always_inline bool mark_fd(struct tm_sb *sb, unsigned long arg, __u32 at)
{
	struct tm_op op = {};
	struct inode *inode;
	struct file *file;
	__u32 fd;

	if (bpf_probe_read_user(&fd, sizeof(fd), (void *)(arg + at)))
		return false;
	file = (struct file *)file_of_fd(fd);
	inode = BPF_CORE_READ(file, f_inode);
	if (!file || !inode)
		return false;
	if (BPF_CORE_READ(inode, i_sb, s_dev) != sb->dev)
		return true;
	op.key.id.ino = BPF_CORE_READ(inode, i_ino);
	op.key.id.gen = BPF_CORE_READ(inode, i_generation);
	op.key.dev = sb->dev;
	tm_op_alias(&op, sb, inode);
	op.flags |= TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
	tm_ver_touch(op.key.id.ino);
	tm_mark(&op);
	return true;
}

/*
 * Two files change their contents; what is called on the one names the other by a descriptor. By number
 * only: the size in the command differs between 32 and 64 bits. A global function, so that it is
 * verified once and not after each way through the walk; it finds the superblock (@index in
 * tm_ctl.sb) itself.
 */
__noinline int tm_swapped(__u32 index, __u32 cmd, __u64 arg)
{
	struct tm_ctl *ctl = tm_ctl_get();
	bool known = true;
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = &ctl->sb[index & (TM_SBS - 1)];

	switch (cmd & 0xffff) {
	case 0x660f:		/* EXT4_IOC_MOVE_EXT: donor_fd */
		known = mark_fd(sb, arg, 4);
		break;
	case 0x586d:		/* XFS_IOC_SWAPEXT: sx_fdtarget, sx_fdtmp */
		known = mark_fd(sb, arg, 8);
		known &= mark_fd(sb, arg, 16);
		break;
	case 0x5881:		/* XFS_IOC_EXCHANGE_RANGE: file1_fd */
	case 0x5883:		/* XFS_IOC_COMMIT_RANGE: file1_fd */
		known = mark_fd(sb, arg, 0);
		break;
	}
	if (!known)
		tm_guard_lost(sb->roots);
	return 0;
}

SEC("fentry")
int BPF_PROG(tm_ioctl_in, struct file *file, unsigned int cmd)
{
	if (!ioctl_harmless(cmd))
		tm_ver_begin(file->f_inode->i_ino);
	return 0;
}

SEC("fexit")
int BPF_PROG(tm_ioctl_out, struct file *file, unsigned int cmd, unsigned long arg, long ret)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	__u32 flags = 0;
	struct tm_sb *sb;

	if (ioctl_harmless(cmd))
		return 0;
	sb = ctl ? tm_sb_of(ctl, inode) : NULL;
	if (ret >= 0 || !(tm_write_undone(ret) || ret == -ENOTTY)) {
		if (tm_is_reg(inode))
			flags = TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
		else if (tm_is_dir(inode))
			flags = TM_D_DIR | TM_D_ATTR;
	}
	if (sb && flags) {
		tm_mark_file(sb, inode, file, flags, 0, 0, NULL);
		tm_swapped(sb->index, cmd, arg);
	}
	tm_ver_end(inode->i_ino);
	return 0;
}
