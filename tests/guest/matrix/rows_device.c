/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_device.c - loop devices over files, swap, failing disks, other mount options, DAX.
 *
 * The failing disk is a device-mapper table over a loop device whose sectors under one file turn into errors,
 * so that the file system itself stays well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

static const char *fs_word(void)
{
	return fs_now == EXT4 ? "ext4" : fs_now == XFS ? "xfs" : fs_now == BTRFS ? "btrfs" : "tmpfs";
}

static int loop(const char *options, const char *command)
{
	int fd = file("f", 1 << 20);

	DO(fd >= 0 && !fsync(fd));
	if (sh("modprobe loop; L=$(losetup %s -f --show '%s') && echo $L > /tmp/matrix-loop", options, in("f")))
		return na("no loop device");
	if (begin())
		return -1;
	if (sh("L=$(cat /tmp/matrix-loop); %s", command)) {
		sh("losetup -d $(cat /tmp/matrix-loop)");
		return na("the loop device refuses");
	}
	DO(!sh("losetup -d $(cat /tmp/matrix-loop)"));
	cause_data(fd, 3 * PAGE, 5 * PAGE);
	return 0;
}

#define DD "dd if=/dev/urandom of=$L bs=4096 count=2 seek=3 conv=notrunc,fsync "

static int t52_loop(void)
{
	return loop("", DD);
}

static int t53_loop_dio(void)
{
	/* Bytes from the page cache of the device would stand beside it. */
	return loop("--direct-io=on", DD "oflag=direct && losetup -l -O DIO $L | grep -q 1");
}

static int t54_discard(void)
{
	return loop("", "blkdiscard -o 12288 -l 8192 $L");
}

static int t55_swap(void)
{
	int fd = file("f", 1 << 20);

	DO(fd >= 0 && !fsync(fd) && !fchmod(fd, 0600));
	if (sh("chattr +C '%s'; mkswap '%s'", in("f"), in("f")))
		return na("no mkswap");
	DO(!begin());
	if (sh("swapon '%s' && swapoff '%s'", in("f"), in("f")))
		return na("no swap file on this file system");
	return 0;
}

/* ---- a disk that fails */

static bool flaky_up;
static char flaky_dev[64];
static uint64_t flaky_sectors;

/* A file system of this kind over a device that can be told to fail, at /tmp/flaky-FS; work there. */
static int flaky(void)
{
	FILE *f;
	int dir;

	if (!flaky_up) {
		snprintf(flaky_dev, sizeof(flaky_dev), "matrix-%s", fs_word());
		if (sh("modprobe loop; modprobe dm-mod; truncate -s 400M /tmp/%s.img && "
		       "L=$(losetup -f --show /tmp/%s.img) && S=$(blockdev --getsz $L) && "
		       "echo $L $S > /tmp/matrix-flaky && "
		       "dmsetup create --noudevsync --noudevrules %s --table \"0 $S linear $L 0\" && "
		       "dmsetup mknodes && mkfs.%s -q $([ %s = ext4 ] || echo -f) /dev/mapper/%s && "
		       "mkdir -p /tmp/flaky && mount /dev/mapper/%s /tmp/flaky",
		       flaky_dev, flaky_dev, flaky_dev, fs_word(), fs_word(), flaky_dev, flaky_dev))
			return na("no device mapper");
		flaky_up = true;
	}
	f = fopen("/tmp/matrix-flaky", "re");
	DO(f && fscanf(f, "%*s %llu", (unsigned long long *)&flaky_sectors) == 1 && !fclose(f));
	if (elsewhere("/tmp/flaky"))
		return -1;
	dir = open("/tmp/flaky", O_RDONLY | O_DIRECTORY);
	outfd = keep(dir);
	return 0;
}

/* Sectors of the one extent of @fd. */
static int extent_of(int fd, uint64_t *ret_start, uint64_t *ret_end)
{
	struct { struct fiemap m; struct fiemap_extent e; } x = { .m = { .fm_length = ~0ULL,
		.fm_extent_count = 1,
								   .fm_flags = FIEMAP_FLAG_SYNC } };

	if (ioctl(fd, FS_IOC_FIEMAP, &x) || x.m.fm_mapped_extents != 1)
		return -1;
	*ret_start = x.e.fe_physical / 512;
	*ret_end = *ret_start + x.e.fe_length / 512;
	return 0;
}

