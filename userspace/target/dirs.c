/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/dirs.c - directories of the target by identity; see dirs.h.
 */
#include "target/dirs.h"

#include <fcntl.h>

#include "lib/beneath.h"
#include "lib/fd.h"

void tm_dirs_init(struct tm_dirs *d, struct tm_table *table, int rootfd, int parkfd, int stagefd)
{
	*d = (struct tm_dirs){
		.table = table, .rootfd = rootfd, .parkfd = parkfd, .stagefd = stagefd
	};
	for (int i = 0; i < TM_DIRS_MAX; i++)
		d->v[i].fd = -EBADF;
}

void tm_dirs_reset(struct tm_dirs *d)
{
	for (int i = 0; i < TM_DIRS_MAX; i++)
		d->v[i].fd = tm_close(d->v[i].fd);
}

static int cached(struct tm_dirs *d, struct tm_oid oid)
{
	if (tm_oid_eq(oid, d->root))
		return d->rootfd;
	if (tm_oid_eq(oid, TM_OID_PARK))
		return d->parkfd;
	if (tm_oid_eq(oid, TM_OID_STAGE))
		return d->stagefd;
	for (int i = 0; i < TM_DIRS_MAX; i++) {
		if (d->v[i].fd >= 0 && tm_oid_eq(d->v[i].oid, oid)) {
			d->v[i].used = ++d->tick;
			return d->v[i].fd;
		}
	}
	return -ENOENT;
}

static int keep(struct tm_dirs *d, struct tm_oid oid, int fd)
{
	int at = -1;

	for (int i = 0; i < TM_DIRS_MAX; i++) {
		if (d->v[i].fd < 0) {
			at = i;
			break;
		}
		if (tm_oid_eq(d->v[i].oid, d->given[0]) || tm_oid_eq(d->v[i].oid, d->given[1]))
			continue;
		if (at < 0 || d->v[i].used < d->v[at].used)
			at = i;
	}
	tm_close(d->v[at].fd);
	d->v[at].oid = oid;
	d->v[at].fd = fd;
	d->v[at].used = ++d->tick;
	return fd;
}

/* One level down, only into the very directory that the table means. */
static int enter(struct tm_dirs *d, int parent, const char *name, struct tm_oid oid)
{
	_cleanup_close_ int fd = -EBADF;
	struct tm_row row;
	struct stat st;
	int r = tm_table_row(d->table, oid, &row);

	if (r < 0)
		return r;
	fd = tm_open_name(parent, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENOTDIR ? -ESTALE : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != row.tino)
		return -ESTALE;
	return keep(d, oid, tm_take_fd(fd));
}

struct level {
	struct tm_oid oid;
	char name[TM_NAME_LEN_MAX + 1];
};

static int find(struct tm_dirs *d, struct tm_oid oid)
{
	_cleanup_free_ struct level *v = NULL;
	size_t n = 0, cap = 0;
	int fd;

	for (fd = cached(d, oid); fd == -ENOENT; fd = cached(d, oid)) {
		struct tm_place at;
		int r;

		if (n == cap) {
			struct level *w = realloc(v, (cap = cap ? cap * 2 : 8) * sizeof(*v));

			if (!w)
				return -ENOMEM;
			v = w;
		}
		v[n].oid = oid;
		r = tm_table_place(d->table, oid, v[n].name, &at);
		if (r < 0)
			return r;
		n++;
		oid = at.dir;
		/* Deeper than there are objects: the table holds a circle. */
		if (n > tm_table_meta(d->table, TM_META_COUNT) + 1)
			return -EUCLEAN;
	}
	while (n-- > 0 && fd >= 0)
		fd = enter(d, fd, v[n].name, v[n].oid);
	return fd;
}

int tm_dirs_get(struct tm_dirs *d, struct tm_oid oid)
{
	int fd = find(d, oid);

	if (fd >= 0 && !tm_oid_eq(d->given[0], oid)) {
		d->given[1] = d->given[0];
		d->given[0] = oid;
	}
	return fd;
}

size_t tm_dirs_path(struct tm_dirs *d, struct tm_place at, char *buf)
{
	char name[TM_NAME_LEN_MAX + 1];
	size_t pos = TM_PATH_LEN_MAX;

	for (;;) {
		struct tm_oid dir = at.dir;

		if (at.len + 1 > pos)
			break;
		if (pos < TM_PATH_LEN_MAX)
			buf[--pos] = '/';
		pos -= at.len;
		memcpy(buf + pos, at.name, at.len);
		if (tm_oid_eq(dir, d->root) || tm_table_place(d->table, dir, name, &at) < 0)
			break;
	}
	memmove(buf, buf + pos, TM_PATH_LEN_MAX - pos);
	return TM_PATH_LEN_MAX - pos;
}
