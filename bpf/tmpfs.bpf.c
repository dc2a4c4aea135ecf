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

/*
 * At the exit of mmap_region() the mapping is counted in i_mmap_writable and no store was made yet; at that
 * of shmem_mmap() it is not counted since 6.7 (158978945f31).
 */
SEC("fexit")
int BPF_PROG(tm_map_in, struct file *file, unsigned long addr, unsigned long len, unsigned long vm_flags,
	     unsigned long pgoff, void *uf, unsigned long ret)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_dirty_key key = {};
	struct tm_mapped m = {};
	struct inode *inode;
	bool maybe = false;
	struct dentry *d;
	struct tm_sb *sb;

	if (!file || !ctl || !(vm_flags & VM_SHARED) || !(vm_flags & VM_MAYWRITE) || (long)ret < 0)
		return 0;
	inode = file->f_inode;
	d = file->f_path.dentry;
	sb = tm_sb_of(ctl, inode);
	/* The other file systems protect their pages. */
	if (!sb || !(sb->flags & TM_SB_TMPFS) || d->d_sb != inode->i_sb)
		return 0;
	m.roots = tm_roots_of(sb, inode, d, &maybe);
	if (!m.roots)
		return 0;
	if (d->d_parent != d)
		tm_id_of(&m.parent, sb, d->d_parent->d_inode);
	tm_id_of(&key.id, sb, inode);
	key.dev = sb->dev;
	if (bpf_map_update_elem(&tm_mapped, &key, &m, BPF_ANY))
		tm_overflow(m.roots);
	tm_mark_file(sb, inode, file, TM_D_DATA | TM_D_WHOLE | TM_D_MMAP, 0, 0);
	return 0;
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
