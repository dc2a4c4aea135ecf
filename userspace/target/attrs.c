/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/attrs.c - owner, mode, xattrs and times of one object; see attrs.h.
 */
#include "target/attrs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/xattrat.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"
#define FILE_CAPS   "security.capability"

bool tm_err_is_fatal(int err)
{
	switch (err) {
	case -EIO:
	case -ENOSPC:
	case -EDQUOT:
	case -EROFS:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -EUCLEAN: return true;
	default: return false;
	}
}

/* Note what failed; only trouble of the whole file system is an error. */
static int note(struct tm_attr_result *ret, int err)
{
	if (err < 0)
		ret->err = err;
	return tm_err_is_fatal(err) ? err : 0;
}

uint32_t tm_attrs_mode(const struct tm_row *row, bool allow_suid, bool *ret_refused)
{
	uint32_t mode = row->mode & 07777;

	/* On directories setgid only says which group new entries get. */
	if (row->kind == TM_KIND_DIR || allow_suid || !(mode & (S_ISUID | S_ISGID)))
		return mode;
	*ret_refused = true;
	return mode & ~(uint32_t)(S_ISUID | S_ISGID);
}

enum { XATTR_SET, XATTR_REFUSED, XATTR_IGNORED };

static int xattr_class(const char *name, const struct tm_attr_job *job)
{
	if (!strncmp(name, "user.", 5) || tm_streq(name, ACL_ACCESS))
		return XATTR_SET;
	if (tm_streq(name, ACL_DEFAULT))
		return job->row->kind == TM_KIND_DIR ? XATTR_SET : XATTR_IGNORED;
	if (tm_streq(name, FILE_CAPS) && job->row->kind == TM_KIND_REG)
		return job->allow_suid ? XATTR_SET : XATTR_REFUSED;
	return XATTR_REFUSED;
}

static bool listed(const struct tm_attr_job *job, const char *name)
{
	struct tm_rd r = tm_rd(job->xattrs, job->xattrs_len);
	const uint8_t *value;
	char n[256];
	uint32_t len;

	while (tm_xattr_get(&r, n, &value, &len) == 0)
		if (tm_streq(n, name))
			return true;
	return false;
}

/* What is here and not in the list goes. */
static int remove_others(int fd, const struct tm_attr_job *job, struct tm_attr_result *ret)
{
	_cleanup_free_ char *names = NULL;
	ssize_t n = flistxattr(fd, NULL, 0);

	if (n <= 0)
		return n < 0 && errno != ENOTSUP ? note(ret, -errno) : 0;
	names = malloc((size_t)n);
	if (!names)
		return -ENOMEM;
	n = flistxattr(fd, names, (size_t)n);
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		if (xattr_class(p, job) != XATTR_SET || listed(job, p))
			continue;
		if (fremovexattr(fd, p) < 0 && errno != ENODATA && errno != ENOTSUP) {
			int r = note(ret, -errno);

			if (r < 0)
				return r;
		}
	}
	return n < 0 ? note(ret, -errno) : 0;
}

static int set_xattrs(int fd, const struct tm_attr_job *job, struct tm_attr_result *ret)
{
	struct tm_rd rd = tm_rd(job->xattrs, job->xattrs_len);
	const uint8_t *value;
	char name[256];
	uint32_t len;

	while (tm_xattr_get(&rd, name, &value, &len) == 0) {
		int class = xattr_class(name, job);

		if (class == XATTR_REFUSED)
			ret->refused = true;
		if (class != XATTR_SET || fsetxattr(fd, name, value, len, 0) == 0)
			continue;
		/*
		 * ENOSPC here: more than this file system can hold for one inode; the disk need not
		 * be full.
		 */
		ret->err = -errno;
		if (errno == EIO || errno == EROFS)
			return -errno;
	}
	return job->complete ? remove_others(fd, job, ret) : 0;
}

