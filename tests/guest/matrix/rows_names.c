/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_names.c - names that come and go: creation of every kind, links, unlink,
 * odd names, floods.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

static int n01_create(void)
{
	DO(!begin() && keep(openat(dirfd_, "a", O_CREAT | O_WRONLY, 0644)) >= 0);
	DO(keep(openat(dirfd_, "b", O_CREAT | O_EXCL | O_RDWR, 0600)) >= 0);
	DO(keep(openat(dirfd_, "b", O_CREAT | O_RDWR, 0600)) >= 0);
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "b");
	return 0;
}

/* Opens that fail: if a name was made all the same, it is told. */
static int n02_create_fails(void)
{
	struct rlimit old, none;
	bool made;

	DO(!begin() && !getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	DO(!setrlimit(RLIMIT_NOFILE, &none));
	made = openat(dirfd_, "a", O_CREAT | O_WRONLY, 0644) >= 0;
	DO(!setrlimit(RLIMIT_NOFILE, &old) && !made);
	if (!faccessat(dirfd_, "a", F_OK, 0))
		cause_name(dirfd_, "a");
	/* Refused before or after the creation, as the kernel likes. */
	if (openat(dirfd_, "b", O_CREAT | O_WRONLY | O_DIRECTORY, 0644) < 0 && !faccessat(dirfd_, "b", F_OK, 0))
		cause_name(dirfd_, "b");
	return 0;
}

static int n03_mknod(void)
{
	DO(!begin() && !mknodat(dirfd_, "reg", S_IFREG | 0640, 0) && !mknodat(dirfd_, "fifo", S_IFIFO | 0600, 0));
	DO(!mknodat(dirfd_, "sock", S_IFSOCK | 0600, 0) && !mknodat(dirfd_, "chr", S_IFCHR | 0600, makedev(1, 3)));
	DO(!mknodat(dirfd_, "blk", S_IFBLK | 0600, makedev(7, 99)));
	cause_name(dirfd_, "reg");
	cause_name(dirfd_, "fifo");
	cause_name(dirfd_, "sock");
	cause_name(dirfd_, "chr");
	cause_name(dirfd_, "blk");
	return 0;
}

static int n04_mkdir(void)
{
	DO(!begin() && !mkdirat(dirfd_, "d", 0755) && !mkdirat(dirfd_, "d/e", 02770));
	cause_name(dirfd_, "d");
	cause_name(keep(openat(dirfd_, "d", O_RDONLY)), "e");
	return 0;
}

static int n05_symlink(void)
{
	char longest[1001];

	memset(longest, 'x', 1000);
	longest[1000] = '\0';
	DO(!begin() && !symlinkat("nowhere", dirfd_, "short") && !symlinkat(longest, dirfd_, "long"));
	cause_name(dirfd_, "short");
	cause_name(dirfd_, "long");
	return 0;
}

static int n06_link(void)
{
	int fd = file("a", 5000);

	DO(fd >= 0 && !begin() && !linkat(dirfd_, "a", dirfd_, "b", 0));
	cause_name(dirfd_, "b");
	return 0;
}

static int n06_link_out(void)
{
	int fd = file("a", 5000);

	/* A name outside is no change here, and what is written through it is. */
	DO(fd >= 0 && !begin() && !linkat(dirfd_, "a", outfd, "a", 0) && !step());
	DO(pwrite(keep(openat(outfd, "a", O_WRONLY)), fresh(40), 40, 700) == 40);
	cause_data(fd, 700, 740);
	return 0;
}

static int n06_link_in(void)
{
	int fd = file_at(outfd, "a", 5000);

	DO(fd >= 0 && !begin() && !linkat(outfd, "a", dirfd_, "a", 0));
	cause_name(dirfd_, "a");
	return 0;
}

static int n07_unlink_link(void)
{
	int fd = file("a", 5000);

	DO(fd >= 0 && !linkat(dirfd_, "a", dirfd_, "b", 0) && !begin() && !unlinkat(dirfd_, "a", 0));
	cause_name(dirfd_, "a");
	return 0;
}

static int n07_unlink(void)
{
	closed(file("a", 5000));
	DO(!symlinkat("x", dirfd_, "s") && !begin() && !unlinkat(dirfd_, "a", 0) && !unlinkat(dirfd_, "s", 0));
	cause_name(dirfd_, "a");
	cause_name(dirfd_, "s");
	return 0;
}

static int n08_rmdir(void)
{
	DO(!mkdirat(dirfd_, "d", 0755) && !begin() && unlinkat(dirfd_, "none", AT_REMOVEDIR) &&
	   !unlinkat(dirfd_, "d", AT_REMOVEDIR));
	cause_name(dirfd_, "d");
	return 0;
}

static int n13_tmpfile(bool link)
{
	char path[64];
	int fd;

	DO(!begin());
	fd = keep(openat(dirfd_, ".", O_TMPFILE | O_RDWR, 0600));
	if (fd < 0)
		return na("no O_TMPFILE");
	DO(write(fd, fresh(9000), 9000) == 9000);
	/* Marks of a file without a name are harmless: nobody finds it. */
	cause_data(fd, 0, 9000);
	if (!link)
		return 0;
	DO(!step());
	DO(pwrite(fd, fresh(100), 100, 200) == 100);
	cause_data(fd, 200, 300);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	DO(!linkat(AT_FDCWD, path, dirfd_, "named", AT_SYMLINK_FOLLOW));
	cause_name(dirfd_, "named");
	return 0;
}

static int n13_never(void)
{
	return n13_tmpfile(false);
}

static int n13_linked(void)
{
	return n13_tmpfile(true);
}

static int n14_unlinked(void)
{
	int fd = file("a", 9000);

	DO(fd >= 0 && !begin() && !unlinkat(dirfd_, "a", 0) && pwrite(fd, fresh(50), 50, 60) == 50);
	cause_name(dirfd_, "a");
	cause_data(fd, 60, 110);
	return 0;
}

/* 100 directories deep: beyond what the walk follows, so all roots of the file system are marked. */
static int n15_deep(void)
{
	int dir = dup(dirfd_), fd = -1;

	for (int i = 0; i < 100; i++) {
		int next;

		DO(!mkdirat(dir, "d", 0755));
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY);
		close(dir);
		dir = next;
	}
	keep(dir);
	fd = file_at(dir, "f", 20000);
	DO(fd >= 0 && !begin() && pwrite(fd, fresh(100), 100, 5000) == 100 && !mkdirat(dir, "new", 0755));
	cause_data(fd, 5000, 5100);
	cause_name(dir, "new");
	return 0;
}

