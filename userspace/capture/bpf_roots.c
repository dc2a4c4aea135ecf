/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_roots.c - root slots in the control block and the map of roots.
 *
 * The file system's programs are attached before a slot becomes active: a reconcile that begins
 * afterwards sees what happened before, and the marks see the rest.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "capture/selftest.h"
#include "lib/fd.h"
#include "lib/oid.h"

#define RESERVED ".tidemark"

static struct tm_sb *sb_find(struct tm_kern *k, uint32_t dev)
{
	for (uint32_t i = 0; i < k->ctl->n_sbs; i++)
		if (k->ctl->sb[i].dev == dev)
			return &k->ctl->sb[i];
	return NULL;
}

/* A slot for a superblock: a free one, or one without roots. */
static struct tm_sb *sb_new(struct tm_kern *k)
{
	for (uint32_t i = 0; i < TM_SBS; i++)
		if (!k->ctl->sb[i].roots) {
			struct tm_sb *sb = &k->ctl->sb[i];

			*sb = (struct tm_sb){ .index = i };
			if (k->ctl->n_sbs <= i)
				__atomic_store_n(&k->ctl->n_sbs, i + 1, __ATOMIC_SEQ_CST);
			return sb;
		}
	return NULL;
}

static struct tm_root_key root_key(uint32_t dev, const struct tm_id *id)
{
	return (struct tm_root_key){ .ino = id->ino, .subvol = id->subvol, .dev = dev };
}

/* Set or clear the slot's bit in the entry of @id; an entry without bits goes. */
static int root_entry(struct tm_kern *k, uint32_t dev, const struct tm_id *id, uint64_t roots,
		      uint64_t reserved, bool on)
{
	struct tm_root_key key = root_key(dev, id);
	int fd = k->map_fd[TM_MAP_ROOTS];
	struct tm_root_val v = { 0 };

	if (bpf_map_lookup_elem(fd, &key, &v) || v.gen != id->gen)
		v = (struct tm_root_val){ .gen = id->gen };
	if (on) {
		v.roots |= roots;
		v.reserved |= reserved;
	} else {
		v.roots &= ~roots;
		v.reserved &= ~reserved;
	}
	if (!v.roots && !v.reserved)
		return bpf_map_delete_elem(fd, &key) && errno != ENOENT ? -errno : 0;
	return bpf_map_update_elem(fd, &key, &v, BPF_ANY) ? -errno : 0;
}

/* What follows from the slots of a superblock: the filter in front of the map, and its canary. */
static void slots_changed(struct tm_kern *k, struct tm_sb *sb)
{
	uint64_t bloom = 0, canary = 0;

	for (unsigned int i = 0; i < TM_ROOTS; i++) {
		const struct tm_root_slot *r = &k->ctl->root[i];

		if (!r->active || r->dev != sb->dev)
			continue;
		canary = canary ?: r->canary_ino;
		bloom |= 1ULL << (r->id.ino & 63);
		if (r->reserved.ino)
			bloom |= 1ULL << (r->reserved.ino & 63);
	}
	__atomic_store_n(&sb->bloom, bloom, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sb->canary_ino, canary, __ATOMIC_SEQ_CST);
	tm_bpf_forget_places(k);
}

/*
 * The reserved directory, made if it is not there. A user's own entry of that name (not a
 * directory, not root's, open to others) is user data and is left alone: id 0.
 */
static void reserved_get(int rootfd, struct tm_id *ret, uint64_t *ret_canary)
{
	_cleanup_close_ int dir = -EBADF, file = -EBADF;
	struct tm_oid oid;
	struct stat st;

	*ret = (struct tm_id){ 0 };
	*ret_canary = 0;
	(void)mkdirat(rootfd, RESERVED, 0700);
	dir = openat(rootfd, RESERVED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) || st.st_uid || st.st_mode & 077 || tm_oid_at(dir, "", &oid))
		return;
	*ret = (struct tm_id){ .ino = oid.ino, .gen = oid.gen, .subvol = oid.subvol };
	file = openat(dir, "canary", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (file >= 0 && !fstat(file, &st) && S_ISREG(st.st_mode))
		*ret_canary = st.st_ino;
}

