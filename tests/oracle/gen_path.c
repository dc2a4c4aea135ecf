// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_path.c - from chosen paths to descriptors.
 *
 * Other threads put symbolic links to anywhere in the way, on purpose: every
 * parent is opened beneath the root without following any, and every leaf is
 * used without following. So the generator never leaves its directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gen.h"

static int open_beneath(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	/* A rename elsewhere makes the kernel give up a safe walk: try again. */
	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

int gen_parent(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p)
{
	int fd = open_beneath(p->outside ? t->cfg->outside : t->cfg->root, ".",
			      O_PATH | O_DIRECTORY);

	for (int i = 0; i < p->depth && fd >= 0; i++) {
		char name[256];
		int up = fd;

		gen_dir_name(p->dir[i], name);
		if (op->parents)
			mkdirat(up, name, 0755);
		fd = open_beneath(up, name, O_PATH | O_DIRECTORY);
		close(up);
	}
	return fd;
}

int gen_at_open(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p,
		struct gen_at *ret)
{
	int fd = gen_parent(t, op, p);

	if (fd < 0)
		return fd;
	ret->dir = fd;
	gen_leaf_name(p, ret->name);
	snprintf(ret->proc, sizeof(ret->proc), "/proc/self/fd/%d/%s", fd, ret->name);
	return 0;
}

void gen_at_close(struct gen_at *at)
{
	close(at->dir);
}

int gen_open(struct gen_thread *t, const struct gen_op *op, const struct gen_path *p, int flags)
{
	struct gen_at at;
	struct stat st;
	int err = gen_at_open(t, op, p, &at), fd;

	if (err)
		return err;
	fd = openat(at.dir, at.name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : 0;
	gen_at_close(&at);
	if (err)
		return err;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return gen_done(fd, -ENXIO);
	return fd;
}

int gen_write(struct gen_thread *t, const struct gen_op *op, int fd, uint64_t off, uint32_t len)
{
	char *buf = t->buf;

	gen_fill(buf, len, off, t->cfg, op);
	while (len) {
		ssize_t n = pwrite(fd, buf, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		off += n;
		len -= n;
	}
	return 0;
}

int gen_done(int fd, int ret)
{
	return close(fd) < 0 && !ret ? -errno : ret;
}
