/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/beneath.c - the one path resolver; see beneath.h.
 *
 * Two ways with one guarantee: openat2(2), and a walk that holds a descriptor
 * of every component and compares its mount or device before it goes on.
 */
#include "lib/beneath.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/fd.h"

#define OPEN_ALWAYS (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)

/* openat2 gives up with EAGAIN when a rename ran anywhere meanwhile: normal, so try often. */
#define EAGAIN_TRIES 128

/* The root directory's inode number on ext2, ext3 and ext4. */
#define EXT_ROOT_INO 2

static bool force_walk;

void tm_beneath_force_walk(bool on)
{
	force_walk = on;
}

bool tm_name_ok(const char *name, size_t len)
{
	if (!name || !len || len > 255)
		return false;
	if (memchr(name, '/', len) || memchr(name, 0, len))
		return false;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return false;
	return true;
}

/* Only plain components: what openat2 would merely clamp or accept is refused here. */
static bool rel_ok(const char *rel)
{
	const char *p = rel, *slash;

	if (strlen(rel) >= PATH_MAX)
		return false;
	for (;;) {
		slash = strchrnul(p, '/');
		if (!tm_name_ok(p, (size_t)(slash - p)))
			return false;
		if (!*slash)
			return true;
		p = slash + 1;
	}
}

/*
 * openat2 refuses what openat silently drops: no mode without O_CREAT or
 * O_TMPFILE, and O_PATH only with its three companions.
 */
static void fix_flags(int *flags, mode_t *mode)
{
	bool tmpfile = (*flags & O_TMPFILE) == O_TMPFILE;

	*flags |= OPEN_ALWAYS;
	if (*flags & O_PATH)
		*flags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
	if (!(*flags & O_CREAT) && !tmpfile)
		*mode = 0;
	*mode &= 07777;
}

static int open2(int rootfd, const char *rel, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd = -1;

	for (int i = 0; i < EAGAIN_TRIES; i++) {
		fd = syscall(SYS_openat2, rootfd, rel, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

/*
 * Where an object lives: device and mount. The mount tells bind mounts of the
 * same device apart; where statx has no mount id (before 5.8) the device must do.
 */
struct place {
	uint64_t dev;
	uint64_t mnt;
};

static int place_of(int fd, struct place *ret)
{
	struct statx stx;
	struct stat st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &stx) == 0) {
		ret->dev = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
		ret->mnt = stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id : 0;
		return 0;
	}
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	ret->dev = st.st_dev;
	ret->mnt = 0;
	return 0;
}

static bool place_eq(struct place a, struct place b)
{
	return a.dev == b.dev && a.mnt == b.mnt;
}

/* What the name led to, pinned: it cannot change its type or place any more. */
struct pinned {
	int fd;
	struct stat st;
};

static int pin_name(int dirfd, const char *name, struct place root, struct pinned *ret)
{
	_cleanup_close_ int fd = -EBADF;
	struct place here;
	struct stat st;
	int r;

	/* Without O_DIRECTORY, which would report a symlink as ENOTDIR. */
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = place_of(fd, &here);
	if (r < 0)
		return r;
	if (!place_eq(here, root))
		return -EXDEV;
	if (fstat(fd, &st) < 0)
		return -errno;
	ret->fd = tm_take_fd(fd);
	ret->st = st;
	return 0;
}

/* Open what @pin holds, or -ESTALE when @name leads elsewhere by now. Owns pin->fd. */
static int open_pinned(struct pinned pin, int dirfd, const char *name, int flags, mode_t mode,
		       struct place root)
{
	_cleanup_close_ int held = pin.fd;
	_cleanup_close_ int fd = -EBADF;
	struct place here;
	struct stat st;
	int r;

	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if ((flags & O_DIRECTORY) && !S_ISDIR(pin.st.st_mode))
		return S_ISLNK(pin.st.st_mode) ? -ELOOP : -ENOTDIR;
	if (flags & O_PATH)
		return tm_take_fd(held); /* a symlink itself too, as with openat2 */
	if (S_ISLNK(pin.st.st_mode))
		return -ELOOP;
	if (S_ISDIR(pin.st.st_mode)) {
		/* "." of the pinned directory needs no second look at the name. */
		if (flags & O_CREAT)
			return -EISDIR;
		fd = openat(held, ".", flags, mode);
		return fd < 0 ? -errno : tm_take_fd(fd);
	}
	fd = openat(dirfd, name, flags & ~O_CREAT, 0);
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	/* The name may have been flipped, or mounted over, between the two opens. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != pin.st.st_dev || st.st_ino != pin.st.st_ino)
		return -ESTALE;
	r = place_of(fd, &here);
	if (r < 0)
		return r;
	return place_eq(here, root) ? tm_take_fd(fd) : -EXDEV;
}

static int walk_last(int dirfd, const char *name, int flags, mode_t mode, struct place root)
{
	int r = -ESTALE;

	for (int i = 0; i < EAGAIN_TRIES; i++) {
		struct pinned pin;

		r = pin_name(dirfd, name, root, &pin);
		if (r == -ENOENT && (flags & O_CREAT)) {
			/* EXCL: what somebody else puts there meanwhile is pinned first. */
			r = openat(dirfd, name, flags | O_EXCL, mode);
			if (r >= 0)
				return r;
			if (errno != EEXIST || (flags & O_EXCL))
				return -errno;
			continue;
		}
		if (r < 0)
			return r;
		r = open_pinned(pin, dirfd, name, flags, mode, root);
		if (r != -ESTALE)
			return r;
	}
	return -EAGAIN;
}

