// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * bpf/names.bpf.c - directory entries that came, went or changed their meaning.
 *
 * One record per (directory, name). Creation of every kind, links too, goes through
 * d_instantiate[_new]: open(O_CREAT) calls no vfs_create, and vfs_link needs no hook of its own.
 */
#include "mark.bpf.h"

static __always_inline void name_emit(struct tm_sb *sb, __u64 roots, const struct tm_id *dir,
				      struct dentry *d, struct inode *obj, __u32 op)
{
	struct tm_name_op n = { .op = op, .dev = sb->dev };

	n.roots = roots;
	n.dir = *dir;
	if (obj)
		tm_id_of(&n.obj, sb, obj);
	n.name = (__u64)d->d_name.name;
	n.name_len = d->d_name.len;
	tm_emit(&n);
}

static __always_inline int name_event(struct tm_sb *sb, struct dentry *dir, struct dentry *d,
				      struct inode *obj, __u32 op)
{
	struct tm_walk w;
	struct tm_id id;

	tm_walk(&w, sb, dir);
	if (!w.roots)
		return 0;
	tm_id_of(&id, sb, dir->d_inode);
	name_emit(sb, w.roots, &id, d, obj, op);
	return 0;
}

static __always_inline int appeared(struct dentry *d, struct inode *inode)
{
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;

	if (!inode || !ctl)
		return 0;
	sb = tm_sb_of(ctl, inode);
	/* No links: O_TMPFILE, whose name is made up and of no directory. */
	if (!sb || !inode->i_nlink)
		return 0;
	/* A second name: from now on writes through the first concern more than its roots. */
	if (inode->i_nlink > 1)
		tm_hot_moved();
	return name_event(sb, d->d_parent, d, inode, TM_EV_APPEAR);
}

SEC("fexit/d_instantiate")
int BPF_PROG(tm_create, struct dentry *d, struct inode *inode)
{
	return appeared(d, inode);
}

SEC("fexit/d_instantiate_new")
int BPF_PROG(tm_create_new, struct dentry *d, struct inode *inode)
{
	return appeared(d, inode);
}

static __always_inline int gone(struct dentry *d)
{
	struct dentry *dir = d->d_parent;
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = tm_sb_of_dev(ctl, d->d_sb->s_dev);
	if (!sb)
		return 0;
	/* The dentry is negative by now, unless somebody holds the object open. */
	return name_event(sb, dir, d, d->d_inode, TM_EV_GONE);
}

SEC("fexit/vfs_unlink")
int BPF_PROG(tm_unlink, void *ns, struct inode *dir, struct dentry *d, struct inode **deleg, int ret)
{
	return ret ? 0 : gone(d);
}

SEC("fexit/vfs_rmdir")
int BPF_PROG(tm_rmdir, void *ns, struct inode *dir, struct dentry *d, int ret)
{
	return ret ? 0 : gone(d);
}

/* ---- rename: the old name is gone from the dentries afterwards, so it is kept at entry */

SEC("fentry/vfs_rename")
int BPF_PROG(tm_rename_in, struct renamedata *rd)
{
	struct dentry *d = rd->old_dentry, *dir = d->d_parent;
	struct tm_slot_key key = { .tid = (__u32)bpf_get_current_pid_tgid() };
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_slot slot = {};
	struct tm_walk w;
	struct tm_sb *sb;
	__u32 len;

	if (!ctl)
		return 0;
	sb = tm_sb_of_dev(ctl, d->d_sb->s_dev);
	if (!sb)
		return 0;
	slot.is_dir = tm_is_dir(d->d_inode);
	tm_walk(&w, sb, dir);
	slot.roots = w.roots;
	slot.maybe = w.maybe;
	tm_id_of(&slot.dir, sb, dir->d_inode);
	len = d->d_name.len;
	if (len > TM_NAME_LEN)
		len = TM_NAME_LEN;
	slot.name_len = len;
	bpf_probe_read_kernel(slot.name, len, d->d_name.name);
	key.dev = sb->dev;
	/* From here on walks of others are torn; not counted if the exit program could not close it. */
	if (!bpf_map_update_elem(&tm_slots, &key, &slot, BPF_ANY) && slot.is_dir)
		__sync_fetch_and_add(&sb->moves_begun, 1);
	return 0;
}

