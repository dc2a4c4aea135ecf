/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/lookup.c - a directory of the index as a descriptor.
 *
 * The index says where a directory was; the identity of what is found there says
 * whether it still is. Only what passed that check is used.
 */
#include "source/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/beneath.h"

/* Longer paths are opened in steps of at most this many bytes. */
#define STEP_BYTES 2000

static int flags_of(enum src_open how)
{
	return O_DIRECTORY | (how == SRC_OPEN_PATH ? O_PATH : O_RDONLY);
}

bool src_err_gone(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -ESTALE;
}

/* Open @path, which is modified meanwhile, below the root. */
static int open_long(int rootfd, char *path, size_t len, int flags)
{
	_cleanup_close_ int held = -EBADF;
	int at = rootfd, fd;

	while (len >= PATH_MAX) {
		size_t cut = STEP_BYTES;

		while (path[cut] != '/')
			cut--;	/* names are at most 255 bytes: there is one */
		path[cut] = 0;
		fd = tm_open_beneath(at, path, O_PATH | O_DIRECTORY, 0);
		path[cut] = '/';
		if (fd < 0)
			return fd;
		tm_close(held);
		held = at = fd;
		path += cut + 1;
		len -= cut + 1;
	}
	return tm_open_beneath(at, path, flags, 0);
}

static int check_identity(int fd, struct tm_oid want)
{
	struct tm_oid oid;
	int r = tm_oid_at(fd, "", &oid);

	if (r < 0)
		return r;
	return tm_oid_eq(oid, want) ? 0 : -ESTALE;
}

int src_dir_open(struct tm_source *s, const struct src_dir *d, enum src_open how)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	r = src_index_path(d, &s->path);
	if (r < 0)
		return r;
	fd = open_long(s->opts.rootfd, (char *)s->path.data, s->path.len, flags_of(how));
	if (fd < 0)
		return src_err_gone(fd) ? -ESTALE : fd;
	r = check_identity(fd, d->oid);
	if (r < 0)
		return r;
	return tm_take_fd(fd);
}

struct find {
	int dirfd;
	struct tm_oid want;
	char name[TM_NAME_MAX + 1];
	uint8_t len;
};

static int find_one(const struct src_list_item *it, void *arg)
{
	struct find *f = arg;
	struct tm_oid oid;

	if (it->ino != f->want.ino)
		return 0;
	if (tm_oid_at(f->dirfd, it->name, &oid) < 0 || !tm_oid_eq(oid, f->want))
		return 0;
	memcpy(f->name, it->name, it->len + 1u);
	f->len = it->len;
	return 1;
}

/* One step down: by name, else by listing @parentfd for the identity. */
static int step(struct tm_source *s, int parentfd, struct src_dir *d, enum src_open how)
{
	struct find f = { .dirfd = parentfd, .want = d->oid };
	_cleanup_close_ int fd = -EBADF;
	bool is_new;
	int r;

	fd = tm_open_name(parentfd, d->name, flags_of(how), 0);
	if (fd >= 0 && check_identity(fd, d->oid) == 0)
		return tm_take_fd(fd);
	if (fd < 0 && !src_err_gone(fd))
		return fd;
	fd = tm_close(fd);
	if (!s->scans_left)
		return -ESTALE;
	s->scans_left--;
	r = tm_open_beneath(parentfd, "", O_RDONLY | O_DIRECTORY, 0);
	if (r < 0)
		return r;
	r = src_list_each(r, find_one, &f);
	if (r < 0)
		return r;
	if (!r)
		return -ESTALE;
	fd = tm_open_name(parentfd, f.name, flags_of(how), 0);
	if (fd < 0)
		return src_err_gone(fd) ? -ESTALE : fd;
	r = check_identity(fd, d->oid);
	if (r < 0)
		return r;
	if (!src_index_place(&s->index, d->parent, f.name, f.len, d->oid, &is_new))
		return -ENOMEM;
	return tm_take_fd(fd);
}

int src_dir_find(struct tm_source *s, struct src_dir *d, enum src_open how)
{
	_cleanup_free_ struct src_dir **chain = NULL;
	_cleanup_close_ int fd = -EBADF;
	unsigned int depth = src_index_depth(d);
	int r;

	if (src_index_detached(&s->index, d))
		return -ESTALE;
	chain = calloc(depth + 1, sizeof(*chain));
	if (!chain)
		return -ENOMEM;
	for (unsigned int i = depth; i; i--, d = d->parent)
		chain[i] = d;
	fd = tm_open_beneath(s->opts.rootfd, "", flags_of(depth ? SRC_OPEN_PATH : how), 0);
	if (fd < 0)
		return fd;
	for (unsigned int i = 1; i <= depth; i++) {
		r = step(s, fd, chain[i], i == depth ? how : SRC_OPEN_PATH);
		if (r < 0)
			return r;
		tm_close(fd);
		fd = r;
	}
	return tm_take_fd(fd);
}

int src_dir_cached(struct tm_source *s, struct src_dir *d)
{
	int r;

	if (s->cached_fd >= 0 && tm_oid_eq(s->cached_dir, d->oid))
		return s->cached_fd;
	src_dir_uncache(s);
	r = src_dir_open(s, d, SRC_OPEN_PATH);
	if (r < 0)
		return r;
	s->cached_fd = r;
	s->cached_dir = d->oid;
	return r;
}

void src_dir_uncache(struct tm_source *s)
{
	s->cached_fd = tm_close(s->cached_fd);
}

#define RESERVED_NAME ".tidemark"

int src_name_reserved(struct tm_source *s, const struct src_dir *d, int dirfd, const char *name)
{
	struct stat st;

	if (d != s->index.root)
		return 0;
	if (tm_streq(name, RESERVED_NAME)) {
		/* By identity, not by name alone: ours is a directory that only root may enter. */
		if (tm_stat_name(dirfd, name, &st) < 0)
			return 1;
		return S_ISDIR(st.st_mode) && st.st_uid == 0 && (st.st_mode & 0777) == 0700 ? 1 : -EEXIST;
	}
	if (s->root_has_lost_found && tm_streq(name, "lost+found"))
		return tm_stat_name(dirfd, name, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0;
	return 0;
}
