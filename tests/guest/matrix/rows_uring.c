/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/guest/matrix/rows_uring.c - io_uring: buffered, direct, registered, polled, and its other
 * operations.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "matrix.h"
#include "uring.h"

static void prep_write(struct io_uring_sqe *s, int fd, const void *buf, unsigned int n, uint64_t at)
{
	s->opcode = IORING_OP_WRITE;
	s->fd = fd;
	s->addr = (uint64_t)(uintptr_t)buf;
	s->len = n;
	s->off = at;
}

static int t11_buffered(void)
{
	int fd = file("f", 65536), res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !uring_open(&u, 0));
	DO(!begin());
	prep_write(uring_sqe(&u), fd, fresh(3000), 3000, 777);
	s = uring_sqe(&u);
	prep_write(s, fd, fresh(100), 100, 30000);
	s->flags = IOSQE_ASYNC;
	s->user_data = 1;
	DO(!uring_run(&u, 2, res) && res[0] == 3000 && res[1] == 100);
	cause_data(fd, 777, 3777);
	cause_data(fd, 30000, 30100);
	uring_close(&u);
	return 0;
}

static int direct(unsigned int setup, off_t size, uint64_t at, unsigned int rw_flags)
{
	int fd = file("f", size), d, res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !fsync(fd));
	d = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (d < 0)
		return na("no O_DIRECT");
	if (uring_open(&u, setup))
		return na("no such ring");
	DO(!begin());
	s = uring_sqe(&u);
	prep_write(s, d, fresh(8192), 8192, at);
	s->rw_flags = (int)rw_flags;
	DO(!uring_run(&u, 1, res));
	uring_close(&u);
	if (setup & IORING_SETUP_IOPOLL && (res[0] == -EOPNOTSUPP || res[0] == -EINVAL))
		return na("this file system or disk does not poll");
	errno = -res[0];
	DO(res[0] == 8192);
	cause_data(fd, at, at + 8192);
	return 0;
}

static int t12_direct(void)
{
	return direct(0, 65536, 16384, 0);
}

static int t12_extending(void)
{
	return direct(0, 16384, 16384, 0);
}

static int t12_dsync(void)
{
	return direct(0, 65536, 16384, RWF_DSYNC);
}

static int t14_iopoll(void)
{
	return direct(IORING_SETUP_IOPOLL, 65536, 16384, 0);
}

static int t15_sqpoll(void)
{
	return direct(IORING_SETUP_SQPOLL, 65536, 16384, 0);
}

static int t13_registered(void)
{
	int fd = file("f", 65536), fds[1], res[32] = { 0 };
	char *b = fresh(8192);
	struct iovec v = { b, 8192 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !fsync(fd) && !uring_open(&u, 0));
	fds[0] = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (fds[0] < 0)
		return na("no O_DIRECT");
	DO(!syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_BUFFERS, &v, 1));
	DO(!syscall(SYS_io_uring_register, u.fd, IORING_REGISTER_FILES, fds, 1));
	DO(!begin());
	s = uring_sqe(&u);
	prep_write(s, 0, b, 8192, 4096);
	s->opcode = IORING_OP_WRITE_FIXED;
	s->flags = IOSQE_FIXED_FILE;
	DO(!uring_run(&u, 1, res) && res[0] == 8192);
	cause_data(fd, 4096, 12288);
	uring_close(&u);
	return 0;
}

static int t16_fallocate(void)
{
	int fd = file("f", 65536), res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !uring_open(&u, 0) && !begin());
	s = uring_sqe(&u);
	s->opcode = IORING_OP_FALLOCATE;
	s->fd = fd;
	s->off = 8192;
	s->addr = 4096;
	s->len = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	DO(!uring_run(&u, 1, res) && !res[0]);
	cause_data(fd, 8192, 12288);
	uring_close(&u);
	return 0;
}

