/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_meta.c - mode, owner, times, xattrs, ACLs, flags, project ids, verity,
 * and reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "matrix.h"

static int m01_chmod(void)
{
	int fd = file("f", 10);

	DO(fd >= 0 && !mkdirat(dirfd_, "d", 0755) && !begin());
	DO(!fchmod(fd, 0600) && !fchmodat(dirfd_, "d", 02750, 0));
	cause_attr(dirfd_, "f");
	cause_attr(dirfd_, "d");
	return 0;
}

static int m02_chown(void)
{
	int fd = file("f", 10);

	DO(fd >= 0 && !symlinkat("x", dirfd_, "s") && !begin());
	DO(!fchown(fd, 1, 2) && !fchownat(dirfd_, "s", 3, 4, AT_SYMLINK_NOFOLLOW));
	cause_attr(dirfd_, "f");
	cause_attr(dirfd_, "s");
	return 0;
}

static int m03_times(void)
{
	struct timespec ts[2] = { { 1, 2 }, { 3, 4000 } };
	int fd = file("f", 10);

	DO(fd >= 0 && !begin() && !futimens(fd, ts));
	cause_attr(dirfd_, "f");
	return 0;
}

static int m04_xattrs(void)
{
	int fd = file("f", 10);

	DO(fd >= 0 && !fsetxattr(fd, "trusted.old", "1", 1, 0) && !begin());
	DO(!fsetxattr(fd, "trusted.x", "22", 2, 0) && !step() && !fremovexattr(fd, "trusted.old"));
	DO(fremovexattr(fd, "trusted.none"));
	cause_attr(dirfd_, "f");
	return 0;
}

static int m04_user(void)
{
	int fd = file("f", 10);

	DO(fd >= 0 && !begin());
	if (fsetxattr(fd, "user.x", "22", 2, 0))
		return na("no user xattrs");
	cause_attr(dirfd_, "f");
	return 0;
}

/* version 2; user::rw- user:1:r-- group::r-- mask::r-- other::r-- */
static const uint8_t acl[] = {
	2, 0, 0, 0, 0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 4, 0, 1, 0, 0, 0, 0x04, 0, 4, 0,
	0xff, 0xff, 0xff, 0xff, 0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
};

static int m05_acl(void)
{
	int fd = file("f", 10), d;

	DO(fd >= 0 && !mkdirat(dirfd_, "d", 0755) && !begin());
	d = keep(openat(dirfd_, "d", O_RDONLY | O_DIRECTORY));
	if (fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0))
		return na("no ACLs");
	DO(!fsetxattr(d, "system.posix_acl_default", acl, sizeof(acl), 0));
	cause_attr(dirfd_, "f");
	cause_attr(dirfd_, "d");
	return 0;
}

static int m05_remove(void)
{
	int fd = file("f", 10);

	DO(fd >= 0);
	if (fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0))
		return na("no ACLs");
	DO(!begin() && !fremovexattr(fd, "system.posix_acl_access"));
	cause_attr(dirfd_, "f");
	return 0;
}

static int m06_flags(void)
{
	int fd = file("f", 10), flags = 0;

	DO(fd >= 0);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return na("no inode flags");
	DO(!begin());
	flags |= FS_NODUMP_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return na("the flag is refused");
	cause_attr(dirfd_, "f");
	return 0;
}

static int m07_project(void)
{
	int fd = file("f", 10);
	struct fsxattr x;

	DO(fd >= 0);
	if (ioctl(fd, FS_IOC_FSGETXATTR, &x))
		return na("no FSGETXATTR");
	DO(!begin());
	x.fsx_projid = 77;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &x))
		return na("no project ids");
	cause_attr(dirfd_, "f");
	return 0;
}

static int m08_verity(void)
{
	struct fsverity_enable_arg a = { .version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
		.block_size = 4096 };
	int fd = file("f", 65536), ro;

	DO(fd >= 0 && !fsync(fd) && !begin());
	closed(fd);
	ro = keep(openat(dirfd_, "f", O_RDONLY));
	if (ioctl(ro, FS_IOC_ENABLE_VERITY, &a))
		return na("no verity on this file system");
	/* The content stays; the ioctl is not known to be harmless. */
	cause_whole(ro);
	return 0;
}

/* The same on an ext4 that has the features. */
static int featured(int (*act)(void))
{
	int r;

	if (sh("umount -l /tmp/features; rm -f /tmp/features.img; truncate -s 64M /tmp/features.img && "
	       "mkfs.ext4 -q -O project,quota,verity /tmp/features.img && mkdir -p /tmp/features && "
	       "mount -o loop /tmp/features.img /tmp/features"))
		return na("cannot be mounted so");
	r = elsewhere("/tmp/features") ?: act();
	return (sh("umount -l /tmp/features"), r);
}

static int m07_featured(void)
{
	return featured(m07_project);
}

static int m08_featured(void)
{
	return featured(m08_verity);
}

static int m09_reading(void)
{
	struct stat st;
	char b[100];
	int fd = file("f", 5000), flags;
	struct fsxattr x;

	DO(fd >= 0 && !begin());
	DO(pread(fd, b, 100, 0) == 100 && !fstat(fd, &st) && lseek(fd, 0, SEEK_DATA) == 0);
	DO(!sh("cat '%s' && ls -lR '%s' && getfattr -d '%s'; lsattr '%s'; true", in("f"), in(""), in("f"), in("f")));
	(void)ioctl(fd, FS_IOC_GETFLAGS, &flags);
	(void)ioctl(fd, FS_IOC_FSGETXATTR, &x);
	DO(!fsync(fd) && !sh("sync"));
	return 0;
}

static int m10_fails(void)
{
	DO(!begin() && fchmodat(dirfd_, "none", 0600, 0) && mkdirat(dirfd_, "none/x", 0755));
	DO(unlinkat(dirfd_, "none", 0) && renameat(dirfd_, "none", dirfd_, "x"));
	return 0;
}

const struct row rows_meta[] = {
	{ "M01", "chmod of file and directory", ALL_FS, "", 0, m01_chmod },
	{ "M02", "chown of file and symlink", ALL_FS, "", 0, m02_chown },
	{ "M03", "utimensat", ALL_FS, "", 0, m03_times },
	{ "M04", "setxattr and removexattr", ALL_FS, "", 0, m04_xattrs },
	{ "M04b", "user xattr", ALL_FS, "", 0, m04_user },
	{ "M05", "access and default ACL", ALL_FS, "", 0, m05_acl },
	{ "M05b", "ACL removed", ALL_FS, "", 0, m05_remove },
	{ "M06", "FS_IOC_SETFLAGS", ALL_FS, "", 0, m06_flags },
	{ "M07", "FS_IOC_FSSETXATTR: project id", ALL_FS, "", 0, m07_project },
	{ "M07b", "project id, ext4 with the feature", EXT4, "ext4 only", ALONE, m07_featured },
	{ "M08", "verity enabled", ALL_FS, "", 0, m08_verity },
	{ "M08b", "verity, ext4 with the feature", EXT4, "ext4 only", ALONE, m08_featured },
	{ "M09", "reading, listing, syncing: no mark", ALL_FS, "", 0, m09_reading },
	{ "M10", "changes that fail: no mark", ALL_FS, "", 0, m10_fails },
	{ 0 },
};
