/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/aio.bpf.h - direct writes that complete after write_iter returned.
 *
 * The exit program of write_iter must not touch the kiocb then, and the version stays
 * open until the completion. Who removes the kiocb from tm_aio closes the version, exactly once.
 */
#ifndef TM_AIO_BPF_H
#define TM_AIO_BPF_H

#include "maps.bpf.h"

static __always_inline void tm_aio_open(struct tm_ctl *ctl, struct kiocb *iocb, const struct inode *inode)
{
	__u64 key = (__u64)iocb, ino = inode->i_ino;

	if (bpf_map_update_elem(&tm_aio, &key, &ino, BPF_ANY))
		__sync_fetch_and_add(&ctl->count.async_lost, 1);
}

/* True: it was open, and the caller closes the version. */
static __always_inline bool tm_aio_close(struct kiocb *iocb)
{
	__u64 key = (__u64)iocb;

	return !bpf_map_delete_elem(&tm_aio, &key);
}

#endif
