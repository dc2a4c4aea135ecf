/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/place.c - objects where they are now on the target, and what is told about them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/target_int.h"

int tm_place_of(struct tm_target *t, struct tm_oid oid, struct tm_at *ret)
{
	int r = tm_table_place(t->table, oid, ret->name, &ret->place);

	if (r < 0)
		return r;
	ret->dirfd = tm_dirs_get(&t->dirs, ret->place.dir);
	return ret->dirfd < 0 ? ret->dirfd : 0;
}

int tm_place_open(struct tm_target *t, struct tm_oid oid, uint64_t tino, int flags)
{
	_cleanup_close_ int fd = -EBADF;
	struct tm_at at;
	struct stat st;
	int r;

	if (tm_oid_eq(oid, t->dirs.root)) {
		fd = tm_open_beneath(t->rootfd, "", O_RDONLY | O_DIRECTORY, 0);
		return fd < 0 ? fd : tm_take_fd(fd);
	}
	r = tm_place_of(t, oid, &at);
	if (r < 0)
		return r;
	/*
	 * A FIFO or device somebody put there does not stall us: O_NONBLOCK; but look before
	 * opening a device at all.
	 */
	r = tm_stat_name(at.dirfd, at.name, &st);
	if (r < 0)
		return r;
	if (st.st_ino != tino || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return -ESTALE;
	fd = tm_open_name(at.dirfd, at.name, flags, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == tino ? tm_take_fd(fd) : -ESTALE;
}

bool tm_place_base_ok(struct tm_target *t, const struct tm_row *row)
{
	struct tm_at at;
	struct stat st;

	if (tm_place_of(t, row->oid, &at) < 0 || tm_stat_name(at.dirfd, at.name, &st) < 0)
		return false;
	return S_ISREG(st.st_mode) && st.st_ino == row->tino && (uint64_t)st.st_size == row->size &&
	       st.st_mtim.tv_sec == row->mtime_s && (uint32_t)st.st_mtim.tv_nsec == row->mtime_ns;
}

/*
 * One directory being emptied: its stream (which owns the descriptor) and its name in the one
 * above.
 */
struct emptying {
	DIR *dir;
	char name[NAME_MAX + 1];
};

static int descend(struct emptying **v, size_t *n, size_t *cap, int dirfd, const char *name)
{
	struct emptying *e;
	int fd;

	if (*n == *cap) {
		size_t want = *cap ? *cap * 2 : 16;

		e = realloc(*v, want * sizeof(*e));
		if (!e)
			return -ENOMEM;
		*v = e;
		*cap = want;
	}
	fd = tm_open_name(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	e = &(*v)[*n];
	e->dir = fdopendir(fd);
	if (!e->dir) {
		tm_close(fd);
		return -ENOMEM;
	}
	strcpy(e->name, name);
	(*n)++;
	return 0;
}

/*
 * Take one entry away from the innermost directory, or leave it for the one above when it is empty.
 */
static int empty_one(struct emptying **v, size_t *n, size_t *cap, int topfd)
{
	DIR *dir = (*v)[*n - 1].dir;
	struct dirent *de;
	int above, r = 0;

	errno = 0;
	de = readdir(dir);
	if (!de && errno)
		return -errno;
	if (!de) {
		above = *n > 1 ? dirfd((*v)[*n - 2].dir) : topfd;
		if (unlinkat(above, (*v)[*n - 1].name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
		closedir(dir);
		(*n)--;
		return r;
	}
	if (tm_streq(de->d_name, ".") || tm_streq(de->d_name, ".."))
		return 0;
	if (de->d_type != DT_DIR && (unlinkat(dirfd(dir), de->d_name, 0) == 0 || errno == ENOENT))
		return 0;
	if (de->d_type != DT_DIR && errno != EISDIR)
		return -errno;
	return descend(v, n, cap, dirfd(dir), de->d_name);
}

int tm_remove_tree(int topfd, const char *name)
{
	struct emptying *v = NULL;
	size_t n = 0, cap = 0;
	int r;

	if (unlinkat(topfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	r = descend(&v, &n, &cap, topfd, name);
	while (r == 0 && n)
		r = empty_one(&v, &n, &cap, topfd);
	while (n)
		closedir(v[--n].dir);
	free(v);
	return r;
}

void tm_report(struct tm_target *t, struct tm_place at, int op, int err)
{
	_cleanup_free_ char *path = malloc(TM_PATH_LEN_MAX);

	if (path && t->opts.ops.file_failed)
		t->opts.ops.file_failed(t->opts.ops.arg, path, tm_dirs_path(&t->dirs, at, path), op,
					err);
}

void tm_report_obj(struct tm_target *t, const struct tm_bobj *o, int op, int err)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;

	if (o->ent)
		tm_report(t, o->ent->at, op, err);
	else if (tm_table_place(t->table, o->oid, name, &at) == 0)
		tm_report(t, at, op, err);
	else
		tm_report(t, (struct tm_place){ t->dirs.root, ".", 1 }, op, err);
}
