// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree.c - listings, opens and the walk. See tree.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tree.h"

struct dirent_raw {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int oracle_names_read(int dirfd, struct oracle_names *ret)
{
	struct oracle_names names = { 0 };
	size_t len = 0, cap = 0, at = 0;
	_Alignas(8) char buf[32768];
	long got;

	if (lseek(dirfd, 0, SEEK_SET) < 0)
		return -errno;
	while ((got = syscall(SYS_getdents64, dirfd, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < got;) {
			struct dirent_raw *d = (struct dirent_raw *)(buf + i);
			size_t n = strlen(d->name) + 1;

			i += d->reclen;
			if (!strcmp(d->name, ".") || !strcmp(d->name, ".."))
				continue;
			if (len + n > cap) {
				cap = 2 * cap + n + 256;
				names.bytes = oracle_realloc(names.bytes, cap);
			}
			memcpy(names.bytes + len, d->name, n);
			len += n;
			names.n++;
		}
	}
	if (got < 0) {
		got = -errno;
		free(names.bytes);
		return got;
	}
	names.v = oracle_alloc(names.n * sizeof(*names.v));
	for (size_t i = 0; i < names.n; i++) {
		names.v[i] = names.bytes + at;
		at += strlen(names.v[i]) + 1;
	}
	qsort(names.v, names.n, sizeof(*names.v), by_bytes);
	for (size_t i = 1; i < names.n; i++) {
		if (!strcmp(names.v[i - 1], names.v[i])) {
			oracle_names_done(&names);
			return -ESTALE;
		}
	}
	*ret = names;
	return 0;
}

void oracle_names_done(struct oracle_names *names)
{
	free(names->v);
	free(names->bytes);
	memset(names, 0, sizeof(*names));
}

int oracle_open_root(const char *path, struct stat *ret_st)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int open_same(int dirfd, const char *name, const struct stat *st, int flags)
{
	struct stat now;
	int fd, err;

	flags |= O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
	fd = openat(dirfd, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, flags);
	if (fd < 0)
		/* It was there, of this kind, a moment ago. */
		return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? -ESTALE : -errno;
	if (fstat(fd, &now) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (now.st_dev != st->st_dev || now.st_ino != st->st_ino) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

int oracle_open_dir(int dirfd, const char *name, const struct stat *st)
{
	return open_same(dirfd, name, st, O_DIRECTORY);
}

int oracle_open_file(int dirfd, const char *name, const struct stat *st)
{
	/* Non-blocking: a fifo put in its place must not stall the oracle. */
	return open_same(dirfd, name, st, O_NONBLOCK | O_NOCTTY);
}

bool oracle_stat_moved(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino ||
	       a->st_mode != b->st_mode || a->st_size != b->st_size ||
	       a->st_ctim.tv_sec != b->st_ctim.tv_sec ||
	       a->st_ctim.tv_nsec != b->st_ctim.tv_nsec ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static bool is_fs_root(int rootfd)
{
	struct statx stx;
	struct statfs fs;

	if (statx(rootfd, "", AT_EMPTY_PATH, STATX_INO, &stx) < 0 || fstatfs(rootfd, &fs) < 0)
		return false;
	if (fs.f_type == EXT4_SUPER_MAGIC)
		return stx.stx_ino == 2;
	/* A bind mount of a subdirectory looks the same here: see README.md. */
	return stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

bool oracle_reserved(int rootfd, const char *name, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return false;
	if (!strcmp(name, ".tidemark"))
		return st->st_uid == 0 && (st->st_mode & 07777) == 0700;
	return !strcmp(name, "lost+found") && is_fs_root(rootfd);
}

struct walk {
	int rootfd;
	unsigned int flags;
	oracle_visit_fn visit;
	oracle_trouble_fn trouble;
	void *arg;
	struct oracle_path path;
};

static int walk_trouble(struct walk *w, int err)
{
	return w->trouble(oracle_path_str(&w->path), err, w->arg);
}

static int walk_dir(struct walk *w, int dirfd, const struct stat *before);

static int walk_entry(struct walk *w, int dirfd, const char *name)
{
	struct oracle_entry e = { .dirfd = dirfd, .name = name, .path = oracle_path_str(&w->path) };
	int fd, err;

	if (fstatat(dirfd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return walk_trouble(w, errno == ENOENT ? -ESTALE : -errno);
	if (!(w->flags & ORACLE_WALK_RESERVED) && dirfd == w->rootfd &&
	    oracle_reserved(dirfd, name, &e.st))
		return 0;
	err = w->visit(&e, w->arg);
	if (err || !S_ISDIR(e.st.st_mode))
		return err;
	fd = oracle_open_dir(dirfd, name, &e.st);
	if (fd < 0)
		return walk_trouble(w, fd);
	err = walk_dir(w, fd, &e.st);
	close(fd);
	return err;
}

static int walk_dir(struct walk *w, int dirfd, const struct stat *before)
{
	struct oracle_names names;
	struct stat after;
	int err = oracle_names_read(dirfd, &names);

	if (err)
		return walk_trouble(w, err);
	for (size_t i = 0; i < names.n && !err; i++) {
		size_t len = oracle_path_push(&w->path, names.v[i]);

		err = walk_entry(w, dirfd, names.v[i]);
		oracle_path_pop(&w->path, len);
	}
	oracle_names_done(&names);
	if (err)
		return err;
	if (fstat(dirfd, &after) < 0)
		return walk_trouble(w, -errno);
	return oracle_stat_moved(before, &after) ? walk_trouble(w, -ESTALE) : 0;
}

int oracle_walk(int rootfd, unsigned int flags, oracle_visit_fn visit,
		oracle_trouble_fn trouble, void *arg)
{
	struct walk w = { rootfd, flags, visit, trouble, arg, { 0 } };
	struct oracle_entry root = { .dirfd = rootfd, .name = "", .path = "." };
	int err;

	if (fstat(rootfd, &root.st) < 0)
		return trouble(".", -errno, arg);
	err = visit(&root, arg);
	if (!err)
		err = walk_dir(&w, rootfd, &root.st);
	oracle_path_done(&w.path);
	return err;
}