static void path_keep(struct tm_kern *k, unsigned int slot, int rootfd)
{
	char link[64], path[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", rootfd);
	n = readlink(link, path, sizeof(path) - 1);
	free(k->paths[slot]);
	k->paths[slot] = n > 0 ? strndup(path, (size_t)n) : NULL;
}

static int stats_zero(struct tm_kern *k, uint32_t slot)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct tm_stat *zero = NULL;

	if (cpus < 0)
		return cpus;
	zero = calloc((size_t)cpus, sizeof(*zero));
	if (!zero)
		return -ENOMEM;
	return bpf_map_update_elem(k->map_fd[TM_MAP_STATS], &slot, zero, BPF_ANY) ? -errno : 0;
}

static bool id_eq(const struct tm_id *a, const struct tm_id *b)
{
	return a->ino == b->ino && a->gen == b->gen && a->subvol == b->subvol;
}

static int slot_activate(struct tm_kern *k, unsigned int slot, int rootfd, uint64_t key,
			 const struct tm_fs_info *i)
{
	struct tm_root_slot *s = &k->ctl->root[slot];
	uint64_t bit = 1ULL << slot, canary = 0;
	struct tm_id reserved = { 0 };
	struct tm_sb *sb;
	int r;

	if (slot != TM_SELFTEST_SLOT)
		reserved_get(rootfd, &reserved, &canary);
	sb = sb_find(k, i->dev);
	if (!sb) {
		sb = sb_new(k);
		if (!sb) {
			tm_backend_why("bpf: roots on more than %d file systems", TM_SBS);
			return -ENOSPC;
		}
		/* Its slot may have been another's: programs that still hold it must be done. */
		r = tm_bpf_grace(k);
		if (r)
			return r;
		sb->subvol_root = i->subvol_root;
		sb->subvol_id = i->subvol_id;
		sb->flags = i->subvol_root || i->subvol_id ? TM_SB_SUBVOL : 0;
		if (i->fs->magic == TMPFS_MAGIC)
			sb->flags |= TM_SB_TMPFS;
		__atomic_store_n(&sb->dev, i->dev, __ATOMIC_SEQ_CST);
	}
	/* Others of it that are claimed have yet to be told. */
	if (!(sb->roots & k->claimed))
		__atomic_fetch_and(&sb->flags, ~(uint32_t)TM_SB_GONE, __ATOMIC_SEQ_CST);
	r = root_entry(k, i->dev, &i->id, bit, 0, true);
	if (!r && reserved.ino)
		r = root_entry(k, i->dev, &reserved, 0, bit, true);
	if (!r)
		r = stats_zero(k, slot);
	if (r)
		return r;
	*s = (struct tm_root_slot){
		.key = key, .id = i->id, .dev = i->dev, .active = 1,
		.reserved = reserved, .canary_ino = canary,
	};
	slots_changed(k, sb);
	__atomic_fetch_or(&sb->roots, bit, __ATOMIC_SEQ_CST);
	tm_bpf_forget_places(k);
	return 0;
}

static void slot_deactivate(struct tm_kern *k, unsigned int slot)
{
	struct tm_root_slot *s = &k->ctl->root[slot];
	uint64_t bit = 1ULL << slot;
	struct tm_sb *sb;

	if (!s->active)
		return;
	sb = sb_find(k, s->dev);
	s->active = 0;
	if (sb) {
		__atomic_fetch_and(&sb->roots, ~bit, __ATOMIC_SEQ_CST);
		slots_changed(k, sb);
	}
	(void)root_entry(k, s->dev, &s->id, bit, 0, false);
	if (s->reserved.ino)
		(void)root_entry(k, s->dev, &s->reserved, 0, bit, false);
}

/*
 * The superblock of @slot's new root was unmounted meanwhile: neither this slot nor any that nobody
 * claimed yet is unbroken. Claimed ones are told by tm_bpf_remounted().
 */
static void gone_before(struct tm_kern *k, unsigned int slot, uint32_t dev)
{
	const struct tm_sb *sb = sb_find(k, dev);

	if (!sb || !(sb->flags & TM_SB_GONE))
		return;
	for (unsigned int i = 0; i < TM_ROOTS; i++)
		if (k->ctl->root[i].dev == dev && (i == slot || !(k->claimed >> i & 1)))
			slot_deactivate(k, i);
}

