// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen_tree.c - operations on names: making, linking, renaming and deleting
 * entries and whole subtrees.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gen.h"

#define PURGE_SIZE	65536

int gen_make(struct gen_thread *t, const struct gen_op *op)
{
	static const char *const elsewhere[] = {
		"/etc/passwd", "/", "..", "../../../../../../tmp", "nowhere", ".", "/proc/self/root",
	};
	struct gen_at at;
	char target[512];
	int err = gen_at_open(t, op, &op->a, &at);

	if (err)
		return err;
	switch (op->kind) {
	case GEN_MKDIR:
		err = mkdirat(at.dir, at.name, op->arg & 1 ? 0755 : 0700);
		break;
	case GEN_FIFO:
		err = mknodat(at.dir, at.name, S_IFIFO | 0644, 0);
		break;
	case GEN_SOCKET:
		err = mknodat(at.dir, at.name, S_IFSOCK | 0600, 0);
		break;
	default:
		if (op->arg % 8 == 0) {
			/* As long as a link can be. */
			memset(target, 'x', sizeof(target));
			target[sizeof(target) - 1] = '\0';
		} else if (op->arg % 8 < 3) {
			strcpy(target, elsewhere[(op->arg >> 8) % 7]);
		} else {
			gen_path_text(&op->b, target);
		}
		err = symlinkat(target, at.dir, at.name);
	}
	err = err < 0 ? -errno : 0;
	gen_at_close(&at);
	return err;
}

/* One entry below an open directory; @purge spares small files and directories. */
static int remove_entry(int dirfd, const char *name, bool purge);

static int remove_below(int dirfd, const char *name, bool purge)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return gen_done(fd, -errno);
	while ((d = readdir(dir))) {
		int r;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    (purge && !strncmp(d->d_name, "big", 3)))
			continue;
		r = remove_entry(fd, d->d_name, purge);
		/* Others delete and move here too; only report the rest. */
		if (r && r != -ENOENT && r != -ENOTDIR && r != -ELOOP && r != -ENOTEMPTY)
			err = r;
	}
	closedir(dir);
	return err;
}

static int remove_entry(int dirfd, const char *name, bool purge)
{
	struct stat st;
	int err;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		err = remove_below(dirfd, name, purge);
		if (!err && !purge && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
			err = -errno;
		return err;
	}
	if (purge && (!S_ISREG(st.st_mode) || st.st_size < PURGE_SIZE))
		return 0;
	return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

int gen_remove_tree(int dirfd, const char *name)
{
	return remove_entry(dirfd, name, false);
}

int gen_delete(struct gen_thread *t, const struct gen_op *op)
{
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at);

	if (err)
		return err;
	if (op->kind == GEN_RMTREE)
		err = gen_remove_tree(at.dir, at.name);
	else if (unlinkat(at.dir, at.name, op->kind == GEN_RMDIR ? AT_REMOVEDIR : 0) < 0)
		err = -errno;
	gen_at_close(&at);
	return err;
}

/*
 * Make room: every file that can be large goes, half of the directories at
 * the top go, and held descriptors are given back.
 */
int gen_purge(struct gen_thread *t, const struct gen_op *op)
{
	char name[256];
	int err;

	for (int i = 0; i < GEN_FDS; i++) {
		if (t->fd[i] >= 0)
			close(t->fd[i]);
		t->fd[i] = -1;
	}
	for (unsigned int i = 0; i < GEN_DIRS; i++) {
		if (!(op->arg >> i & 1))
			continue;
		gen_dir_name(i, name);
		gen_remove_tree(t->cfg->root, name);
	}
	err = remove_below(t->cfg->root, ".", true);
	if (t->cfg->outside >= 0 && !err)
		err = remove_below(t->cfg->outside, ".", true);
	return err;
}

static int pair_open(struct gen_thread *t, const struct gen_op *op, struct gen_at *a,
		     struct gen_at *b)
{
	int err = gen_at_open(t, op, &op->a, a);

	if (err)
		return err;
	err = gen_at_open(t, op, &op->b, b);
	if (err)
		gen_at_close(a);
	return err;
}

int gen_link(struct gen_thread *t, const struct gen_op *op)
{
	struct gen_at a, b;
	int err = pair_open(t, op, &a, &b);

	if (err)
		return err;
	if (linkat(a.dir, a.name, b.dir, b.name, 0) < 0)
		err = -errno;
	gen_at_close(&a);
	gen_at_close(&b);
	return err;
}

int gen_rename(struct gen_thread *t, const struct gen_op *op)
{
	unsigned int flags = 0;
	struct gen_at a, b;
	int err = pair_open(t, op, &a, &b);

	if (err)
		return err;
	if (op->kind == GEN_RENAME_NOREPLACE)
		flags = RENAME_NOREPLACE;
	else if (op->kind == GEN_RENAME_EXCHANGE)
		flags = RENAME_EXCHANGE;
	else if (op->kind == GEN_RENAME_EMPTY)
		mkdirat(b.dir, b.name, 0711);
	if (renameat2(a.dir, a.name, b.dir, b.name, flags) < 0)
		err = -errno;
	gen_at_close(&a);
	gen_at_close(&b);
	return err;
}

/* A chain of directories, some with names of 255 bytes, and a file at its end. */
int gen_deep(struct gen_thread *t, const struct gen_op *op)
{
	struct gen_rng r = { op->rng };
	unsigned int levels = 8 + gen_below(&r, 57);
	unsigned int longs = t->cfg->very_deep ? levels : gen_below(&r, 9);
	struct gen_at at;
	int err = gen_at_open(t, op, &op->a, &at), fd;

	if (err)
		return err;
	if (op->arg % 3 == 0) {
		err = gen_remove_tree(at.dir, at.name);
		gen_at_close(&at);
		return err;
	}
	fd = at.dir;
	for (unsigned int i = 0; i < levels && !err; i++) {
		char name[256];
		int up = fd;

		memset(name, 'D', 255);
		name[i && i <= longs ? 255 : 1] = '\0';
		if (!i)
			strcpy(name, at.name);
		if (mkdirat(up, name, 0755) < 0 && errno != EEXIST)
			err = -errno;
		fd = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			err = -errno;
			fd = up;
			break;
		}
		close(up);
	}
	if (!err) {
		int file = openat(fd, "end", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		err = file < 0 ? -errno : gen_done(file, gen_write(t, op, file, 0, 100));
	}
	close(fd);
	return err;
}
