// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/mmap.bpf.c - stores through shared mappings.
 *
 * A fault tells that a page becomes writable, before the store; later stores to it say nothing until
 * write-back protects it again. So a mark with TM_D_MMAP is sound only with the reading rule: clean the
 * range (sync_file_range, all three flags), then read. The mark is made at entry of
 * fault_dirty_shared_page: the page table entry is installed and the folio still locked, so the
 * cleaning waits for the fault to finish; at its exit the mapping may already be gone.
 */
#include "mark.bpf.h"
#include "version.bpf.h"

/*
 * Can one fault on @page make its whole folio writable? Only where it may be mapped by one entry of
 * the next level.
 */
static __always_inline bool page_maps_huge(struct page *page)
{
	/* Head pages have a flag, tail pages point to their head with bit 0 set. */
	unsigned long head = BPF_CORE_READ(page, compound_head);

	if (head & 1)
		page = (struct page *)(head - 1);
	else if (!(BPF_CORE_READ(page, flags) >> bpf_core_enum_value(enum pageflags, PG_head) & 1))
		return false;
	return tm_folio_order((struct folio *)page) >= PMD_ORDER;
}

SEC("fentry/fault_dirty_shared_page")
int BPF_PROG(tm_fault, struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 first = vmf->pgoff, pages = 1;
	struct inode *inode;
	struct tm_sb *sb;

	if (!file || !ctl)
		return 0;
	inode = file->f_inode;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_ver_touch(inode->i_ino);
	if (page_maps_huge(vmf->page)) {
		first &= ~(__u64)(PMD_PAGES - 1);
		pages = PMD_PAGES;
	}
	tm_mark_file(sb, inode, file, TM_D_DATA | TM_D_MMAP, first << PAGE_SHIFT,
		     (first + pages) << PAGE_SHIFT, NULL);
	return 0;
}

/*
 * Before the page becomes writable: a read that began earlier is torn from here on. Not a
 * begin and end pair over both functions, because the kernel may give up in between.
 */
SEC("fexit/do_page_mkwrite")
int BPF_PROG(tm_mkwrite, struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct tm_ctl *ctl = tm_ctl_get();
	struct inode *inode;

	if (!file || !ctl)
		return 0;
	inode = file->f_inode;
	if (tm_sb_of(ctl, inode))
		tm_ver_touch(inode->i_ino);
	return 0;
}

/*
 * The net below: a page that becomes dirty without a fault, because it was pinned for DMA (O_DIRECT reads
 * into a mapping, RDMA) and is released only now, while the pin still counts. Every writer of a clean page
 * comes by here, so what has no writable mapping leaves first, and where pins can be seen so does what a
 * fault dirties: tm_fault marks the page alone. There is no dentry at hand: user space judges where it is.
 */
SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(tm_dirty_folio, struct folio *folio, struct address_space *mapping)
{
	struct tm_ctl *ctl;
	struct inode *inode;
	__u64 first, pages = 1;
	struct tm_sb *sb;
	struct tm_op op;

	/* May be NULL to the verifier of newer kernels. */
	if (!mapping || mapping->i_mmap_writable.counter <= 0)
		return 0;
	inode = mapping->host;
	ctl = tm_ctl_get();
	if (!inode || !ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb || !tm_folio_pinned(folio))
		return 0;
	tm_ver_touch(inode->i_ino);
	first = folio->index;
	if (folio->flags >> bpf_core_enum_value(enum pageflags, PG_head) & 1)
		pages = 1ULL << (tm_folio_order(folio) & 31);
	tm_op_init(&op, sb, inode);
	tm_op_alias(&op, sb, inode);
	op.flags |= TM_D_DATA | TM_D_MMAP;
	op.start = first << PAGE_SHIFT;
	op.end = (first + pages) << PAGE_SHIFT;
	tm_mark(&op);
	return 0;
}

/*
 * DAX: there are no pages to be protected by write-back, but flushing protects the entries just the same,
 * so the next store comes through here again. @order (6.1: enum page_entry_size) is 0 for one page.
 */
SEC("fexit/dax_iomap_fault")
int BPF_PROG(tm_dax_fault, struct vm_fault *vmf, unsigned int order)
{
	struct file *file = vmf->vma->vm_file;
	struct tm_ctl *ctl = tm_ctl_get();
	__u64 first = vmf->pgoff, pages = 1;
	struct inode *inode;
	struct tm_sb *sb;

	if (!file || !ctl || !(vmf->flags & FAULT_FLAG_WRITE) || !(vmf->vma->vm_flags & VM_SHARED))
		return 0;
	inode = file->f_inode;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	tm_ver_touch(inode->i_ino);
	if (order) {
		first &= ~(__u64)(PMD_PAGES - 1);
		pages = PMD_PAGES;
	}
	tm_mark_file(sb, inode, file, TM_D_DATA | TM_D_MMAP, first << PAGE_SHIFT,
		     (first + pages) << PAGE_SHIFT, NULL);
	return 0;
}