static int n16_names(void)
{
	static const char odd[] = "\xff\xfe odd\n\x01name";
	char longest[256];

	memset(longest, 'L', 255);
	longest[255] = '\0';
	DO(!begin() && !mknodat(dirfd_, longest, S_IFREG | 0600, 0) && !mknodat(dirfd_, odd, S_IFREG | 0600,
		0));
	cause_name(dirfd_, longest);
	cause_name(dirfd_, odd);
	/* And renamed, so that the longest is kept by the entry program too. */
	DO(!step() && !renameat(dirfd_, longest, dirfd_, "short"));
	cause_name(dirfd_, "short");
	return 0;
}

/* Many names at once; what a ring that is too small makes of them is in the loss tests. */
static int n17_burst(void)
{
	char name[64];
	int d;

	DO(!mkdirat(dirfd_, "burst", 0755) && !begin());
	d = keep(openat(dirfd_, "burst", O_RDONLY | O_DIRECTORY));
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "%063d", i);
		DO(!mknodat(d, name, S_IFREG | 0600, 0));
	}
	for (int i = 0; i < 2000; i += 2) {
		snprintf(name, sizeof(name), "%063d", i);
		DO(!unlinkat(d, name, 0));
	}
	cause_list(d);
	return 0;
}

/* Created and deleted over and over: numbers are used again by others. */
static int n21_reuse(void)
{
	int fd;

	DO(!begin());
	for (int i = 0; i < 300; i++) {
		fd = openat(dirfd_, "x", O_CREAT | O_RDWR, 0644);
		DO(fd >= 0 && write(fd, fresh(64), 64) == 64);
		close(fd);
		if (i % 50 == 49)
			DO(!step());
		if (i < 299)
			DO(!unlinkat(dirfd_, "x", 0));
	}
	cause_name(dirfd_, "x");
	return 0;
}

const struct row rows_names[] = {
	{ "N01", "open with O_CREAT", ALL_FS, "", 0, n01_create },
	{ "N02", "O_CREAT whose open fails", ALL_FS, "", 0, n02_create_fails },
	{ "N03", "mknod of every kind", ALL_FS, "", 0, n03_mknod },
	{ "N04", "mkdir", ALL_FS, "", 0, n04_mkdir },
	{ "N05", "symlink", ALL_FS, "", 0, n05_symlink },
	{ "N06", "link within", ALL_FS, "", 0, n06_link },
	{ "N06b", "link to the outside, written there", ALL_FS, "", 0, n06_link_out },
	{ "N06c", "link from the outside", ALL_FS, "", 0, n06_link_in },
	{ "N07", "unlink", ALL_FS, "", 0, n07_unlink },
	{ "N07b", "unlink one of two links", ALL_FS, "", 0, n07_unlink_link },
	{ "N08", "rmdir", ALL_FS, "", 0, n08_rmdir },
	{ "N13", "O_TMPFILE, never linked", ALL_FS, "", FOREIGN, n13_never },
	{ "N13b", "O_TMPFILE and linkat", ALL_FS, "", 0, n13_linked },
	{ "N14", "unlinked and still written", ALL_FS, "", FOREIGN, n14_unlinked },
	{ "N15", "100 levels deep", ALL_FS, "", 0, n15_deep },
	{ "N16", "names of 255 bytes and odd bytes", ALL_FS, "", 0, n16_names },
	{ "N17", "3,000 changes of names in a burst", ALL_FS, "", 0, n17_burst },
	{ "N21", "inode numbers used again", ALL_FS, "", FOREIGN, n21_reuse },
	{ 0 },
};
