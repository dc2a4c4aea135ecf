/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/rows_aio.c - Linux AIO: direct writes that complete later, and buffered ones. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

/* One write through io_submit; what io_getevents says. */
static long aio_write(int fd, const void *buf, size_t n, int64_t at)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)fd,
			   .aio_buf = (uint64_t)(uintptr_t)buf, .aio_nbytes = n, .aio_offset = at };
	struct iocb *cbs[] = { &cb };
	aio_context_t ctx = 0;
	struct io_event ev = { 0 };
	long r = -1;

	if (syscall(SYS_io_setup, 4, &ctx))
		return -1;
	if (syscall(SYS_io_submit, ctx, 1, cbs) == 1 && syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) == 1)
		r = (long)ev.res;
	syscall(SYS_io_destroy, ctx);
	return r;
}

static int direct(off_t size, off_t at)
{
	int fd = file("f", size), d;

	DO(fd >= 0 && !fsync(fd));
	d = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (d < 0)
		return na("no O_DIRECT");
	DO(!begin() && aio_write(d, fresh(8192), 8192, at) == 8192);
	cause_data(fd, (uint64_t)at, (uint64_t)at + 8192);
	return 0;
}

static int t08_in_place(void)
{
	return direct(65536, 16384);
}

static int t09_extending(void)
{
	return direct(16384, 16384);
}

static int t10_buffered(void)
{
	int fd = file("f", 65536);

	DO(fd >= 0 && !begin() && aio_write(fd, fresh(3000), 3000, 777) == 3000);
	cause_data(fd, 777, 3777);
	return 0;
}

static int t10_fails(void)
{
	int fd = file("f", 65536);

	DO(fd >= 0 && !begin() && aio_write(fd, (void *)8, 3000, 777) == -EFAULT);
	/* Its times were changed before the bytes were asked for. */
	may_attr(dirfd_, "f");
	return 0;
}

/* 32 at once into a hole and into what is there. */
static int t08_many(void)
{
	int fd = file("f", 65536), d;
	char *b = fresh(4096);
	struct iocb cb[32], *cbs[32];
	struct io_event ev[32];
	aio_context_t ctx = 0;

	DO(fd >= 0 && !ftruncate(fd, 1 << 20) && !fsync(fd));
	d = keep(open(in("f"), O_RDWR | O_DIRECT));
	if (d < 0)
		return na("no O_DIRECT");
	DO(!begin());
	for (int i = 0; i < 32; i++) {
		cb[i] = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)d,
				       .aio_buf = (uint64_t)(uintptr_t)b, .aio_nbytes = 4096,
				       .aio_offset = i * 20480 };
		cbs[i] = &cb[i];
		cause_data(fd, (uint64_t)i * 20480, (uint64_t)i * 20480 + 4096);
	}
	DO(!syscall(SYS_io_setup, 64, &ctx) && syscall(SYS_io_submit, ctx, 32, cbs) == 32);
	DO(syscall(SYS_io_getevents, ctx, 32, 32, ev, NULL) == 32);
	for (int i = 0; i < 32; i++)
		DO(ev[i].res == 4096);
	syscall(SYS_io_destroy, ctx);
	return 0;
}

const struct row rows_aio[] = {
	{ "T08", "AIO O_DIRECT in place", ALL_FS, "", 0, t08_in_place },
	{ "T08b", "AIO O_DIRECT, 32 at once", ALL_FS, "", 0, t08_many },
	{ "T09", "AIO O_DIRECT extending", ALL_FS, "", 0, t09_extending },
	{ "T10", "AIO buffered", ALL_FS, "", 0, t10_buffered },
	{ "T10b", "AIO buffered, failing", ALL_FS, "", 0, t10_fails },
	{ 0 },
};
