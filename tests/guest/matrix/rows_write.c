/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/rows_write.c - the write calls and their flags. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static int t01_write(void)
{
	int fd = file("f", 8192);

	DO(fd >= 0 && !begin() && lseek(fd, 50, SEEK_SET) == 50);
	DO(write(fd, fresh(7), 7) == 7 && write(fd, fresh(9), 9) == 9);
	cause_data(fd, 50, 66);
	return 0;
}

static int t02_pwrite(void)
{
	int fd = file("f", 100000);

	DO(fd >= 0 && !begin());
	DO(pwrite(fd, fresh(10), 10, 100) == 10 && pwrite(fd, fresh(5000), 5000, 70001) == 5000);
	cause_data(fd, 100, 110);
	cause_data(fd, 70001, 75001);
	return 0;
}

static int t03_writev(void)
{
	int fd = file("f", 8192);
	char *b = fresh(64);
	struct iovec v[3] = { { b, 5 }, { b + 8, 0 }, { b + 16, 40 } };

	DO(fd >= 0 && !begin() && lseek(fd, 1000, SEEK_SET) == 1000 && writev(fd, v, 3) == 45);
	cause_data(fd, 1000, 1045);
	return 0;
}

static int t04_pwritev2(void)
{
	static const int flags[] = { 0, RWF_SYNC, RWF_DSYNC, RWF_HIPRI };
	int fd = file("f", 65536);

	DO(fd >= 0 && !begin());
	for (int i = 0; i < 4; i++) {
		struct iovec v = { fresh(100), 100 };

		DO(pwritev2(fd, &v, 1, 1000 + 10000 * i, flags[i]) == 100);
		cause_data(fd, 1000 + 10000 * (uint64_t)i, 1100 + 10000 * (uint64_t)i);
	}
	return 0;
}

static int t04_nowait(void)
{
	int fd = file("f", 8192);
	struct iovec v = { fresh(100), 100 };
	ssize_t n;

	DO(fd >= 0 && !begin());
	/* Refused with EAGAIN or done: either way the marks must agree. */
	n = pwritev2(fd, &v, 1, 300, RWF_NOWAIT);
	if (n < 0 && errno == EOPNOTSUPP)
		return na("no RWF_NOWAIT for buffered writes");
	DO(n == 100 || (n < 0 && errno == EAGAIN));
	if (n < 0)
		DO(pwritev2(fd, &v, 1, 300, 0) == 100);
	cause_data(fd, 300, 400);
	return 0;
}

static int t05_rwf_append(void)
{
	int fd = file("f", 5000);
	struct iovec v = { fresh(33), 33 };

	DO(fd >= 0 && !begin() && pwritev2(fd, &v, 1, 0, RWF_APPEND) == 33);
	cause_data(fd, 5000, 5033);
	return 0;
}

/* Two writers, each with a descriptor of its own: the appends interleave, the union is what was added. */
static int t06_append(void)
{
	int fd = file("f", 1000), status;
	pid_t pid[2];

	DO(fd >= 0 && !begin());
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int a = open(in("f"), O_WRONLY | O_APPEND);
			char *b = fresh(64);

			for (int j = 0; j < 500; j++)
				if (write(a, b + i, 13) != 13)
					_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 2; i++)
		DO(waitpid(pid[i], &status, 0) == pid[i] && !status);
	cause_data(fd, 1000, 1000 + 2 * 500 * 13);
	return 0;
}

static int t07_direct(void)
{
	int fd = file("f", 65536), d;

	DO(fd >= 0 && !fsync(fd));
	d = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (d < 0)
		return na("no O_DIRECT");
	DO(!begin() && pwrite(d, fresh(8192), 8192, 4096) == 8192);
	cause_data(fd, 4096, 12288);
	return 0;
}

static int t07_direct_extending(void)
{
	int fd = file("f", 8192), d;

	DO(fd >= 0 && !fsync(fd));
	d = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (d < 0)
		return na("no O_DIRECT");
	DO(!begin() && pwrite(d, fresh(8192), 8192, 8192) == 8192);
	cause_data(fd, 8192, 16384);
	return 0;
}

static int t62_efault(void)
{
	int fd = file("f", 65536);
	char *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = { { fresh(6000), 6000 }, { hole + 4096, 4096 } };
	ssize_t n;

	DO(fd >= 0 && hole != MAP_FAILED && !munmap(hole + 4096, 4096) && !begin());
	n = pwritev(fd, v, 2, 1000);
	/* btrfs asks for all of it first. */
	DO(n <= 6000 && (n >= 0 || errno == EFAULT));
	if (n > 0)
		cause_data(fd, 1000, 1000 + (uint64_t)n);
	DO(pwrite(fd, hole + 4096, 100, 20000) < 0 && errno == EFAULT);
	may_attr(dirfd_, "f");
	munmap(hole, 4096);
	return 0;
}

