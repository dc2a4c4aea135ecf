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
#include "mark.bpf.h"
#include "version.bpf.h"

/* Errors after which a buffered write left nothing behind. */
static __always_inline bool write_undone(long ret)
{
	return ret == -EAGAIN || ret == -EFAULT || ret == -EINVAL || ret == -EPERM || ret == -EBADF ||
	       ret == -EFBIG || ret == -EINTR || ret == -ERESTARTSYS || ret == -ETXTBSY || ret == -EROFS ||
	       ret == -EOPNOTSUPP || ret == -EACCES;
}

/* Nothing was written, but the times (and setuid) were changed before the first byte was tried. */
static __always_inline bool write_touched(long ret)
{
	return ret == -EFAULT || ret == -EINTR || ret == -ERESTARTSYS || ret == -ENOSPC || ret == -EDQUOT;
}

static __always_inline int write_enter(struct kiocb *iocb)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_ver_begin(inode->i_ino);
	if (iocb->ki_flags & IOCB_DIRECT && iocb->ki_complete)
		tm_aio_open(ctl, iocb, inode);
	return 0;
}

static __always_inline int write_exit(struct kiocb *iocb, long ret, bool encoded)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct inode *inode;
	struct file *file;
	__u64 start = 0, end = 0;
	__u32 flags = 0;
	struct tm_sb *sb;

	/* Queued: @iocb may be gone already. The completion marks and closes (dio.bpf.c). */
	if (ret == -EIOCBQUEUED || !ctl)
		return 0;
	file = iocb->ki_filp;
	inode = file->f_inode;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	if (ret > 0) {
		end = iocb->ki_pos;
		start = end - ret;
		flags = TM_D_DATA;
		/* @ret counts bytes as they were encoded: how many they became is not known here. */
		if (encoded)
			flags |= TM_D_WHOLE;
	} else if (ret < 0 && ret != -EAGAIN && ret != -EINVAL &&
		   (iocb->ki_flags & (IOCB_DIRECT | IOCB_DSYNC) || !(write_undone(ret) ||
			write_touched(ret)))) {
		/* Written and then failed to sync, or partly on disk: any byte may differ. */
		flags = TM_D_DATA | TM_D_WHOLE;
	} else if (write_touched(ret)) {
		flags = TM_D_ATTR;
	}
	if (flags)
		tm_mark_file(sb, inode, file, flags, start, end);
	if (iocb->ki_flags & IOCB_DIRECT && iocb->ki_complete && !tm_aio_close(iocb)) {
		/* Completed inline and closed there already; the end of the file may only now have moved. */
		tm_ver_touch(inode->i_ino);
		return 0;
	}
	tm_ver_end(inode->i_ino);
	return 0;
}

SEC("fentry")
int BPF_PROG(tm_write_in, struct kiocb *iocb)
{
	return write_enter(iocb);
}

SEC("fexit")
int BPF_PROG(tm_write_out, struct kiocb *iocb, struct iov_iter *from, long ret)
{
	return write_exit(iocb, ret, false);
}

/* btrfs_do_write_iter(iocb, from, encoded): reached by encoded writes too. */
SEC("fexit")
int BPF_PROG(tm_write3_out, struct kiocb *iocb, struct iov_iter *from, void *encoded, long ret)
{
	return write_exit(iocb, ret, encoded);
}

static __always_inline int file_enter(struct file *file)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();

	if (ctl && tm_sb_of(ctl, inode))
		tm_ver_begin(inode->i_ino);
	return 0;
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

	if (!ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	/* A failed one may have changed a part of the range: only refusals changed nothing. */
	if (!err || !(write_undone(err) && err != -EINTR && err != -ERESTARTSYS)) {
		__u64 end = off + len;

		if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) {
			flags |= TM_D_SIZE;
			end = TM_TO_EOF;
		}
		tm_mark_file(sb, inode, file, flags, off, end);
	} else if (err != -EOPNOTSUPP) {
		/* xfs changes the times before it looks whether the mode and the range go together. */
		tm_mark_file(sb, inode, file, TM_D_ATTR, 0, 0);
	}
	tm_ver_end(inode->i_ino);
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

	if (!ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	if (ret > 0)
		end = pos + ret;
	else if (ret < 0 && !write_undone(ret) && ret != -EXDEV)
		end = len ? pos + len : TM_TO_EOF;
	/* Deduplicated bytes are equal by definition. */
	if (end != (__u64)pos && !(flags & REMAP_FILE_DEDUP))
		tm_mark_file(sb, inode, out, TM_D_DATA, pos, end);
	tm_ver_end(inode->i_ino);
	return 0;
}

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
	if (ioctl_harmless(cmd))
		return 0;
	return file_enter(file);
}

SEC("fexit")
int BPF_PROG(tm_ioctl_out, struct file *file, unsigned int cmd, unsigned long arg, long ret)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	__u32 flags = 0;
	struct tm_sb *sb;

	if (ioctl_harmless(cmd) || !ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	if (ret >= 0 || !(write_undone(ret) || ret == -ENOTTY)) {
		if (tm_is_reg(inode))
			flags = TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
		else if (tm_is_dir(inode))
			flags = TM_D_DIR | TM_D_ATTR;
	}
	if (flags)
		tm_mark_file(sb, inode, file, flags, 0, 0);
	tm_ver_end(inode->i_ino);
	return 0;
}
