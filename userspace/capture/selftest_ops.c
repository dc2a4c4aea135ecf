/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture/selftest_ops.c - see selftest_ops.h. One operation for each hook, and the commonest ways to it. */
#include "capture/selftest_ops.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "changes/change.h"
#include "lib/fd.h"

#define SIZE 16384

static int result(long r)
{
	return r < 0 ? -errno : 0;
}

/* ---- before */

static int with_file(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	static const char zeros[SIZE];

	if (fd < 0 || pwrite(fd, zeros, SIZE, 0) != SIZE)
		return -errno;
	return 0;
}

static int with_synced(int dir, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	int r = with_file(dir, name);

	if (r)
		return r;
	fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	return result(fd < 0 ? -1 : fdatasync(fd));
}

static int with_dir(int dir, const char *name)
{
	return result(mkdirat(dir, name, 0700));
}

static int open_it(int dir, const char *name)
{
	return openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

static int with_xattr(int dir, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	int r = with_file(dir, name);

	if (r)
		return r;
	fd = open_it(dir, name);
	return result(fsetxattr(fd, "trusted.tidemark-selftest", "1", 1, 0));
}

/* version 2; user::rw- user:1:r-- group::r-- mask::r-- other::r-- */
static const uint8_t acl[] = {
	2, 0, 0, 0, 0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 4, 0, 1, 0, 0, 0, 0x04, 0, 4, 0,
	0xff, 0xff, 0xff, 0xff, 0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
};

static int set_acl(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0));
}

static int with_acl(int dir, const char *name)
{
	int r = with_file(dir, name);

	return r ?: set_acl(dir, name);
}

/* ---- names */

static int do_create(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return result(fd);
}

static int do_mkdir(int dir, const char *name)
{
	return result(mkdirat(dir, name, 0700));
}

static int do_mknod(int dir, const char *name)
{
	return result(mknodat(dir, name, S_IFIFO | 0600, 0));
}

static int do_symlink(int dir, const char *name)
{
	return result(symlinkat("nowhere", dir, name));
}

static int do_link(int dir, const char *name)
{
	int r = result(linkat(dir, "linked", dir, name, 0));

	return r;
}

static int do_unlink(int dir, const char *name)
{
	return result(unlinkat(dir, name, 0));
}

static int do_rmdir(int dir, const char *name)
{
	return result(unlinkat(dir, name, AT_REMOVEDIR));
}

static int do_rename(int dir, const char *name)
{
	return result(renameat(dir, name, dir, "renamed"));
}

/* Did that name appear? It is the other half of the rename. */
static int do_renamed(int dir, const char *name)
{
	return result(faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW));
}

/* ---- content */

static int do_write(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return pwrite(fd, "written", 7, 10) == 7 ? 0 : -EIO;
}

static int do_append(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	return write(fd, "appended", 8) == 8 ? 0 : -EIO;
}

static int do_direct(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ void *buf = aligned_alloc(4096, 4096);

	if (fd < 0 || !buf)
		return -EINVAL;
	memset(buf, 'd', 4096);
	return pwrite(fd, buf, 4096, 4096) == 4096 ? 0 : -EINVAL;
}

static int do_aio(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ void *buf = aligned_alloc(4096, 4096);
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)fd,
			   .aio_buf = (uint64_t)(uintptr_t)buf, .aio_nbytes = 4096, .aio_offset = 4096 };
	struct iocb *cbs[] = { &cb };
	aio_context_t ctx = 0;
	struct io_event ev = { 0 };

	if (fd < 0 || !buf || syscall(SYS_io_setup, 1, &ctx))
		return -EINVAL;
	memset(buf, 'a', 4096);
	if (syscall(SYS_io_submit, ctx, 1, cbs) == 1)
		(void)syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL);
	(void)syscall(SYS_io_destroy, ctx);
	return ev.res == 4096 ? 0 : -EINVAL;
}

static int do_punch(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
}

static int do_clone(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name), from = open_it(dir, "cloned");

	return result(ioctl(fd, FICLONE, from));
}

static int do_truncate(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(ftruncate(fd, 100));
}

static int do_store(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*(volatile char *)p = 1;
	munmap(p, 4096);
	return 0;
}

/* One that only asks and is not in the kernel side's list of harmless ones: it is marked all the same. */
static int do_ioctl(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);
	char room[512];
	struct statfs st;

	if (fstatfs(fd, &st))
		return -errno;
	switch (st.f_type) {
	case EXT4_SUPER_MAGIC:
		return result(ioctl(fd, _IO('f', 12)));			/* EXT4_IOC_ALLOC_DA_BLKS */
	case 0x58465342:
		/* XFS_IOC_FSGETXATTRA */
		return result(ioctl(fd, _IOR('X', 45, struct fsxattr), room));
	case BTRFS_SUPER_MAGIC:
		/* BTRFS_IOC_GET_SUPPORTED_FEATURES */
		return result(ioctl(fd, _IOR(0x94, 57, uint64_t[9]), room));
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- attributes */

static int do_chmod(int dir, const char *name)
{
	return result(fchmodat(dir, name, 0640, 0));
}

static int do_setxattr(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(fsetxattr(fd, "trusted.tidemark-selftest", "1", 1, 0));
}

static int do_rmxattr(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(fremovexattr(fd, "trusted.tidemark-selftest"));
}

static int do_rmacl(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);

	return result(fremovexattr(fd, "system.posix_acl_access"));
}

static int do_flags(int dir, const char *name)
{
	_cleanup_close_ int fd = open_it(dir, name);
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -errno;
	flags |= FS_NODUMP_FL;
	return result(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* "linked", "cloned" and "renamed" are helpers of others and are swept out with them. */
const struct tm_selftest_op tm_selftest_ops[] = {
	{ "create", 0, NULL, do_create },
	{ "mkdir", 0, NULL, do_mkdir },
	{ "mknod", 0, NULL, do_mknod },
	{ "symlink", 0, NULL, do_symlink },
	{ "linked", TM_CF_ATTR, with_file, do_chmod },
	{ "link", 0, NULL, do_link },
	{ "unlink", 0, with_file, do_unlink },
	{ "rmdir", 0, with_dir, do_rmdir },
	{ "rename", 0, with_file, do_rename },
	{ "renamed", 0, NULL, do_renamed },
	{ "write", TM_CF_DATA, with_file, do_write },
	{ "append", TM_CF_DATA, with_file, do_append },
	{ "direct-write", TM_CF_DATA, with_synced, do_direct },
	{ "aio-write", TM_CF_DATA, with_synced, do_aio },
	{ "fallocate", TM_CF_DATA, with_file, do_punch },
	{ "cloned", TM_CF_DATA, with_synced, do_write },
	{ "clone", TM_CF_DATA, with_synced, do_clone },
	{ "truncate", TM_CF_DATA | TM_CF_SIZE, with_file, do_truncate },
	{ "mmap-store", TM_CF_DATA | TM_CF_MMAP, with_file, do_store },
	{ "ioctl", TM_CF_DATA, with_file, do_ioctl },
	{ "chmod", TM_CF_ATTR, with_file, do_chmod },
	{ "setxattr", TM_CF_ATTR, with_file, do_setxattr },
	{ "removexattr", TM_CF_ATTR, with_xattr, do_rmxattr },
	{ "set-acl", TM_CF_ATTR, with_file, set_acl },
	{ "remove-acl", TM_CF_ATTR, with_acl, do_rmacl },
	{ "set-flags", TM_CF_ATTR, with_file, do_flags },
	{ .name = NULL },
};