static int flaky_table(uint64_t start, uint64_t end)
{
	return sh("L=$(cut -d' ' -f1 /tmp/matrix-flaky); { echo 0 %llu linear $L 0; "
		  "[ %llu = %llu ] || echo %llu %llu error; echo %llu %llu linear $L %llu; } > /tmp/matrix-table; "
		  "dmsetup suspend --nolockfs %s && dmsetup load %s /tmp/matrix-table && "
		  "dmsetup resume --noudevsync %s",
		  (unsigned long long)start, (unsigned long long)start, (unsigned long long)end,
		  (unsigned long long)start, (unsigned long long)(end - start), (unsigned long long)end,
		  (unsigned long long)(flaky_sectors - end), (unsigned long long)end, flaky_dev, flaky_dev,
			flaky_dev);
}

static int flaky_file(const char *name, uint64_t *ret_start, uint64_t *ret_end)
{
	int fd = keep(openat(dirfd_, name, O_RDWR | O_CREAT | O_TRUNC, 0644)), flags = FS_NOCOW_FL;

	if (fd < 0)
		return fd;
	/* btrfs: in place, or nobody knows where the write will go. */
	if (fs_now == BTRFS && ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return -1;
	if (pwrite(fd, fresh(65536), 65536, 0) != 65536 || fsync(fd) || extent_of(fd, ret_start, ret_end))
		return -1;
	return fd;
}

static int t61_eio(int open_flags)
{
	uint64_t start, end;
	int r = flaky(), fd, s;

	if (r)
		return r;
	fd = flaky_file("osync", &start, &end);
	DO(fd >= 0);
	s = keep(openat(dirfd_, "osync", O_WRONLY | open_flags));
	DO(s >= 0 && !begin() && !flaky_table(start, end));
	r = pwrite(s, fresh(8192), 8192, 16384) == 8192;
	DO(!flaky_table(start, start));
	DO(!r);
	/* What the disk has is what counts. */
	DO(!sh("echo 1 > /proc/sys/vm/drop_caches"));
	cause_whole(fd);
	return 0;
}

static int t61_osync(void)
{
	return t61_eio(O_SYNC);
}

static int t61_direct(void)
{
	return t61_eio(O_DIRECT);
}

static int t61_aio(void)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_nbytes = 8192, .aio_offset = 16384 };
	struct iocb *cbs[] = { &cb };
	aio_context_t ctx = 0;
	struct io_event ev = { 0 };
	uint64_t start, end;
	int r = flaky(), fd, s;

	if (r)
		return r;
	fd = flaky_file("aio", &start, &end);
	DO(fd >= 0);
	s = keep(openat(dirfd_, "aio", O_WRONLY | O_DIRECT));
	cb.aio_fildes = (uint32_t)s;
	cb.aio_buf = (uint64_t)(uintptr_t)fresh(8192);
	DO(s >= 0 && !begin() && !flaky_table(start, end) && !syscall(SYS_io_setup, 4, &ctx));
	if (syscall(SYS_io_submit, ctx, 1, cbs) == 1)
		(void)syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL);
	syscall(SYS_io_destroy, ctx);
	DO(!flaky_table(start, start));
	DO((int64_t)ev.res != 8192);
	DO(!sh("echo 1 > /proc/sys/vm/drop_caches"));
	cause_whole(fd);
	return 0;
}

/* The mark of the write is taken, then the write-back fails and the old bytes come back. */
static int t71_writeback(void)
{
	uint64_t start, end;
	int r = flaky(), fd;

	if (r)
		return r;
	fd = flaky_file("wb", &start, &end);
	DO(fd >= 0 && !begin() && pwrite(fd, fresh(8192), 8192, 16384) == 8192 && !step());
	DO(!flaky_table(start, end));
	r = fsync(fd);
	DO(!flaky_table(start, start));
	DO(r);
	DO(!sh("echo 1 > /proc/sys/vm/drop_caches"));
	cause_whole(fd);
	return 0;
}

/* ---- ext4 in other dress */