static int walk(int rootfd, const char *rel, int flags, mode_t mode)
{
	_cleanup_close_ int held = -EBADF;
	struct place root;
	struct pinned pin;
	char name[256];
	int dirfd = rootfd, r;

	r = place_of(rootfd, &root);
	if (r < 0)
		return r;
	for (;;) {
		const char *slash = strchr(rel, '/');

		if (!slash)
			return walk_last(dirfd, rel, flags, mode, root);
		memcpy(name, rel, (size_t)(slash - rel));
		name[slash - rel] = 0;
		r = pin_name(dirfd, name, root, &pin);
		if (r < 0)
			return r;
		tm_close(held);
		held = dirfd = pin.fd;
		if (!S_ISDIR(pin.st.st_mode))
			return S_ISLNK(pin.st.st_mode) ? -ELOOP : -ENOTDIR;
		rel = slash + 1;
	}
}

int tm_open_beneath(int rootfd, const char *rel, int flags, mode_t mode)
{
	int fd;

	fix_flags(&flags, &mode);
	if (!*rel || tm_streq(rel, ".")) {
		fd = openat(rootfd, ".", flags & ~(O_CREAT | O_EXCL), mode);
		return fd < 0 ? -errno : fd;
	}
	if (!rel_ok(rel))
		return -EINVAL;
	if (!force_walk) {
		fd = open2(rootfd, rel, flags, mode);
		/* EPERM: a seccomp filter that does not know the call. Or a real answer: same again. */
		if (fd != -ENOSYS && fd != -EPERM)
			return fd;
	}
	return walk(rootfd, rel, flags, mode);
}

int tm_open_name(int dirfd, const char *name, int flags, mode_t mode)
{
	if (!tm_name_ok(name, strlen(name)))
		return -EINVAL;
	return tm_open_beneath(dirfd, name, flags, mode);
}

/* Without openat2: the same question, answered by comparing where the two directories live. */
static int walk_parent(int dirfd)
{
	_cleanup_close_ int fd = -EBADF;
	struct place here, up;
	int r;

	r = place_of(dirfd, &here);
	if (r < 0)
		return r;
	fd = openat(dirfd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = place_of(fd, &up);
	if (r < 0)
		return r;
	return place_eq(here, up) ? tm_take_fd(fd) : -EXDEV;
}

int tm_open_parent(int dirfd)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS };

	for (int i = 0; i < EAGAIN_TRIES && !force_walk; i++) {
		long fd = syscall(SYS_openat2, dirfd, "..", &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno == ENOSYS || errno == EPERM)
			break;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return walk_parent(dirfd);
}

int tm_open_admin_dir(const char *path)
{
	int fd;

	if (path[0] != '/')
		return -EINVAL;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int tm_stat_name(int dirfd, const char *name, struct stat *ret_st)
{
	struct stat st;

	if (!tm_name_ok(name, strlen(name)))
		return -EINVAL;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -errno;
	*ret_st = st;
	return 0;
}

bool tm_has_lost_found(int dirfd)
{
	struct statfs fs;
	struct stat st;

	/* tmpfs gives 2 to the first directory below its root: the type is asked too. */
	return fstat(dirfd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == EXT_ROOT_INO &&
	       fstatfs(dirfd, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC;
}