static int t17_splice(void)
{
	int fd = file("f", 65536), p[2], res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !pipe(p) && !uring_open(&u, 0) && keep(p[0]) >= 0 && keep(p[1]) >= 0);
	DO(write(p[1], fresh(500), 500) == 500 && !begin());
	s = uring_sqe(&u);
	s->opcode = IORING_OP_SPLICE;
	s->splice_fd_in = p[0];
	s->splice_off_in = (uint64_t)-1;
	s->fd = fd;
	s->off = 9000;
	s->len = 500;
	DO(!uring_run(&u, 1, res) && res[0] == 500);
	cause_data(fd, 9000, 9500);
	uring_close(&u);
	return 0;
}

static int t18_ftruncate(void)
{
	int fd = file("f", 65536), res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !uring_open(&u, 0) && !begin());
	s = uring_sqe(&u);
	s->opcode = IORING_OP_FTRUNCATE_;
	s->fd = fd;
	s->off = 1234;
	DO(!uring_run(&u, 1, res));
	uring_close(&u);
	if (res[0] == -EINVAL)
		return na("no IORING_OP_FTRUNCATE before 6.9");
	DO(!res[0]);
	cause_from(fd, 1234);
	return 0;
}

/* Linked: a write, then an fsync, then another write. */
static int t11_linked(void)
{
	int fd = file("f", 65536), res[32] = { 0 };
	struct io_uring_sqe *s;
	struct uring u;

	DO(fd >= 0 && !uring_open(&u, 0) && !begin());
	s = uring_sqe(&u);
	prep_write(s, fd, fresh(64), 64, 10);
	s->flags = IOSQE_IO_LINK;
	s = uring_sqe(&u);
	s->opcode = IORING_OP_FSYNC;
	s->fd = fd;
	s->flags = IOSQE_IO_LINK;
	s->user_data = 1;
	s = uring_sqe(&u);
	prep_write(s, fd, fresh(64), 64, 60000);
	s->user_data = 2;
	DO(!uring_run(&u, 3, res) && res[0] == 64 && !res[1] && res[2] == 64);
	cause_data(fd, 10, 74);
	cause_data(fd, 60000, 60064);
	uring_close(&u);
	return 0;
}

static int t77_names(void)
{
	int res[32] = { 0 };
	static const char a[] = "made", b[] = "renamed";
	struct io_uring_sqe *s;
	struct uring u;

	DO(!uring_open(&u, 0) && !begin());
	s = uring_sqe(&u);
	s->opcode = IORING_OP_MKDIRAT;
	s->fd = dirfd_;
	s->addr = (uint64_t)(uintptr_t)a;
	s->len = 0755;
	DO(!uring_run(&u, 1, res) && !res[0]);
	s = uring_sqe(&u);
	s->opcode = IORING_OP_RENAMEAT;
	s->fd = dirfd_;
	s->addr = (uint64_t)(uintptr_t)a;
	s->addr2 = (uint64_t)(uintptr_t)b;
	s->len = (unsigned int)dirfd_;
	DO(!uring_run(&u, 1, res) && !res[0]);
	cause_name(dirfd_, a);
	cause_name(dirfd_, b);
	uring_close(&u);
	return 0;
}

const struct row rows_uring[] = {
	{ "T11", "io_uring buffered, inline and by a worker", ALL_FS, "", 0, t11_buffered },
	{ "T11b", "io_uring write, fsync, write linked", ALL_FS, "", 0, t11_linked },
	{ "T12", "io_uring O_DIRECT in place", ALL_FS, "", 0, t12_direct },
	{ "T12b", "io_uring O_DIRECT extending", ALL_FS, "", 0, t12_extending },
	{ "T12c", "io_uring O_DIRECT with DSYNC", ALL_FS, "", 0, t12_dsync },
	{ "T13", "io_uring registered file and buffer", ALL_FS, "", 0, t13_registered },
	{ "T14", "io_uring IOPOLL", ALL_FS, "", 0, t14_iopoll },
	{ "T15", "io_uring SQPOLL", ALL_FS, "", 0, t15_sqpoll },
	{ "T16", "io_uring fallocate", ALL_FS, "", 0, t16_fallocate },
	{ "T17", "io_uring splice", ALL_FS, "", 0, t17_splice },
	{ "T18", "io_uring ftruncate", ALL_FS, "", 0, t18_ftruncate },
	{ "T77", "io_uring mkdirat and renameat", ALL_FS, "", 0, t77_names },
	{ 0 },
};
