/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/rows_size.c - truncation and every mode of fallocate. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"

#ifndef MADV_REMOVE
#define MADV_REMOVE 9
#endif

static int t28_shrink(void)
{
	int fd = file("f", 50000);

	DO(fd >= 0 && !begin() && !ftruncate(fd, 20001));
	cause_from(fd, 20001);
	return 0;
}

static int t29_extend(void)
{
	int fd = file("f", 5000);

	DO(fd >= 0 && !begin() && !ftruncate(fd, 90000));
	cause_from(fd, 90000);
	return 0;
}

/* Of one epoch: the size is the same afterwards and the tail must be zeros. */
static int t30_both(void)
{
	int fd = file("f", 50000);

	DO(fd >= 0 && !begin() && !ftruncate(fd, 20001) && !ftruncate(fd, 50000));
	cause_from(fd, 20001);
	return 0;
}

static int t31_truncate(void)
{
	int fd = file("f", 50000);

	DO(fd >= 0 && !begin() && !truncate(in("f"), 100));
	cause_from(fd, 100);
	return 0;
}

static int t32_otrunc(void)
{
	int fd = file("f", 50000);

	DO(fd >= 0 && !begin() && keep(open(in("f"), O_WRONLY | O_TRUNC)) >= 0);
	cause_from(fd, 0);
	return 0;
}

static int falloc(int mode, off_t off, off_t len, bool all_behind)
{
	int fd = file("f", 65536);

	DO(fd >= 0 && !begin());
	if (fallocate(fd, mode, off, len)) {
		DO(errno == EOPNOTSUPP);
		return na("fallocate has no such mode here");
	}
	cause_data(fd, (uint64_t)off, all_behind ? EOF_ : (uint64_t)(off + len));
	return 0;
}

static int t33_plain(void)
{
	return falloc(0, 65536, 20000, false);
}

static int t34_keep(void)
{
	return falloc(FALLOC_FL_KEEP_SIZE, 65536, 20000, false);
}

static int t35_punch(void)
{
	return falloc(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5000, 30000, false);
}

static int t36_zero(void)
{
	return falloc(FALLOC_FL_ZERO_RANGE, 5000, 30000, false);
}

static int t36_zero_extending(void)
{
	return falloc(FALLOC_FL_ZERO_RANGE, 60000, 30000, false);
}

static int t37_collapse(void)
{
	return falloc(FALLOC_FL_COLLAPSE_RANGE, 8192, 4096, true);
}

static int t38_insert(void)
{
	return falloc(FALLOC_FL_INSERT_RANGE, 8192, 4096, true);
}

static int t38_unshare(void)
{
	return falloc(FALLOC_FL_UNSHARE_RANGE, 8192, 4096, false);
}

static int t39_madv_remove(void)
{
	int fd = file("f", 65536);
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int r;

	DO(fd >= 0 && p != MAP_FAILED && !begin());
	r = madvise(p + 8192, 8192, MADV_REMOVE);
	munmap(p, 65536);
	if (r)
		return na("no MADV_REMOVE");
	cause_data(fd, 8192, 16384);
	return 0;
}

static int t30_fails(void)
{
	int fd = file("f", 5000), ro = keep(open(in("f"), O_RDONLY));

	DO(fd >= 0 && ro >= 0 && !begin());
	DO(ftruncate(ro, 1) && ftruncate(fd, -1) && fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, 3));
	may_attr(dirfd_, "f");
	return 0;
}

const struct row rows_size[] = {
	{ "T28", "ftruncate, shrinking", ALL_FS, "", 0, t28_shrink },
	{ "T29", "ftruncate, extending", ALL_FS, "", 0, t29_extend },
	{ "T30", "shrunk and extended in one epoch", ALL_FS, "", 0, t30_both },
	{ "T30b", "truncations that fail", ALL_FS, "", 0, t30_fails },
	{ "T31", "truncate", ALL_FS, "", 0, t31_truncate },
	{ "T32", "open with O_TRUNC", ALL_FS, "", 0, t32_otrunc },
	{ "T33", "fallocate", ALL_FS, "", 0, t33_plain },
	{ "T34", "fallocate KEEP_SIZE", ALL_FS, "", 0, t34_keep },
	{ "T35", "fallocate PUNCH_HOLE", ALL_FS, "", 0, t35_punch },
	{ "T36", "fallocate ZERO_RANGE", ALL_FS, "", 0, t36_zero },
	{ "T36b", "fallocate ZERO_RANGE, extending", ALL_FS, "", 0, t36_zero_extending },
	{ "T37", "fallocate COLLAPSE_RANGE", ALL_FS, "", 0, t37_collapse },
	{ "T38", "fallocate INSERT_RANGE", ALL_FS, "", 0, t38_insert },
	{ "T38b", "fallocate UNSHARE_RANGE", ALL_FS, "", 0, t38_unshare },
	{ "T39", "madvise MADV_REMOVE", ALL_FS, "", 0, t39_madv_remove },
	{ 0 },
};
