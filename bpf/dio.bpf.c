// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/dio.bpf.c - completion of asynchronous direct writes.
 *
 * kiocb_invalidate_post_direct_write() runs after the data is on disk and the page cache is
 * invalidated, and before ki_pos moves; iomap and the older direct I/O code both call it (upstream 6.5,
 * in 6.1.y). It is skipped when the write failed, and iomap_dio_complete() at entry tells that: nothing
 * is invalidated then, so entry is not too early.
 */
#include "aio.bpf.h"
#include "mark.bpf.h"
#include "version.bpf.h"

static __always_inline int dio_done(struct kiocb *iocb, __u32 flags, __u64 count)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 pos = iocb->ki_pos;
	struct tm_sb *sb;

	/* Synchronous: the exit program of write_iter does it. */
	if (!iocb->ki_complete || !ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_mark_file(sb, inode, file, flags, pos, pos + count, NULL);
	if (tm_aio_close(iocb))
		tm_ver_end(inode->i_ino);
	return 0;
}

SEC("fexit/kiocb_invalidate_post_direct_write")
int BPF_PROG(tm_dio_done, struct kiocb *iocb, size_t count)
{
	return dio_done(iocb, TM_D_DATA, count);
}

SEC("fentry/iomap_dio_complete")
int BPF_PROG(tm_dio_fail, struct iomap_dio *dio)
{
	if (!dio->error || !(dio->flags & IOMAP_DIO_WRITE))
		return 0;
	return dio_done(dio->iocb, TM_D_DATA | TM_D_WHOLE, 0);
}
