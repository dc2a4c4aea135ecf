/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/bpf_fs.c - what the kernel side must know of a root's file system.
 *
 * The device is the superblock's s_dev. stat() does not tell it on btrfs (each subvolume
 * shows a number of its own), so it is looked up in mountinfo by mount id.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "capture/bpf.h"
#include "lib/oid.h"

static FILE *proc_open(const char *path)
{
	return fopen(path, "re");
}

static void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static int mount_id(int fd, int *ret)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = proc_open(path);
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %d", ret) == 1)
			return 0;
	return -ENOENT;
}

/* The kernel's dev_t of the superblock behind @fd. */
static int sb_dev(int fd, uint32_t *ret)
{
	_cleanup_(fclosep) FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	unsigned int major_nr, minor_nr;
	size_t cap = 0;
	int want, id, r;

	r = mount_id(fd, &want);
	if (r)
		return r;
	f = proc_open("/proc/self/mountinfo");
	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%d %*d %u:%u", &id, &major_nr, &minor_nr) != 3 || id != want)
			continue;
		*ret = major_nr << 20 | minor_nr;
		return 0;
	}
	return -ENOENT;
}

/* btrfs: where the subvolume's id is, seen from an inode. Known only to the module's BTF. */
static int subvol_offsets(struct tm_fs_info *i)
{
	const struct btf *btf = tm_btf_module("btrfs");
	int root, vfs, key;

	if (!btf)
		return -EOPNOTSUPP;
	root = tm_btf_offset(btf, "btrfs_inode", "root");
	vfs = tm_btf_offset(btf, "btrfs_inode", "vfs_inode");
	key = tm_btf_offset(btf, "btrfs_root", "root_key");	/* its objectid comes first */
	if (root < 0 || vfs < 0 || key < 0)
		return -EOPNOTSUPP;
	i->subvol_root = root - vfs;
	i->subvol_id = key;
	return 0;
}

int tm_fs_info_get(int rootfd, struct tm_fs_info *ret)
{
	struct tm_fs_info i = { 0 };
	struct tm_oid oid;
	struct statfs sf;
	struct stat st;
	int r;

	if (fstatfs(rootfd, &sf) || fstat(rootfd, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	i.fs = tm_fs_find((long)sf.f_type);
	if (!i.fs) {
		tm_backend_why("bpf: changes on this kind of file system (0x%lx) cannot be seen",
			       (long)sf.f_type);
		return -EOPNOTSUPP;
	}
	r = sb_dev(rootfd, &i.dev);
	if (r) {
		tm_backend_why("bpf: the root's mount is not in this mount namespace: %s", strerror(-r));
		return r;
	}
	r = tm_oid_at(rootfd, "", &oid);
	if (r)
		return r;
	i.id = (struct tm_id){ .ino = oid.ino, .gen = oid.gen, .subvol = oid.subvol };
	if (i.fs->magic == 0x9123683E) {
		r = subvol_offsets(&i);
		if (r) {
			tm_backend_why("bpf: this kernel's btrfs cannot be read (no type information)");
			return r;
		}
	}
	*ret = i;
	return 0;
}
