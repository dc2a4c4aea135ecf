/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/rows_copy.c - bytes that come from other files and pipes, copied or shared. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "matrix.h"

static int t19_sendfile(void)
{
	int from = file("from", 8192), to = file("to", 65536);

	DO(from >= 0 && to >= 0 && !begin());
	DO(lseek(from, 0, SEEK_SET) == 0 && lseek(to, 2000, SEEK_SET) == 2000 && sendfile(to, from, NULL,
		6300) == 6300);
	cause_data(to, 2000, 8300);
	return 0;
}

static int t20_splice(void)
{
	int to = file("to", 65536), p[2];
	loff_t at = 3000;

	DO(to >= 0 && !pipe(p) && keep(p[0]) >= 0 && keep(p[1]) >= 0 && write(p[1], fresh(5000),
		5000) == 5000);
	DO(!begin() && splice(p[0], NULL, to, &at, 5000, 0) == 5000);
	cause_data(to, 3000, 8000);
	return 0;
}

static int t21_vmsplice(void)
{
	int to = file("to", 65536), p[2];
	struct iovec v = { fresh(8192), 8192 };
	loff_t at = 12288;

	DO(to >= 0 && !pipe(p) && keep(p[0]) >= 0 && keep(p[1]) >= 0 && vmsplice(p[1], &v, 1,
		SPLICE_F_GIFT) == 8192);
	DO(!begin() && splice(p[0], NULL, to, &at, 8192, SPLICE_F_MOVE) == 8192);
	cause_data(to, 12288, 20480);
	return 0;
}

static int copy(loff_t from_at, loff_t to_at, size_t n)
{
	int from = file("from", 65536), to = file("to", 65536);
	uint64_t start = (uint64_t)to_at;

	DO(from >= 0 && to >= 0 && !fsync(from) && !begin());
	DO(copy_file_range(from, &from_at, to, &to_at, n, 0) == (ssize_t)n);
	cause_data(to, start, start + n);
	return 0;
}

static int t22_copy_aligned(void)
{
	return copy(4096, 16384, 8192);
}

static int t23_copy_unaligned(void)
{
	return copy(10, 100, 500);
}

static int t24_copy_cross(void)
{
	int from = keep(open("/tmp/matrix-from", O_RDWR | O_CREAT | O_TRUNC, 0600)), to = file("to", 65536);
	loff_t a = 0, b = 700;
	ssize_t n;

	DO(from >= 0 && to >= 0 && write(from, fresh(5000), 5000) == 5000 && !begin());
	n = copy_file_range(from, &a, to, &b, 5000, 0);
	if (n < 0 && (errno == EXDEV || errno == EOPNOTSUPP))
		return na("no copy between these file systems");
	DO(n > 0);
	cause_data(to, 700, 700 + (uint64_t)n);
	return 0;
}

static int t25_ficlone(void)
{
	int from = file("from", 65536), to = file("to", 30000);

	DO(from >= 0 && to >= 0 && !fsync(from) && !begin());
	if (ioctl(to, FICLONE, from))
		return na("no reflink");
	cause_data(to, 0, 65536);
	return 0;
}

static int t26_ficlonerange(void)
{
	int from = file("from", 65536), to = file("to", 65536);
	struct file_clone_range r = { .src_fd = from, .src_offset = 8192, .src_length = 16384,
		.dest_offset = 32768 };

	DO(from >= 0 && to >= 0 && !fsync(from) && !begin());
	if (ioctl(to, FICLONERANGE, &r))
		return na("no reflink");
	cause_data(to, 32768, 49152);
	return 0;
}

static int t26_clone_to_eof(void)
{
	int from = file("from", 20000), to = file("to", 65536);
	/*
	 * Length 0: to the end of the source, which is not a block's end; then it must be the
	 * target's end too.
	 */
	struct file_clone_range r = { .src_fd = from, .src_offset = 0, .src_length = 0,
		.dest_offset = 65536 };

	DO(from >= 0 && to >= 0 && !fsync(from) && !begin());
	if (ioctl(to, FICLONERANGE, &r))
		return na("no reflink");
	cause_data(to, 65536, 65536 + 20000);
	return 0;
}

static int t27_dedupe(void)
{
	int from = file("from", 0), to = file("to", 0);
	char *b = fresh(65536);
	struct file_dedupe_range *d = calloc(1, sizeof(*d) + sizeof(d->info[0]));
	int r;

	DO(d && from >= 0 && to >= 0 && write(from, b, 65536) == 65536 && write(to, b, 65536) == 65536);
	DO(!fsync(from) && !fsync(to) && !begin());
	d->src_length = 16384;
	d->dest_count = 1;
	d->info[0].dest_fd = to;
	d->info[0].dest_offset = 0;
	r = ioctl(from, FIDEDUPERANGE, d);
	if (r || d->info[0].status == -EOPNOTSUPP || d->info[0].status == -EINVAL) {
		free(d);
		return na("no dedupe");
	}
	r = d->info[0].status == FILE_DEDUPE_RANGE_SAME && d->info[0].bytes_deduped == 16384;
	free(d);
	DO(r);
	/* Equal by definition: no cause, so a mark would be a stray one. */
	return 0;
}

const struct row rows_copy[] = {
	{ "T19", "sendfile", ALL_FS, "", 0, t19_sendfile },
	{ "T20", "splice from a pipe", ALL_FS, "", 0, t20_splice },
	{ "T21", "vmsplice and splice", ALL_FS, "", 0, t21_vmsplice },
	{ "T22", "copy_file_range, aligned", ALL_FS, "", 0, t22_copy_aligned },
	{ "T23", "copy_file_range, unaligned", ALL_FS, "", 0, t23_copy_unaligned },
	{ "T24", "copy_file_range from another file system", ALL_FS, "", 0, t24_copy_cross },
	{ "T25", "FICLONE", ALL_FS, "", 0, t25_ficlone },
	{ "T26", "FICLONERANGE", ALL_FS, "", 0, t26_ficlonerange },
	{ "T26b", "FICLONERANGE to the end, extending", ALL_FS, "", 0, t26_clone_to_eof },
	{ "T27", "FIDEDUPERANGE: no mark", ALL_FS, "", 0, t27_dedupe },
	{ 0 },
};