static int t63_enospc(void)
{
	struct stat st;
	int fd;

	/* A size limit stands for the full disk: the write ends in its middle just as well. */
	if (sh("mkdir -p /tmp/small && mount -t tmpfs -o size=64k none /tmp/small"))
		return na("no small file system");
	if (elsewhere("/tmp/small"))
		return na("the small file system cannot be tracked");
	fd = file("f", 4096);
	DO(fd >= 0 && !begin());
	DO(lseek(fd, 0, SEEK_END) == 4096 && write(fd, fresh(1 << 20), 1 << 20) > 0);
	DO(write(fd, fresh(4096), 4096) < 0 && errno == ENOSPC && !fstat(fd, &st) && st.st_size > 4096);
	cause_data(fd, 4096, (uint64_t)st.st_size);
	may_attr(dirfd_, "f");
	return sh("umount -l /tmp/small") * 0;
}

static int t64_beyond(void)
{
	int fd = file("f", 5000);

	DO(fd >= 0 && !begin() && pwrite(fd, fresh(10), 10, 300000) == 10);
	cause_data(fd, 300000, 300010);
	return 0;
}

static int t65_suid(void)
{
	int fd = file("f", 5000), status;
	pid_t pid;

	DO(fd >= 0 && !fchmod(fd, 06777) && !fchmod(dirfd_, 0777) && !begin());
	pid = fork();
	if (!pid) {
		if (setgid(1000) || setuid(1000))
			_exit(1);
		_exit(pwrite(fd, fresh(10), 10, 7) != 10);
	}
	DO(waitpid(pid, &status, 0) == pid && !status);
	cause_data(fd, 7, 17);
	cause_attr(dirfd_, "f");
	return 0;
}

static int t61_osync(void)
{
	int fd = file("f", 8192), s = keep(open(in("f"), O_WRONLY | O_SYNC));

	DO(fd >= 0 && s >= 0 && !begin() && pwrite(s, fresh(500), 500, 600) == 500);
	cause_data(fd, 600, 1100);
	return 0;
}

/* A sparse file of extents and holes: data arrives where it was written and nowhere else. */
static int t74_sparse(void)
{
	int fd = file("f", 0);

	DO(fd >= 0 && !ftruncate(fd, 8 << 20) && !begin());
	for (int i = 0; i < 20; i++) {
		DO(pwrite(fd, fresh(4096), 4096, i * 400000) == 4096);
		cause_data(fd, (uint64_t)i * 400000, (uint64_t)i * 400000 + 4096);
	}
	return 0;
}

static int t75_failing(void)
{
	int fd = file("f", 4096), ro = keep(open(in("f"), O_RDONLY));

	/* Nothing changes, nothing is marked. */
	DO(fd >= 0 && ro >= 0 && !begin());
	DO(pwrite(ro, fresh(10), 10, 0) < 0 && pwrite(fd, fresh(1), 0, 10) == 0);
	DO(pwrite(fd, fresh(1), 1, -1) < 0);
	return 0;
}

/* Opened before tracking of its directory began: the descriptor is old, the marks are not. */
static int t76_old_fd(void)
{
	int fd = keep(openat(outfd, "f", O_RDWR | O_CREAT, 0644));

	DO(fd >= 0 && write(fd, fresh(4096), 4096) == 4096 && !renameat(outfd, "f", dirfd_, "f") && !begin());
	DO(pwrite(fd, fresh(10), 10, 99) == 10);
	cause_data(fd, 99, 109);
	return 0;
}

const struct row rows_write[] = {
	{ "T01", "write", ALL_FS, "", 0, t01_write },
	{ "T02", "pwrite", ALL_FS, "", 0, t02_pwrite },
	{ "T03", "writev", ALL_FS, "", 0, t03_writev },
	{ "T04", "pwritev2 with SYNC, DSYNC, HIPRI", ALL_FS, "", 0, t04_pwritev2 },
	{ "T04b", "pwritev2 with NOWAIT", ALL_FS, "", 0, t04_nowait },
	{ "T05", "pwritev2 with APPEND", ALL_FS, "", 0, t05_rwf_append },
	{ "T06", "O_APPEND, two writers", ALL_FS, "", 0, t06_append },
	{ "T07", "O_DIRECT, in place", ALL_FS, "", 0, t07_direct },
	{ "T07b", "O_DIRECT, extending", ALL_FS, "", 0, t07_direct_extending },
	{ "T61", "O_SYNC", ALL_FS, "", 0, t61_osync },
	{ "T62", "EFAULT in the middle of an iovec", ALL_FS, "", 0, t62_efault },
	{ "T63", "ENOSPC in the middle of a write", TMPFS, "on tmpfs, whose size is easily small", ALONE, t63_enospc },
	{ "T64", "pwrite beyond the end", ALL_FS, "", 0, t64_beyond },
	{ "T65", "setuid and setgid stripped by a write", ALL_FS, "", 0, t65_suid },
	{ "T74", "20 extents in a sparse file", ALL_FS, "", 0, t74_sparse },
	{ "T75", "writes that fail", ALL_FS, "", 0, t75_failing },
	{ "T76", "through a descriptor from before", ALL_FS, "", 0, t76_old_fd },
	{ 0 },
};
