/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/attrs.c - looking at one object; see attrs.h.
 */
#include "source/attrs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "lib/xattrat.h"
#include "lib/beneath.h"

#define LOOK_TRIES 4

static uint8_t kind_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return TM_KIND_REG;
	case S_IFDIR:
		return TM_KIND_DIR;
	case S_IFLNK:
		return TM_KIND_LNK;
	case S_IFIFO:
		return TM_KIND_FIFO;
	case S_IFSOCK:
		return TM_KIND_SOCK;
	case S_IFCHR:
		return TM_KIND_CHR;
	case S_IFBLK:
		return TM_KIND_BLK;
	}
	return 0;
}

static int attrs_from_statx(const struct statx *x, struct tm_attrs *ret)
{
	struct tm_attrs a = {
		.kind = kind_of(x->stx_mode), .mode = x->stx_mode & 07777u,
		.uid = x->stx_uid, .gid = x->stx_gid,
		.mtime_s = x->stx_mtime.tv_sec, .mtime_ns = x->stx_mtime.tv_nsec,
		.ctime_s = x->stx_ctime.tv_sec, .ctime_ns = x->stx_ctime.tv_nsec,
		.blocks = x->stx_blocks,
	};

	if (!a.kind)
		return -EOPNOTSUPP;
	if (a.kind != TM_KIND_DIR)
		a.nlink = x->stx_nlink;
	if (a.kind == TM_KIND_REG || a.kind == TM_KIND_LNK)
		a.size = x->stx_size;
	if (a.kind == TM_KIND_CHR || a.kind == TM_KIND_BLK)
		a.rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor);
	*ret = a;
	return 0;
}

static int statx_at(int dirfd, const char *name, struct statx *x)
{
	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_MNT_ID, x) < 0)
		return -errno;
	return 0;
}

int src_attrs_fd(int fd, struct tm_attrs *ret)
{
	struct statx x;
	int r = statx_at(fd, "", &x);

	return r < 0 ? r : attrs_from_statx(&x, ret);
}

static int read_symlink(int dirfd, const char *name, struct src_seen *s)
{
	ssize_t n = readlinkat(dirfd, name, s->symlink, sizeof(s->symlink));

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(s->symlink))
		return -EOVERFLOW;
	s->symlink_len = (uint32_t)n;
	s->attrs.size = (uint64_t)n;
	return 0;
}

int src_look(int dirfd, const char *name, struct src_seen *ret)
{
	struct statx x;
	int r;

	if (*name && !tm_name_ok(name, strlen(name)))
		return -EINVAL;
	for (int i = 0;; i++) {
		r = tm_oid_at(dirfd, name, &ret->oid);
		if (r < 0)
			return r;
		r = statx_at(dirfd, name, &x);
		if (r < 0)
			return r;
		/* Two calls: the name may lead to another object by now. */
		if (x.stx_ino != ret->oid.ino && i < LOOK_TRIES)
			continue;
		r = attrs_from_statx(&x, &ret->attrs);
		if (r < 0)
			return r;
		ret->dev = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor;
		ret->mnt = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0;
		ret->symlink_len = 0;
		if (ret->attrs.kind != TM_KIND_LNK)
			return 0;
		r = read_symlink(dirfd, name, ret);
		/* EINVAL: replaced by something else since. */
		if (r != -EINVAL || i >= LOOK_TRIES)
			return r == -EINVAL ? -ENOENT : r;
	}
}

bool src_stamp_safe(const struct tm_attrs *a, int64_t limit_ns)
{
	static int64_t tick_ns;
	struct timespec ts;

	if (!tick_ns) {
		tick_ns = 10000000;
		if (clock_getres(CLOCK_REALTIME_COARSE, &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec)
			tick_ns = ts.tv_nsec;
	}
	return a->ctime_s * 1000000000 + a->ctime_ns + tick_ns < limit_ns;
}

static bool wanted(const char *name)
{
	return !strncmp(name, "user.", 5) || tm_streq(name, "system.posix_acl_access") ||
	       tm_streq(name, "system.posix_acl_default");
}

/* List of names in a new buffer, each NUL-terminated; a listing that grows meanwhile is asked again. */
static int list_names(int fd, char **ret_list, size_t *ret_len)
{
	for (int i = 0; i < LOOK_TRIES; i++) {
		_cleanup_free_ char *list = NULL;
		ssize_t n = flistxattr(fd, NULL, 0);

		if (n < 0)
			return -errno;
		if (n > TM_XATTRS_MAX)
			return -E2BIG;
		list = malloc((size_t)n + 1);
		if (!list)
			return -ENOMEM;
		n = n ? flistxattr(fd, list, (size_t)n) : 0;
		if (n >= 0) {
			list[n] = 0;
			*ret_list = tm_take_ptr(list);
			*ret_len = (size_t)n;
			return 0;
		}
		if (errno != ERANGE)
			return -errno;
	}
	return -EAGAIN;
}

static int put_one(int fd, const char *name, struct tm_buf *b)
{
	_cleanup_free_ uint8_t *value = malloc(TM_XATTRS_MAX);
	ssize_t n;

	if (!value)
		return -ENOMEM;
	n = fgetxattr(fd, name, value, TM_XATTRS_MAX);
	if (n < 0)
		return errno == ENODATA ? 0 : -errno;	/* removed meanwhile: another change */
	tm_xattr_put(b, name, value, (uint32_t)n);
	return 0;
}

int src_xattrs_fd(int fd, struct tm_buf *b)
{
	_cleanup_free_ char *list = NULL;
	size_t len = 0;
	int r;

	tm_buf_reset(b);
	r = list_names(fd, &list, &len);
	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return r;
	for (const char *p = list; p < list + len; p += strlen(p) + 1) {
		if (!wanted(p))
			continue;
		r = put_one(fd, p, b);
		if (r < 0)
			return r;
		if (b->len > TM_XATTRS_MAX)
			return -E2BIG;
	}
	return tm_buf_error(b);
}

int src_acl_at(int dirfd, const char *name, struct tm_buf *b)
{
	_cleanup_free_ uint8_t *value = malloc(TM_XATTRS_MAX);
	ssize_t n;

	if (!value)
		return -ENOMEM;
	tm_buf_reset(b);
	n = tm_xattrat_get(dirfd, name, "system.posix_acl_access", value, TM_XATTRS_MAX);
	if (n == -ENODATA || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n == -ENOENT ? -ESTALE : (int)n;
	tm_xattr_put(b, "system.posix_acl_access", value, (uint32_t)n);
	return tm_buf_error(b);
}