/* The old name, now: nothing, the other object of an exchange, or a whiteout. */
static __always_inline void rename_old(struct tm_sb *sb, struct renamedata *rd, struct tm_slot *slot)
{
	struct tm_name_op n = { .op = TM_EV_GONE, .dev = sb->dev };
	struct inode *other;

	if (!slot->roots)
		return;
	n.roots = slot->roots;
	n.dir = slot->dir;
	n.name = (__u64)slot->name;
	n.name_len = slot->name_len;
	if (rd->flags & RENAME_EXCHANGE) {
		n.op = TM_EV_APPEAR;
		other = rd->new_dentry->d_inode;
		if (other)
			tm_id_of(&n.obj, sb, other);
	} else if (rd->flags & RENAME_WHITEOUT) {
		n.op = TM_EV_NAME;
	}
	tm_emit(&n);
}

/* A directory that came in from outside some root: nobody knows what is below it. */
static __always_inline void moved_in(struct tm_sb *sb, struct dentry *d, const struct tm_id *dir, __u64 now,
				     __u64 before)
{
	struct inode *inode = d->d_inode;

	struct tm_op op;

	if (!(now & ~before) || !inode)
		return;
	if (tm_is_dir(inode)) {
		name_emit(sb, now & ~before, dir, d, inode, TM_EV_SUBTREE);
		return;
	}
	/*
	 * A file that comes from outside may have been here before, and nobody watched it
	 * meanwhile: its name alone would look like a rename of known content.
	 */
	tm_op_init(&op, sb, inode);
	op.roots = now & ~before;
	op.flags = TM_D_DATA | TM_D_WHOLE | TM_D_ATTR;
	op.end = TM_TO_EOF;
	op.parent = *dir;
	tm_mark(&op);
}

/* The entry program was skipped or had no slot: the old directory as a whole, if it is known at all. */
static __always_inline void rename_blind(struct tm_ctl *ctl, struct tm_sb *sb, struct renamedata *rd)
{
	struct inode *dir = tm_rename_old_dir(rd);
	struct tm_op op = {};

	__sync_fetch_and_add(&ctl->count.no_slot, 1);
	if (!dir)
		return;
	tm_op_init(&op, sb, dir);
	op.roots = sb->roots;
	op.flags = TM_D_DIR | TM_D_MAYBE;
	tm_mark(&op);
}

/*
 * After a plain rename old_dentry carries the new name and hangs in the new directory; after an
 * exchange new_dentry has the old name in the old one. One walk says where the new directory is, the
 * slot where the old one was.
 */
static __always_inline void renamed(struct tm_ctl *ctl, struct tm_sb *sb, struct renamedata *rd,
				    struct tm_slot *slot)
{
	struct dentry *d = rd->old_dentry, *dir = d->d_parent;
	__u64 before = 0;
	struct tm_walk w;
	struct tm_id id;

	tm_walk(&w, sb, dir);
	tm_id_of(&id, sb, dir->d_inode);
	if (w.roots)
		name_emit(sb, w.roots, &id, d, d->d_inode, TM_EV_APPEAR);
	if (!slot) {
		rename_blind(ctl, sb, rd);
		moved_in(sb, d, &id, w.roots, 0);
		return;
	}
	/* A guess proves nothing about where an object was. */
	if (!slot->maybe)
		before = slot->roots;
	moved_in(sb, d, &id, w.roots, before);
	if (rd->flags & RENAME_EXCHANGE) {
		id = slot->dir;
		moved_in(sb, rd->new_dentry, &id, slot->roots, w.maybe ? 0 : w.roots);
	}
	rename_old(sb, rd, slot);
}

SEC("fexit/vfs_rename")
int BPF_PROG(tm_rename_out, struct renamedata *rd, int ret)
{
	struct tm_slot_key key = { .tid = (__u32)bpf_get_current_pid_tgid() };
	struct tm_ctl *ctl = tm_ctl_get();
	struct tm_slot *slot;
	struct tm_sb *sb;

	if (!ctl)
		return 0;
	sb = tm_sb_of_dev(ctl, rd->old_dentry->d_sb->s_dev);
	if (!sb)
		return 0;
	key.dev = sb->dev;
	slot = bpf_map_lookup_elem(&tm_slots, &key);
	tm_hot_moved();
	if (slot && slot->is_dir)
		__sync_fetch_and_add(&sb->moves_ended, 1);
	if (!ret)
		renamed(ctl, sb, rd, slot);
	if (slot)
		bpf_map_delete_elem(&tm_slots, &key);
	return 0;
}