static bool same_value(int fd, const char *name, const uint8_t *value, uint32_t len)
{
	_cleanup_free_ uint8_t *now = malloc(len ? len : 1);
	ssize_t n = now ? fgetxattr(fd, name, now, len ? len : 1) : -1;

	return n >= 0 && (size_t)n == len && !memcmp(now, value, len);
}

int tm_attrs_same_xattrs(int fd, const struct tm_attr_job *job, bool *ret)
{
	struct tm_rd rd = tm_rd(job->xattrs, job->xattrs_len);
	_cleanup_free_ char *names = NULL;
	ssize_t n = flistxattr(fd, NULL, 0);
	size_t wanted = 0, have = 0;
	const uint8_t *value;
	char name[256];
	uint32_t len;

	*ret = false;
	if (n < 0 && errno != ENOTSUP)
		return -errno;
	names = n > 0 ? malloc((size_t)n) : NULL;
	if (n > 0 && !names)
		return -ENOMEM;
	n = n > 0 ? flistxattr(fd, names, (size_t)n) : 0;
	if (n < 0)
		return errno == ERANGE ? 0 : -errno;	/* growing: not the same */
	while (tm_xattr_get(&rd, name, &value, &len) == 0) {
		if (xattr_class(name, job) != XATTR_SET)
			continue;
		if (!same_value(fd, name, value, len))
			return 0;
		wanted++;
	}
	for (const char *p = names; p < names + n; p += strlen(p) + 1)
		have += xattr_class(p, job) == XATTR_SET;
	*ret = have == wanted;
	return 0;
}

static struct timespec mtime_of(const struct tm_row *row)
{
	return (struct timespec){ .tv_sec = row->mtime_s, .tv_nsec = row->mtime_ns };
}

int tm_attrs_set_mtime(int fd, const struct tm_row *row)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(row) };

	return futimens(fd, ts) < 0 ? -errno : 0;
}

int tm_attrs_set_fd(int fd, const struct tm_attr_job *job, struct tm_attr_result *ret)
{
	uint32_t mode;
	int r = 0;

	if (fchown(fd, job->row->uid, job->row->gid) < 0)
		r = note(ret, -errno);
	if (r == 0 && job->xattrs)
		r = set_xattrs(fd, job, ret);
	if (r < 0)
		return r;
	mode = tm_attrs_mode(job->row, job->allow_suid, &ret->refused);
	if (fchmod(fd, mode) < 0)
		r = note(ret, -errno);
	return r < 0 ? r : note(ret, tm_attrs_set_mtime(fd, job->row));
}

/* FIFOs, sockets and device nodes can have an ACL and nothing else. */
static int set_acl_at(int dirfd, const char *name, const struct tm_attr_job *job,
		      struct tm_attr_result *ret)
{
	struct tm_rd rd = tm_rd(job->xattrs, job->xattrs_len);
	const uint8_t *value;
	char attr[256];
	bool has = false;
	uint32_t len;
	int r = 0;

	while (r == 0 && tm_xattr_get(&rd, attr, &value, &len) == 0) {
		if (!tm_streq(attr, ACL_ACCESS))
			continue;
		has = true;
		r = note(ret, tm_xattrat_set(dirfd, name, attr, value, len));
	}
	if (r == 0 && !has && job->complete) {
		r = tm_xattrat_remove(dirfd, name, ACL_ACCESS);
		r = r == -ENODATA || r == -EOPNOTSUPP ? 0 : note(ret, r);
	}
	return r;
}

int tm_attrs_set_name(int dirfd, const char *name, const struct tm_attr_job *job,
		      struct tm_attr_result *ret)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, mtime_of(job->row) };
	int r = 0;

	if (fchownat(dirfd, name, job->row->uid, job->row->gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = note(ret, -errno);
	if (r == 0 && job->row->kind != TM_KIND_LNK && job->xattrs)
		r = set_acl_at(dirfd, name, job, ret);
	if (r == 0 && utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		r = note(ret, -errno);
	return r;
}