/* Is the claimed root @slot to be seen at its path again? */
static bool root_is_back(const struct tm_kern *k, unsigned int slot)
{
	const struct tm_root_slot *s = &k->ctl->root[slot];
	_cleanup_close_ int fd = -EBADF;
	struct tm_fs_info i;

	if (!k->paths[slot])
		return false;
	fd = open(k->paths[slot], O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && !tm_fs_info_get(fd, &i) && i.dev == s->dev && id_eq(&i.id, &s->id);
}

int tm_bpf_remounted(struct tm_kern *k)
{
	for (uint32_t n = 0; n < k->ctl->n_sbs; n++) {
		struct tm_sb *sb = &k->ctl->sb[n];
		uint64_t mine = sb->roots & k->claimed;
		int r;

		if (!(sb->flags & TM_SB_GONE) || !mine ||
		    !root_is_back(k, (unsigned int)__builtin_ctzll(mine)))
			continue;
		gone_before(k, TM_ROOTS, sb->dev);
		r = tm_bpf_deliver_all(k, mine, "unmounted");
		if (r)
			return r;
		__atomic_fetch_and(&sb->flags, ~(uint32_t)TM_SB_GONE, __ATOMIC_SEQ_CST);
	}
	return 0;
}

/* Was this root tracked in this slot, all the time? */
static bool unbroken(struct tm_kern *k, unsigned int slot, uint64_t key, const struct tm_fs_info *i)
{
	const struct tm_root_slot *s = &k->ctl->root[slot];
	const struct tm_sb *sb = sb_find(k, i->dev);

	/* A root of this process began after whatever was broken. */
	if (k->created && !(k->claimed >> slot & 1))
		return false;
	return s->active && s->key == key && s->dev == i->dev && id_eq(&s->id, &i->id) && sb &&
	       sb->roots >> slot & 1;
}

int tm_bpf_add_root(void *b, unsigned int slot, int rootfd, uint64_t key, bool *ret_resumed)
{
	struct tm_kern *k = b;
	_cleanup_free_ char *linkdir = tm_bpf_linkdir(k);
	struct tm_fs_info i;
	unsigned int attached = 0;
	bool resumed;
	int r;

	if (!linkdir)
		return -ENOMEM;
	r = tm_fs_info_get(rootfd, &i);
	if (!r)
		r = tm_bpf_links_ensure(k, linkdir, i.fs->name, i.fs->hooks, i.fs->module, &attached);
	tm_btf_forget();
	if (r)
		return r;
	gone_before(k, slot, i.dev);
	resumed = !attached && unbroken(k, slot, key, &i);
	if (!resumed) {
		slot_deactivate(k, slot);
		r = slot_activate(k, slot, rootfd, key, &i);
		if (r)
			return r;
		if (i.fs->magic == TMPFS_MAGIC)
			tm_bpf_mapped_before(k, i.dev, 1ULL << slot);
	}
	k->ctl->n_links = (uint32_t)k->n_links;
	k->blind = i.fs->blind[0] ? i.fs->blind : k->blind;
	k->claimed |= 1ULL << slot;
	k->fs[slot] = i.fs;
	path_keep(k, slot, rootfd);
	tm_selftest_due(k, slot);
	*ret_resumed = resumed;
	return 0;
}

int tm_bpf_scratch_on(struct tm_kern *k, int dirfd)
{
	struct tm_fs_info i;
	int r;

	tm_bpf_scratch_off(k);
	r = tm_fs_info_get(dirfd, &i);
	tm_btf_forget();
	if (!r)
		r = slot_activate(k, TM_SELFTEST_SLOT, dirfd, 0, &i);
	if (!r)
		k->claimed |= 1ULL << TM_SELFTEST_SLOT;
	return r;
}

void tm_bpf_scratch_off(struct tm_kern *k)
{
	slot_deactivate(k, TM_SELFTEST_SLOT);
	k->claimed &= ~(1ULL << TM_SELFTEST_SLOT);
}

int tm_bpf_reserved_open(const struct tm_kern *k, unsigned int slot)
{
	_cleanup_close_ int root = -EBADF, dir = -EBADF;
	const struct tm_id *want = &k->ctl->root[slot].reserved;
	struct tm_oid oid;

	if (!k->paths[slot] || !want->ino)
		return -ENOENT;
	root = open(k->paths[slot], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	dir = openat(root, RESERVED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || tm_oid_at(dir, "", &oid))
		return -errno;
	/* Another directory by now: not ours to work in. */
	return oid.ino == want->ino && oid.gen == want->gen ? tm_take_fd(dir) : -ESTALE;
}

int tm_bpf_del_root(void *b, unsigned int slot)
{
	struct tm_kern *k = b;

	if (!k->ctl->root[slot].active)
		return -ENOENT;
	slot_deactivate(k, slot);
	k->claimed &= ~(1ULL << slot);
	free(k->paths[slot]);
	k->paths[slot] = NULL;
	return 0;
}
