/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/landlock.c - a Landlock ruleset for the new root, of the best ABI the kernel has.
 *
 * 6.1 has ABI 2 (no TRUNCATE right), 6.12 ABI 6, newer ones more. Rights this file does not know
 * stay with the mount namespace. The header of Debian 12 ends at ABI 2, so later bits are named
 * here.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/fd.h"
#include "worker/confine.h"

#define LL_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define LL_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define LL_NET_TCP   3ULL	  /* ABI 4: bind and connect */
#define LL_SCOPED    3ULL	  /* ABI 6: abstract unix sockets and signals */

/* struct landlock_ruleset_attr as of ABI 6; shorter ones are prefixes of it. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static uint64_t known_fs(int abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		all |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		all |= LL_TRUNCATE;
	if (abi >= 5)
		all |= LL_IOCTL_DEV;
	return all;
}

static uint64_t wanted(enum tm_role role, bool allow_devices)
{
	const uint64_t source = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	uint64_t target = source | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
			  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
			  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
			  LANDLOCK_ACCESS_FS_REFER | LL_TRUNCATE;

	/*
	 * mknod(c, 0, 0) is a whiteout, allowed to everyone by the kernel: here it needs the admin
	 * too.
	 */
	if (allow_devices)
		target |= LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	if (role == TM_ROLE_SOURCE)
		return source;
	return role == TM_ROLE_TARGET ? target : 0;
}

static size_t ruleset_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset);
	return abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static int allow_root(int ruleset, uint64_t access)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = root };

	if (root < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

int tm_confine_landlock(enum tm_role role, bool allow_devices)
{
	struct ruleset attr = { .net = LL_NET_TCP, .scoped = LL_SCOPED };
	_cleanup_close_ int fd = -EBADF;
	uint64_t access;
	int abi, r;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
	attr.fs = known_fs(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, ruleset_size(abi), 0);
	if (fd < 0)
		return -errno;
	access = wanted(role, allow_devices) & attr.fs;
	if (access) {
		r = allow_root(fd, access);
		if (r < 0)
			return r;
	}
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}
