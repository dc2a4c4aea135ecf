// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_space.c - operations on where file data is: holes, preallocation,
 * ranges taken out or put in, and copies made inside the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen.h"

#define BLOCK		4096ull

/* Write far beyond the end, or into the first hole that SEEK_HOLE finds. */
int gen_sparse(struct gen_thread *t, const struct gen_op *op)
{
	int fd = gen_open(t, op, &op->a, O_RDWR | (op->kind == GEN_SPARSE ? O_CREAT : 0));
	uint64_t off = op->off;
	struct stat st;
	off_t at;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return gen_done(fd, -errno);
	if (op->kind == GEN_SPARSE) {
		/* Some tens of MiB apart: large for a reader that ignores holes. */
		off = st.st_size + (op->arg % 8 ? op->arg % (2 << 20) : op->arg % (32 << 20));
		if (off > 64 << 20)
			off = op->arg % (8 << 20);
	} else {
		at = lseek(fd, off, SEEK_HOLE);
		if (at < 0)
			return gen_done(fd, -errno);
		off = at + op->arg % 3 * BLOCK;
	}
	return gen_done(fd, gen_write(t, op, fd, off, op->len));
}

int gen_falloc(struct gen_thread *t, const struct gen_op *op)
{
	static const int modes[] = {
		[GEN_FA_KEEP - GEN_FA_KEEP] = FALLOC_FL_KEEP_SIZE,
		[GEN_FA_EXTEND - GEN_FA_KEEP] = 0,
		[GEN_FA_PUNCH - GEN_FA_KEEP] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		[GEN_FA_ZERO - GEN_FA_KEEP] = FALLOC_FL_ZERO_RANGE,
		[GEN_FA_COLLAPSE - GEN_FA_KEEP] = FALLOC_FL_COLLAPSE_RANGE,
		[GEN_FA_INSERT - GEN_FA_KEEP] = FALLOC_FL_INSERT_RANGE,
	};
	int mode = modes[op->kind - GEN_FA_KEEP], fd = gen_open(t, op, &op->a, O_RDWR);
	uint64_t off = op->off, len = op->len;
	int err;

	if (fd < 0)
		return fd;
	if (op->kind == GEN_FA_ZERO && op->arg & 1)
		mode |= FALLOC_FL_KEEP_SIZE;
	if (op->kind == GEN_FA_COLLAPSE || op->kind == GEN_FA_INSERT) {
		off = BLOCK * (op->arg % 8);
		len = BLOCK * (1 + (op->arg >> 8) % 4);
	}
	err = fallocate(fd, mode, off, len) < 0 ? -errno : 0;
	return gen_done(fd, err);
}

static int copy(const struct gen_op *op, int in, int out)
{
	off_t from = op->off, to = op->arg % 5 ? 4096 * (op->arg % 64) : op->arg % 100000;
	struct file_clone_range range = {
		.src_fd = in,
		.src_offset = from / BLOCK * BLOCK,
		.src_length = op->len / BLOCK * BLOCK,
		.dest_offset = to / BLOCK * BLOCK,
	};

	switch (op->kind) {
	case GEN_COPY_RANGE:
		return copy_file_range(in, &from, out, &to, op->len, 0) < 0 ? -errno : 0;
	case GEN_CLONE:
		if (op->arg & 1)
			return ioctl(out, FICLONE, in) < 0 ? -errno : 0;
		return ioctl(out, FICLONERANGE, &range) < 0 ? -errno : 0;
	default:
		if (lseek(out, to, SEEK_SET) < 0)
			return -errno;
		return sendfile(out, in, &from, op->len) < 0 ? -errno : 0;
	}
}

int gen_copy(struct gen_thread *t, const struct gen_op *op)
{
	int in = gen_open(t, op, &op->a, O_RDONLY), out;

	if (in < 0)
		return in;
	out = gen_open(t, op, &op->b, O_RDWR | (op->arg & 2 ? O_CREAT : 0));
	if (out < 0)
		return gen_done(in, out);
	return gen_done(in, gen_done(out, copy(op, in, out)));
}
