// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/tmpfs.bpf.c - files of tmpfs that are mapped shared and writable.
 *
 * Nothing write-protects their pages, so only a first access that is a store shows (mmap.bpf.c). While such a
 * mapping exists the file is kept in tm_mapped, and user space takes it for changed at every sync and from
 * time to time; the last mapping's end marks it once more.
 */
#include "mark.bpf.h"
#include "version.bpf.h"

static __always_inline int mapped(struct file *file, unsigned long vm_flags)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_dirty_key key = {};
	struct tm_mapped m = {};
	bool maybe = false, sure;
	struct dentry *d;
	struct tm_sb *sb;
	struct tm_op op;

	if (!ctl || !(vm_flags & VM_SHARED) || !(vm_flags & VM_MAYWRITE))
		return 0;
	d = file->f_path.dentry;
	sb = tm_sb_of(ctl, inode);
	/* The other file systems protect their pages. */
	if (!sb || !(sb->flags & TM_SB_TMPFS))
		return 0;
	tm_op_init(&op, sb, inode);
	if (d->d_sb == inode->i_sb) {
		op.roots = tm_roots_of(sb, inode, d, &maybe, &sure);
		if (!op.roots)
			return 0;
		tm_op_dentry(&op, sb, d);
	} else {
		tm_op_alias(&op, sb, inode);
	}
	op.flags |= TM_D_DATA | TM_D_WHOLE | TM_D_MMAP;
	m.roots = op.roots;
	m.parent = op.parent;
	key = op.key;
	if (bpf_map_update_elem(&tm_mapped, &key, &m, BPF_ANY))
		tm_overflow(op.roots);
	tm_mark(&op);
	return 0;
}

/*
 * At the exit of mmap_region() the mapping is counted in i_mmap_writable and no store was made yet; at that
 * of shmem_mmap() it is not counted since 6.7 (158978945f31), but only that sees the file behind an
 * overlayfs.
 */
SEC("fexit")
int BPF_PROG(tm_map_in, struct file *file, unsigned long addr, unsigned long len, unsigned long vm_flags,
	     unsigned long pgoff, void *uf, unsigned long ret)
{
	return file && (long)ret >= 0 ? mapped(file, vm_flags) : 0;
}

SEC("fexit")
int BPF_PROG(tm_map_real, struct file *file, struct vm_area_struct *vma, int ret)
{
	return ret ? 0 : mapped(file, vma->vm_flags);
}

/* The last reference to an open file goes; that of a mapping does after the mapping went. */
SEC("fentry")
int BPF_PROG(tm_map_out, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_dirty_key key = {};
	struct tm_mapped *m;
	struct tm_sb *sb;
	struct tm_op op;

	if (!inode || !ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb || !(sb->flags & TM_SB_TMPFS))
		return 0;
	tm_id_of(&key.id, sb, inode);
	key.dev = sb->dev;
	m = bpf_map_lookup_elem(&tm_mapped, &key);
	if (!m || inode->i_mapping->i_mmap_writable.counter > 0)
		return 0;
	tm_op_init(&op, sb, inode);
	op.roots = m->roots;
	op.parent = m->parent;
	op.flags = TM_D_DATA | TM_D_WHOLE | TM_D_MMAP;
	tm_ver_touch(inode->i_ino);
	tm_mark(&op);
	WRITE_ONCE(m->unmapped, 1);
	return 0;
}
