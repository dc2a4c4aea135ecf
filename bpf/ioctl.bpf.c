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
	case 0x40809440:	/* BTRFS_IOC_ENCODED_WRITE: goes through btrfs_do_write_iter */
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
	if (sb && flags)
		tm_mark_file(sb, inode, file, flags, 0, 0, NULL);
	tm_ver_end(inode->i_ino);
	return 0;
}
