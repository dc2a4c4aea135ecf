/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/core_compat.bpf.h - everything that differs between kernels, and the
 * constants that are macros there (BTF carries none). No other file of this
 * folder names a kernel version.
 *
 * Types come from Debian's 6.1; the fields used are relocated at load time.
 * Arguments that moved are avoided rather than adapted: the first argument of
 * notify_change and the xattr, ACL and unlink functions was a user namespace until 6.2, an
 * idmap since (abf08576afe3), and is never touched.
 */
#ifndef TM_CORE_COMPAT_BPF_H
#define TM_CORE_COMPAT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* include/uapi/asm-generic/errno*.h, include/linux/errno.h */
#define EPERM		1
#define EINTR		4
#define EBADF		9
#define EAGAIN		11
#define EACCES		13
#define EFAULT		14
#define EXDEV		18
#define EINVAL		22
#define ENOTTY		25
#define ETXTBSY		26
#define EFBIG		27
#define ENOSPC		28
#define EROFS		30
#define ENODATA		61
#define EOPNOTSUPP	95
#define EDQUOT		122
#define ERESTARTSYS	512
#define EIOCBQUEUED	529

/* include/uapi/linux/stat.h */
#define S_IFMT		0170000
#define S_IFDIR		0040000
#define S_IFREG		0100000

/* include/linux/fs.h, the same in 6.1 and 6.12 */
#define ATTR_SIZE	(1 << 3)
#define IOCB_DSYNC	(1 << 1)	/* = RWF_DSYNC */
#define IOCB_APPEND	(1 << 4)	/* = RWF_APPEND */
#define IOCB_DIRECT	(1 << 17)
#define REMAP_FILE_DEDUP (1 << 0)
/* include/linux/iomap.h */
#define IOMAP_DIO_WRITE	(1U << 30)

/* include/uapi/linux/fs.h */
#define RENAME_EXCHANGE	(1 << 1)
#define RENAME_WHITEOUT	(1 << 2)

/* include/uapi/linux/falloc.h */
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_INSERT_RANGE	 0x20

/* include/linux/mm.h */
#define VM_SHARED	0x8
#define VM_MAYWRITE	0x20

#define PAGE_SHIFT	12
/* Pages of a PMD-sized folio: the most that one fault can make writable. */
#define PMD_ORDER	9
#define PMD_PAGES	(1 << PMD_ORDER)

#define READ_ONCE(x)	(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

static __always_inline bool tm_is_dir(const struct inode *inode)
{
	return (inode->i_mode & S_IFMT) == S_IFDIR;
}

static __always_inline bool tm_is_reg(const struct inode *inode)
{
	return (inode->i_mode & S_IFMT) == S_IFREG;
}

/* Types of the xfs module, whose BTF the loader reads where these are used. xfs_exchrange is of 6.10. */
struct xfs_inode___tm {
	struct inode i_vnode;
} __attribute__((preserve_access_index));

struct xfs_exchrange___tm {
	struct file *file1;
} __attribute__((preserve_access_index));

/* renamedata.old_dir became old_parent (a dentry) in 6.18. */
static __always_inline struct inode *tm_rename_old_dir(struct renamedata *rd)
{
	if (bpf_core_field_exists(rd->old_dir))
		return rd->old_dir;
	return NULL;
}

/*
 * May a device write into @folio (folio_maybe_dma_pinned())? Direct I/O pins since 6.3 only
 * (iov_iter_extract_pages()): of older kernels nothing is known, so yes.
 */
static __always_inline bool tm_folio_pinned(struct folio *folio)
{
	if (bpf_core_field_exists(folio->_folio_order))
		return true;
	if (folio->flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1)
		return BPF_CORE_READ(folio, _pincount.counter) > 0;
	return folio->_refcount.counter >= 1024;	/* GUP_PIN_COUNTING_BIAS */
}

/* Pages of a large folio, as a power of two. In the low byte of _flags_1 since 6.6 (ebc1baf5c9b4). */
static __always_inline unsigned int tm_folio_order(struct folio *folio)
{
	if (bpf_core_field_exists(folio->_folio_order))
		return BPF_CORE_READ(folio, _folio_order);
	return BPF_CORE_READ(folio, _flags_1) & 0xff;
}

#endif
