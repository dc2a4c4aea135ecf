/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/foreign.c - what only the target has: entries of listed directories that the table does
 * not know.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/target_int.h"

struct list {
	struct tm_foreign *v;
	size_t n, cap;
};

static bool ours(const struct tm_target *t, struct tm_oid dir, const char *name)
{
	return tm_oid_eq(dir, t->dirs.root) &&
	       (tm_streq(name, ".tidemark") ||
		(tm_streq(name, "lost+found") && tm_has_lost_found(t->rootfd)));
}

static int check(struct tm_target *t, struct list *l, int dirfd, struct tm_oid dir,
		 const struct dirent *de)
{
	struct tm_place at = { dir, de->d_name, (uint32_t)strlen(de->d_name) };
	struct tm_oid oid;
	struct stat st;
	int r;

	if (!tm_name_ok(at.name, at.len) || ours(t, dir, at.name))
		return 0;
	r = tm_table_name(t->table, at, &oid);
	if (r != -ENOENT)
		return r;
	r = tm_stat_name(dirfd, at.name, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct tm_foreign *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	at.name = tm_arena_dup(&t->batch.arena, at.name, at.len);
	if (!at.name)
		return -E2BIG;
	l->v[l->n++] = (struct tm_foreign){ at, st.st_ino };
	return 0;
}

static int list_dir(struct tm_target *t, struct list *l, struct tm_oid dir)
{
	int fd = tm_dirs_get(&t->dirs, dir), r = 0;
	struct dirent *de;
	DIR *d;

	if (fd < 0)
		return fd == -ENOENT || fd == -ESTALE ? 0 : fd;
	fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		tm_close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (errno = 0, de = readdir(d)))
		r = check(t, l, fd, dir, de);
	if (r == 0 && errno)
		r = -errno;
	closedir(d);
	return r;
}

int tm_foreign_list(struct tm_target *t)
{
	struct list l = { 0 };
	int r = 0;

	for (size_t i = 0; i < t->batch.n_objs && r == 0; i++)
		if (t->batch.objs[i]->listed && t->batch.objs[i]->known)
			r = list_dir(t, &l, t->batch.objs[i]->oid);
	if (r < 0) {
		free(l.v);
		return r;
	}
	free((void *)t->foreign);
	t->foreign = l.v;
	t->n_foreign = l.n;
	return 0;
}