static int dressed(const char *mkfs, const char *options)
{
	char *p;
	int fd, small;

	if (sh("modprobe -q loop; umount -l /tmp/dress; rm -f /tmp/dress.img; truncate -s 64M /tmp/dress.img && "
	       "mkfs.ext4 -q %s /tmp/dress.img && mkdir -p /tmp/dress && mount -o loop,%s /tmp/dress.img /tmp/dress",
	       mkfs, options))
		return na("cannot be mounted so");
	if (elsewhere("/tmp/dress"))
		return -1;
	fd = file("f", 65536);
	small = file("small", 60);
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	DO(fd >= 0 && small >= 0 && p != MAP_FAILED && !fsync(fd) && !begin());
	DO(pwrite(fd, fresh(5000), 5000, 100) == 5000);
	cause_data(fd, 100, 5100);
	DO(pwrite(small, fresh(20), 20, 30) == 20);
	cause_data(small, 30, 50);
	p[9 * PAGE] ^= 1;
	cause_pages(fd, 9 * PAGE, 9 * PAGE + 1);
	DO(!ftruncate(fd, 50000));
	cause_from(fd, 50000);
	DO(!step());
	p[9 * PAGE] ^= 2;
	DO(pwrite(small, fresh(200), 200, 50) == 200);
	cause_data(small, 50, 250);
	munmap(p, 65536);
	return sh("umount -l /tmp/dress") * 0;
}

static int t72_journal(void)
{
	return dressed("", "data=journal");
}

static int t72_nodelalloc(void)
{
	return dressed("", "nodelalloc");
}

static int t72_inline(void)
{
	return dressed("-O inline_data -I 256", "rw");
}

static int t73_dax(bool through_map)
{
	volatile char *p;
	int fd;

	if (access("/dev/pmem0", F_OK) && sh("modprobe nd_e820; modprobe nd_pmem; sleep 1; test -b /dev/pmem0"))
		return na("no persistent memory in this guest");
	if (sh("umount -l /tmp/dax; mkdir -p /tmp/dax; mkfs.%s /dev/pmem0 && mount -o dax /dev/pmem0 /tmp/dax",
	       fs_now == EXT4 ? "ext4 -q -F -b 4096" : "xfs -q -f -m reflink=0"))
		return na("cannot be mounted with dax");
	if (elsewhere("/tmp/dax"))
		return -1;
	fd = file("f", 65536);
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	DO(fd >= 0 && p != MAP_FAILED && !fsync(fd) && !begin());
	if (through_map) {
		p[9 * PAGE] ^= 1;
		DO(!step());
		p[9 * PAGE + 1] ^= 1;
		cause_pages(fd, 9 * PAGE, 9 * PAGE + 1);
	} else {
		DO(pwrite(fd, fresh(5000), 5000, 100) == 5000);
		cause_data(fd, 100, 5100);
	}
	munmap((void *)(uintptr_t)p, 65536);
	return sh("umount -l /tmp/dax") * 0;
}

static int t73_write(void)
{
	return t73_dax(false);
}

static int t73_map(void)
{
	return t73_dax(true);
}

const struct row rows_device[] = {
	{ "T52", "loop device, buffered", ALL_FS, "", 0, t52_loop },
	{ "T53", "loop device, direct", ALL_FS, "", 0, t53_loop_dio },
	{ "T54", "loop device, discard", ALL_FS, "", 0, t54_discard },
	{ "T55", "swapon and swapoff: no mark", DISK, "no swap file on tmpfs", 0, t55_swap },
	{ "T61b", "O_SYNC write, the disk fails", DISK, "no disk below", ALONE | LATE, t61_osync },
	{ "T61c", "O_DIRECT write, the disk fails", DISK, "no disk below", ALONE | LATE, t61_direct },
	{ "T61d", "AIO O_DIRECT write, the disk fails", DISK, "no disk below", ALONE | LATE, t61_aio },
	{ "T71", "write-back fails, bytes revert", DISK, "no disk below", ALONE | LATE, t71_writeback },
	{ "T72", "ext4 data=journal", EXT4, "ext4 only", ALONE, t72_journal },
	{ "T72b", "ext4 nodelalloc", EXT4, "ext4 only", ALONE, t72_nodelalloc },
	{ "T72c", "ext4 inline_data", EXT4, "ext4 only", ALONE, t72_inline },
	{ "T73", "DAX write", EXT4 | XFS, "no DAX there", ALONE, t73_write },
	{ "T73b", "DAX mapping", EXT4 | XFS, "no DAX there", ALONE, t73_map },
	{ 0 },
};
