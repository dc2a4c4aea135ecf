/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/oid.c - identities from file handles; see oid.h.
 *
 * A handle is opaque by contract, but its layout is what NFS clients keep for
 * years, so the types used here cannot change: include/linux/exportfs.h.
 * Handles are in host order; this is one host talking to its own kernel.
 */
#include "lib/oid.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/fd.h"

/* enum fid_type */
#define FILEID_INO32_GEN	 1
#define FILEID_INO32_GEN_PARENT	 2
#define FILEID_BTRFS		 0x4d
#define FILEID_BTRFS_PARENT	 0x4e
#define FILEID_BTRFS_PARENT_ROOT 0x4f
#define FILEID_INO64_GEN	 0x81
#define FILEID_INO64_GEN_PARENT	 0x82

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int oid_set(struct tm_oid *ret, uint64_t ino, uint32_t gen, uint32_t subvol)
{
	if (!ino)
		return -EBADMSG;
	*ret = (struct tm_oid){ .ino = ino, .gen = gen, .subvol = subvol };
	return 0;
}

/* struct btrfs_fid: u64 objectid, u64 root, u32 gen, then the parent; packed. */
static int oid_from_btrfs(const uint8_t *h, size_t len, size_t want, struct tm_oid *ret)
{
	uint64_t root;

	if (len != want)
		return -EBADMSG;
	root = load64(h + 8);
	/* Subvolume ids count up from 256: 2^32 of them is beyond any disk, but say so. */
	if (root > UINT32_MAX)
		return -EOPNOTSUPP;
	return oid_set(ret, load64(h), load32(h + 16), (uint32_t)root);
}

int tm_oid_from_handle(int handle_type, const uint8_t *h, size_t len, struct tm_oid *ret)
{
	switch (handle_type) {
	case FILEID_INO32_GEN:
		/* ext4, xfs: u32 ino, u32 gen. tmpfs: u32 gen, u32 ino low, u32 ino high. */
		if (len == 8)
			return oid_set(ret, load32(h), load32(h + 4), 0);
		if (len == 12)
			return oid_set(ret, load32(h + 4) | (uint64_t)load32(h + 8) << 32,
				       load32(h), 0);
		return -EBADMSG;
	case FILEID_INO32_GEN_PARENT:
		/* u32 ino, u32 gen, u32 parent ino, u32 parent gen */
		if (len != 16)
			return -EBADMSG;
		return oid_set(ret, load32(h), load32(h + 4), 0);
	case FILEID_INO64_GEN:
		if (len != 12)
			return -EBADMSG;
		return oid_set(ret, load64(h), load32(h + 8), 0);
	case FILEID_INO64_GEN_PARENT:
		if (len != 24)
			return -EBADMSG;
		return oid_set(ret, load64(h), load32(h + 8), 0);
	case FILEID_BTRFS: return oid_from_btrfs(h, len, 20, ret);
	case FILEID_BTRFS_PARENT: return oid_from_btrfs(h, len, 32, ret);
	case FILEID_BTRFS_PARENT_ROOT: return oid_from_btrfs(h, len, 40, ret);
	default: return -EOPNOTSUPP;
	}
}

/* Where handles say nothing: the inode number alone. */
static int oid_by_stat(int dirfd, const char *name, struct tm_oid *ret)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -errno;
	return oid_set(ret, st.st_ino, 0, 0);
}

int tm_oid_at(int dirfd, const char *name, struct tm_oid *ret)
{
	union {
		struct file_handle fh;
		uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u;
	int mount_id, r;

	u.fh.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(dirfd, name, &u.fh, &mount_id, AT_EMPTY_PATH) < 0) {
		/* EOVERFLOW: a file system that has handles, but none for this object. */
		if (errno == EOPNOTSUPP || errno == EOVERFLOW)
			return oid_by_stat(dirfd, name, ret);
		return -errno;
	}
	r = tm_oid_from_handle(u.fh.handle_type, u.fh.f_handle, u.fh.handle_bytes, ret);
	if (r == -EOPNOTSUPP || r == -EBADMSG)
		return oid_by_stat(dirfd, name, ret);
	return r;
}
