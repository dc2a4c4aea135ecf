/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* bpf/errno.bpf.h - what a failed operation may have done all the same. */
#ifndef TM_ERRNO_BPF_H
#define TM_ERRNO_BPF_H

#include "core_compat.bpf.h"

/* Errors after which a buffered write left nothing behind. */
static __always_inline bool tm_write_undone(long ret)
{
	return ret == -EAGAIN || ret == -EFAULT || ret == -EINVAL || ret == -EPERM || ret == -EBADF ||
	       ret == -EFBIG || ret == -EINTR || ret == -ERESTARTSYS || ret == -ETXTBSY || ret == -EROFS ||
	       ret == -EOPNOTSUPP || ret == -EACCES;
}

/* Nothing was written, but the times (and setuid) were changed before the first byte was tried. */
static __always_inline bool tm_write_touched(long ret)
{
	return ret == -EFAULT || ret == -EINTR || ret == -ERESTARTSYS || ret == -ENOSPC || ret == -EDQUOT;
}

#endif
