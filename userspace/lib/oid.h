/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/oid.h - the identity of one file system object on the source.
 *
 * (inode number, generation, subvolume): a name or a path says where an
 * object is, an oid says which one it is. The generation (FS_IOC_GETVERSION;
 * 0 where the file system has none) keeps a reused inode number apart from
 * its predecessor; the subvolume is 0 except on btrfs, where inode numbers
 * repeat. The device is not part of it: a policy root is one file system.
 */
#ifndef TM_LIB_OID_H
#define TM_LIB_OID_H

#include "lib/base.h"

struct tm_oid {
	uint64_t ino;
	uint32_t gen;
	uint32_t subvol;
};

_Static_assert(sizeof(struct tm_oid) == 16, "tm_oid is hashed and compared as bytes");

/* No object: an absent directory entry. Inode 0 never exists. */
#define TM_OID_NONE ((struct tm_oid){ 0, 0, 0 })

static inline bool tm_oid_is_none(struct tm_oid o)
{
	return o.ino == 0;
}

static inline bool tm_oid_eq(struct tm_oid a, struct tm_oid b)
{
	return a.ino == b.ino && a.gen == b.gen && a.subvol == b.subvol;
}

/* A 64-bit mix of all three fields, for hash tables. */
static inline uint64_t tm_oid_hash(struct tm_oid o)
{
	uint64_t h = o.ino * 0x9e3779b97f4a7c15ULL;

	h ^= ((uint64_t)o.subvol << 32) | o.gen;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

/*
 * From a file handle (name_to_handle_at(2), fanotify): ext4, xfs, btrfs and tmpfs encode inode and
 * generation in it. Returns 0; -EOPNOTSUPP for a handle of another file system (then: inode
 * number by fstat, generation 0); -EBADMSG when the length does not fit the type.
 */
int tm_oid_from_handle(int handle_type, const uint8_t *handle, size_t len, struct tm_oid *ret);

/*
 * Identity of @name in the held directory @dirfd, symlinks not followed; with name "" of the object
 * behind @dirfd itself (O_PATH is enough). Needs no privilege and opens nothing. Returns 0 or -errno.
 */
int tm_oid_at(int dirfd, const char *name, struct tm_oid *ret);

#endif
