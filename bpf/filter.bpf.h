/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/filter.bpf.h - below which roots is this? Answered without strings and caches.
 *
 * First the superblock (a few compares), then a walk up the dentries with
 * typed loads, about 1 ns a level. A dentry walk is right for bind mounts,
 * containers and chroots of the same file system. Where it cannot be trusted
 * (several links, disconnected or too deep, a directory rename in flight) the
 * answer is "all roots of this superblock", flagged as a guess: user space judges.
 */
#ifndef TM_FILTER_BPF_H
#define TM_FILTER_BPF_H

#include "maps.bpf.h"

#define TM_WALK_MAX	40

static __always_inline struct tm_ctl *tm_ctl_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tm_ctl, &zero);
}

/* NULL: nothing on this device is tracked. */
static __always_inline struct tm_sb *tm_sb_of_dev(struct tm_ctl *ctl, __u32 dev)
{
	__u32 n = ctl->n_sbs;

	for (__u32 i = 0; i < TM_SBS && i < n; i++)
		if (ctl->sb[i].dev == dev)
			return ctl->sb[i].roots ? &ctl->sb[i] : NULL;
	return NULL;
}

static __always_inline struct tm_sb *tm_sb_of(struct tm_ctl *ctl, const struct inode *inode)
{
	return tm_sb_of_dev(ctl, inode->i_sb->s_dev);
}

/* btrfs: BTRFS_I(inode)->root->root_key.objectid, at offsets that user space read in its BTF. */
static __always_inline __u32 tm_subvol(const struct tm_sb *sb, const struct inode *inode)
{
	__u64 at = 0, root = 0, id = 0;

	if (!(sb->flags & TM_SB_SUBVOL))
		return 0;
	/* Through memory, so that the address is a number: the verifier allows no free arithmetic on pointers. */
	bpf_probe_read_kernel(&at, sizeof(at), &inode);
	bpf_probe_read_kernel(&root, sizeof(root), (void *)(at + sb->subvol_root));
	bpf_probe_read_kernel(&id, sizeof(id), (const char *)root + sb->subvol_id);
	return (__u32)id;
}

static __always_inline void tm_id_of(struct tm_id *id, const struct tm_sb *sb, const struct inode *inode)
{
	id->ino = inode->i_ino;
	id->gen = inode->i_generation;
	id->subvol = tm_subvol(sb, inode);
}

struct tm_walk {
	__u64 roots;
	__u64 ignored;		/* roots whose reserved directory was met first */
	bool maybe;
};

/* The filter says that @inode may be a root or a reserved directory: is it? */
static __noinline int tm_walk_hit(struct tm_walk *w, const struct tm_sb *sb, const struct inode *inode)
{
	struct tm_root_key k = { .ino = inode->i_ino, .subvol = tm_subvol(sb, inode), .dev = sb->dev };
	struct tm_root_val *v = bpf_map_lookup_elem(&tm_roots, &k);

	if (v && v->gen == inode->i_generation) {
		w->roots |= v->roots & ~w->ignored;
		w->ignored |= v->reserved;
	}
	return 0;
}

/*
 * Walk from @d to the top. A root counts for itself and all below it; what lies below a root's
 * reserved directory does not count for that root. Unrolled, because the verifier of 6.1 forgets the states of a
 * long loop and then follows every combination of hits.
 */
static __always_inline void tm_walk(struct tm_walk *w, struct tm_sb *sb, struct dentry *d)
{
	__u64 begun = READ_ONCE(sb->moves_begun), bloom = sb->bloom;
	bool top = false;

	/* Zeros unknown to the verifier: so every way through a level leaves the same state. */
	w->roots = READ_ONCE(sb->zero);
	w->ignored = READ_ONCE(sb->zero);
	w->maybe = false;
#pragma unroll
	for (int i = 0; i < TM_WALK_MAX; i++) {
		struct inode *inode = d->d_inode;
		struct dentry *up = d->d_parent;

		if (bloom >> (inode->i_ino & 63) & 1)
			tm_walk_hit(w, sb, inode);
		if (up == d) {
			top = true;
			break;
		}
		d = up;
	}
	if (top && d == d->d_sb->s_root &&
	    begun == READ_ONCE(sb->moves_begun) && begun == READ_ONCE(sb->moves_ended))
		return;
	/* Too deep, disconnected, or a directory moved meanwhile: what was found may not be all. */
	if ((w->roots | w->ignored) != sb->roots) {
		w->roots = sb->roots & ~w->ignored;
		w->maybe = true;
	}
}

#endif
