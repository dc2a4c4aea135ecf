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
static __always_inline __u32 tm_subvol_at(const struct tm_sb *sb, __u64 inode)
{
	__u64 root = 0, id = 0;

	bpf_probe_read_kernel(&root, sizeof(root), (void *)(inode + sb->subvol_root));
	bpf_probe_read_kernel(&id, sizeof(id), (void *)(root + sb->subvol_id));
	return (__u32)id;
}

/* The address of @inode as a number: pointers allow no free arithmetic, so it goes through memory. */
static __always_inline __u64 tm_addr(const struct inode *inode)
{
	__u64 at = 0;

	bpf_probe_read_kernel(&at, sizeof(at), &inode);
	return at;
}

static __always_inline __u32 tm_subvol(const struct tm_sb *sb, const struct inode *inode)
{
	/* A zero that the verifier does not know, so that it need not follow both ways to the end. */
	if (!(sb->flags & TM_SB_SUBVOL))
		return sb->zero;
	return tm_subvol_at(sb, tm_addr(inode));
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
	/* the inode to be looked at */
	__u64 at;		/* its address */
	__u64 ino;
	__u32 gen;
	__u32 sb;		/* index in tm_ctl.sb */
	__u64 maybe;
};

/*
 * The filter says that the inode in @w may be a root or a reserved directory: take its bits.
 * A global function (mark.bpf.c), so that the verifier does not enter it at each level.
 */
int tm_walk_hit(struct tm_walk *w);

/*
 * Walk from @d to the top. A root counts for itself and all below it; what lies below a root's
 * reserved directory does not count for that root. Unrolled, because the verifier of 6.1 forgets the
 * states of a long loop and then follows every combination of hits.
 */
static __always_inline void tm_walk(struct tm_walk *w, struct tm_sb *sb, struct dentry *d)
{
	__u64 begun = READ_ONCE(sb->moves_begun), bloom = sb->bloom;
	bool top = false;

	__builtin_memset(w, 0, sizeof(*w));
	w->sb = sb->index;
#pragma unroll
	for (int i = 0; i < TM_WALK_MAX; i++) {
		struct inode *inode = d->d_inode;
		struct dentry *up = d->d_parent;

		w->ino = inode->i_ino;
		if (bloom >> (w->ino & 63) & 1) {
			w->gen = inode->i_generation;
			w->at = tm_addr(inode);
			tm_walk_hit(w);
		}
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
		w->roots |= sb->roots & ~w->ignored;
		w->maybe = 1;
	}
}

#endif
