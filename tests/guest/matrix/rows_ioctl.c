/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_ioctl.c - ioctls that change content or names: swaps of extents, encoded
 * writes, subvolumes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zlib.h>

#include "matrix.h"

/* fs/ext4/ext4.h */
struct move_extent {
	uint32_t reserved, donor_fd;
	uint64_t orig_start, donor_start, len, moved_len;
};

#define EXT4_IOC_MOVE_EXT_	_IOWR('f', 15, struct move_extent)
#define EXT4_IOC_SWAP_BOOT_	_IO('f', 17)

/* fs/xfs/libxfs/xfs_fs.h */
struct exchange_range {
	int32_t file1_fd;
	uint32_t pad;
	uint64_t file1_offset, file2_offset, length, flags;
};

#define XFS_IOC_EXCHANGE_RANGE_	_IOW('X', 129, struct exchange_range)

static int t56_move_ext(void)
{
	int fd = file("f", 65536), donor = file("donor", 65536);
	struct move_extent m = { .donor_fd = (uint32_t)donor, .orig_start = 2, .donor_start = 2, .len = 4 };

	DO(fd >= 0 && donor >= 0 && !fsync(fd) && !fsync(donor) && !begin());
	DO(!ioctl(fd, EXT4_IOC_MOVE_EXT_, &m) && m.moved_len == 4);
	/* The donor gets the old blocks; its page cache still holds what it had. */
	DO(!sh("echo 1 > /proc/sys/vm/drop_caches"));
	cause_whole(donor);
	cause_whole(fd);
	return 0;
}

static int t57_swap_boot(void)
{
	int fd = file("f", 20000);

	DO(fd >= 0 && !fsync(fd) && !begin());
	if (ioctl(fd, EXT4_IOC_SWAP_BOOT_))
		return na("EXT4_IOC_SWAP_BOOT is refused");
	cause_whole(fd);
	return 0;
}

static int t58_swapext(void)
{
	int fd = file("f", 65536), donor = file("donor", 65536);

	DO(fd >= 0 && donor >= 0 && !fsync(fd) && !fsync(donor) && !begin());
	/* xfs_io says what went wrong and exits with 0. */
	if (sh("xfs_io -c 'swapext %s' '%s' > /tmp/matrix-swapext 2>&1; test ! -s /tmp/matrix-swapext", in("donor"),
	       in("f")))
		return na("no XFS_IOC_SWAPEXT");
	cause_whole(donor);
	cause_whole(fd);
	return 0;
}

static int t58_exchange(void)
{
	int fd = file("f", 65536), other = file("other", 65536);
	struct exchange_range x = { .file1_fd = other, .file1_offset = 8192, .file2_offset = 8192,
		.length = 16384 };

	DO(fd >= 0 && other >= 0 && !fsync(fd) && !fsync(other) && !begin());
	if (ioctl(fd, XFS_IOC_EXCHANGE_RANGE_, &x))
		return na("this file system was made without exchange-range");
	cause_data(fd, 8192, 24576);
	cause_data(other, 8192, 24576);
	return 0;
}

static int t59_encoded(void)
{
	int fd = file("f", 65536);
	unsigned char packed[8192];
	uLongf n = sizeof(packed);
	char plain[4096] = "encoded";
	struct iovec v;
	struct btrfs_ioctl_encoded_io_args a = { .iov = &v, .iovcnt = 1, .offset = 8192, .len = 4096,
						 .unencoded_len = 4096,
						 .compression = BTRFS_ENCODED_IO_COMPRESSION_ZLIB };

	DO(fd >= 0 && compress2(packed, &n, (unsigned char *)plain, sizeof(plain), 6) == Z_OK && !fsync(fd));
	v = (struct iovec){ packed, n };
	DO(!begin());
	if (ioctl(fd, BTRFS_IOC_ENCODED_WRITE, &a) < 0)
		return na("no encoded writes");
	cause_data(fd, 8192, 12288);
	return 0;
}

static int t60_subvolume(void)
{
	DO(!begin());
	if (sh("btrfs subvolume create '%s'", in("sub")))
		return na("no subvolume can be made");
	cause_name(dirfd_, "sub");
	DO(keep(openat(dirfd_, "sub/f", O_CREAT | O_WRONLY, 0644)) >= 0);
	return 0;
}

static int t60_snapshot(void)
{
	DO(!sh("btrfs subvolume create '%s' && echo text > '%s' && mkdir '%s' && echo more > '%s'", in("sub"),
	       in("sub/f"), in("sub/d"), in("sub/d/g")));
	DO(!begin() && !sh("btrfs subvolume snapshot '%s' '%s'", in("sub"), in("snap")));
	cause_name(dirfd_, "snap");
	return 0;
}

static int t60_delete(void)
{
	DO(!sh("btrfs subvolume create '%s' && echo text > '%s'", in("sub"), in("sub/f")));
	DO(!begin() && !sh("btrfs subvolume delete '%s'", in("sub")));
	cause_name(dirfd_, "sub");
	cause_list(dirfd_);
	return 0;
}

static int t60_write_below(void)
{
	int sub, fd;

	DO(!sh("btrfs subvolume create '%s'", in("sub")));
	sub = keep(openat(dirfd_, "sub", O_RDONLY | O_DIRECTORY));
	fd = file_at(sub, "f", 65536);
	DO(fd >= 0 && !begin() && pwrite(fd, fresh(100), 100, 5000) == 100);
	cause_data(fd, 5000, 5100);
	return 0;
}

static int t79_defrag(void)
{
	int fd = file("f", 65536);

	DO(fd >= 0 && !fsync(fd) && !begin());
	(void)sh("btrfs filesystem defragment '%s'", in("f"));
	return 0;
}

const struct row rows_ioctl[] = {
	{ "T56", "EXT4_IOC_MOVE_EXT", EXT4, "ext4 only", 0, t56_move_ext },
	{ "T57", "EXT4_IOC_SWAP_BOOT", EXT4, "ext4 only", 0, t57_swap_boot },
	{ "T58", "XFS_IOC_SWAPEXT", XFS, "xfs only", 0, t58_swapext },
	{ "T58b", "XFS_IOC_EXCHANGE_RANGE", XFS, "xfs only", 0, t58_exchange },
	{ "T59", "btrfs encoded write", BTRFS, "btrfs only", 0, t59_encoded },
	{ "T60", "btrfs subvolume create", BTRFS, "btrfs only", 0, t60_subvolume },
	{ "T60b", "btrfs snapshot", BTRFS, "btrfs only", 0, t60_snapshot },
	{ "T60c", "btrfs subvolume delete", BTRFS, "btrfs only", 0, t60_delete },
	{ "T60d", "a write in a subvolume below the root", BTRFS, "btrfs only", 0, t60_write_below },
	{ "T79", "btrfs defragment: no mark", BTRFS, "btrfs only", 0, t79_defrag },
	{ 0 },
};
