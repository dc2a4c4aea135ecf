// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/meta.bpf.c - size, mode, owner, times, xattrs, ACLs, inode flags, write-back errors.
 *
 * These are true choke points of the VFS: i_op->setattr is called by notify_change alone, and
 * nfsd, ksmbd and overlayfs come through here too. The first argument differs between kernels and is unused.
 */
#include "mark.bpf.h"
#include "version.bpf.h"

static __always_inline struct tm_sb *sb_of_dentry(struct dentry *d)
{
	struct tm_ctl *ctl = tm_ctl_get();

	return ctl ? tm_sb_of_dev(ctl, d->d_sb->s_dev) : NULL;
}

static __always_inline int attr_changed(struct dentry *d, long ret)
{
	struct tm_sb *sb;

	if (ret)
		return 0;
	sb = sb_of_dentry(d);
	if (sb)
		tm_mark_dentry(sb, d, TM_D_ATTR, 0);
	return 0;
}

SEC("fentry/notify_change")
int BPF_PROG(tm_setattr_in, void *ns, struct dentry *d)
{
	/* Whether the size changes is not asked here: the exit program must close what this one opened. */
	tm_ver_begin(d->d_inode->i_ino);
	return 0;
}

/* A truncation that failed with one of these did not begin. */
static __always_inline bool setattr_undone(int ret)
{
	return ret == -EPERM || ret == -EACCES || ret == -EINVAL || ret == -EFBIG || ret == -ETXTBSY ||
	       ret == -EROFS || ret == -EAGAIN || ret == -EOPNOTSUPP;
}

SEC("fexit/notify_change")
int BPF_PROG(tm_setattr_out, void *ns, struct dentry *d, struct iattr *attr, struct inode **deleg, int ret)
{
	struct tm_sb *sb = sb_of_dentry(d);
	__u64 start = 0;
	__u32 flags = 0;
	bool size;

	size = attr->ia_valid & ATTR_SIZE;
	/*
	 * Everything behind the new size, not only what lies between the sizes: shrunk and extended again
	 * within one epoch, the tail must become zeros.
	 */
	if (!ret && size) {
		flags = TM_D_DATA | TM_D_SIZE | TM_D_ATTR;
		start = attr->ia_size;
	} else if (!ret) {
		flags = TM_D_ATTR;
	} else if (size && !setattr_undone(ret)) {
		flags = TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
	}
	if (sb && flags)
		tm_mark_dentry(sb, d, flags, start);
	tm_ver_end(d->d_inode->i_ino);
	return 0;
}

SEC("fexit/__vfs_setxattr_noperm")
int BPF_PROG(tm_setxattr, void *ns, struct dentry *d, const char *name, const void *value, size_t size,
	     int flags, int ret)
{
	return attr_changed(d, ret);
}

SEC("fexit/__vfs_removexattr_locked")
int BPF_PROG(tm_rmxattr, void *ns, struct dentry *d, const char *name, struct inode **deleg, int ret)
{
	return attr_changed(d, ret);
}

/* Since 6.2 ACLs do not pass the xattr functions any more (5a6f52d20ce3). */
SEC("fexit/vfs_set_acl")
int BPF_PROG(tm_setacl, void *ns, struct dentry *d, const char *name, void *acl, int ret)
{
	return attr_changed(d, ret);
}

SEC("fexit/vfs_remove_acl")
int BPF_PROG(tm_rmacl, void *ns, struct dentry *d, const char *name, int ret)
{
	return attr_changed(d, ret);
}

SEC("fexit/vfs_fileattr_set")
int BPF_PROG(tm_fileattr, void *ns, struct dentry *d, void *fa, int ret)
{
	return attr_changed(d, ret);
}

/* Pages that could not be written are dropped sooner or later: the content reverts. */
SEC("tp_btf/filemap_set_wb_err")
int BPF_PROG(tm_wb_err, struct address_space *mapping)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct inode *inode;
	struct tm_sb *sb;
	struct tm_op op;

	/* May be NULL to the verifier of newer kernels. */
	if (!mapping || !ctl)
		return 0;
	inode = mapping->host;
	if (!inode)
		return 0;
	sb = tm_sb_of(ctl, inode);
	if (!sb)
		return 0;
	__sync_fetch_and_add(&ctl->count.wb_errors, 1);
	tm_ver_touch(inode->i_ino);
	tm_op_init(&op, sb, inode);
	tm_op_alias(&op, sb, inode);
	op.flags |= TM_D_DATA | TM_D_WHOLE | TM_D_WBERR;
	tm_mark(&op);
	return 0;
}

/*
 * The superblock goes away: whatever is mounted under this device number later is another epoch.
 * User space finds the flag and does not take its roots for unbroken.
 */
SEC("fentry/generic_shutdown_super")
int BPF_PROG(tm_umount, struct super_block *s)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = tm_sb_of_dev(ctl, s->s_dev);
	if (!sb)
		return 0;
	__sync_fetch_and_or(&sb->flags, TM_SB_GONE);
	return 0;
}

/* The address of an inode is about to be another's. */
SEC("fentry/security_inode_free")
int BPF_PROG(tm_inode_free, struct inode *inode)
{
	tm_hot_forget(inode);
	return 0;
}
