/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/guest/matrix/tree.c - see tree.h. */
#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct key {
	struct tm_oid dir;
	char name[256];
};

static size_t key_make(struct key *k, struct tm_oid dir, const char *name)
{
	memset(k, 0, sizeof(*k));
	k->dir = dir;
	snprintf(k->name, sizeof(k->name), "%s", name);
	return sizeof(k->dir) + strlen(k->name);
}

struct obj *tree_obj(const struct tree *t, struct tm_oid oid)
{
	return tm_map_get(t->objs, &oid, sizeof(oid));
}

struct ent *tree_ent(const struct tree *t, struct tm_oid dir, const char *name)
{
	struct key k;
	size_t n = key_make(&k, dir, name);

	return tm_map_get(t->ents, &k, n);
}

static void obj_free(void *p)
{
	struct obj *o = p;

	if (o)
		free(o->data);
	free(o);
}

void tree_free(struct tree *t)
{
	tm_map_free(t->objs, obj_free);
	tm_map_free(t->ents, free);
	*t = (struct tree){ 0 };
}

static int ent_put(struct tree *t, struct tm_oid dir, const char *name, struct tm_oid obj)
{
	struct ent *e = calloc(1, sizeof(*e));
	void *old = NULL;
	struct key k;
	size_t n = key_make(&k, dir, name);

	if (!e)
		return -ENOMEM;
	e->dir = dir;
	e->obj = obj;
	memcpy(e->name, k.name, sizeof(e->name));
	if (tm_map_put(t->ents, &k, n, e, &old)) {
		free(e);
		return -ENOMEM;
	}
	free(old);
	return 0;
}

/* ---- reading */

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return h;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint64_t xattrs_of(const char *path)
{
	static char list[1 << 16], value[1 << 16];
	ssize_t n = llistxattr(path, list, sizeof(list)), v;
	uint64_t h = 0xcbf29ce484222325ULL;
	char *names[512];
	size_t count = 0;

	for (char *s = list; n > 0 && s < list + n && count < 512; s += strlen(s) + 1)
		names[count++] = s;
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		v = lgetxattr(path, names[i], value, sizeof(value));
		h = hash(h, names[i], strlen(names[i]) + 1);
		if (v > 0)
			h = hash(h, value, (size_t)v);
	}
	return h;
}

static void read_data(struct obj *o, int fd)
{
	ssize_t n;

	o->data = malloc(o->size + 1);
	for (uint64_t at = 0; o->data && at < o->size; at += (uint64_t)n) {
		n = pread(fd, o->data + at, o->size - at, (off_t)at);
		if (n <= 0) {
			/* Shorter than stat said: zeros stand for what is not there. */
			memset(o->data + at, 0, o->size - at);
			break;
		}
	}
}

static void read_flags(struct obj *o, int fd)
{
	struct fsxattr x;
	int flags;

	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags))
		/* Extents and inline data are the file system's own affair. */
		o->flags = (uint32_t)flags & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NOATIME_FL | FS_NODUMP_FL |
					      FS_SYNC_FL);
	if (!ioctl(fd, FS_IOC_FSGETXATTR, &x))
		o->project = x.fsx_projid;
}

static int obj_load(struct tree *t, int dirfd, const char *name, const struct stat *st, struct tm_oid oid,
		    bool (*clean)(struct tm_oid oid))
{
	struct obj *o = calloc(1, sizeof(*o));
	char path[64 + 256];
	int fd = -1;

	if (!o)
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	o->oid = oid;
	o->mode = st->st_mode;
	o->uid = st->st_uid;
	o->gid = st->st_gid;
	o->rdev = st->st_rdev;
	o->xattrs = xattrs_of(path);
	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		fd = openat(dirfd, *name ? name : ".", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME);
	if (fd >= 0)
		read_flags(o, fd);
	if (S_ISREG(st->st_mode) && fd >= 0) {
		struct stat now;

		if (clean && clean(oid))
			(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
						       SYNC_FILE_RANGE_WAIT_AFTER);
		o->size = fstat(fd, &now) ? (uint64_t)st->st_size : (uint64_t)now.st_size;
		read_data(o, fd);
	} else if (S_ISLNK(st->st_mode)) {
		o->data = calloc(1, 4096);
		o->size = o->data ? (uint64_t)TM_MAX(readlinkat(dirfd, name, o->data, 4095), (ssize_t)0) : 0;
	}
	o->mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec;
	if (fd >= 0)
		close(fd);
	if (tm_map_put(t->objs, &oid, sizeof(oid), o, NULL)) {
		obj_free(o);
		return -ENOMEM;
	}
	return 0;
}

static uint64_t mount_of(int dirfd, const char *name)
{
	struct statx x;

	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MNT_ID, &x))
		return 0;
	return x.stx_mnt_id;
}

static int dir_load(struct tree *t, int dirfd, struct tm_oid dir, bool (*clean)(struct tm_oid oid))
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME), r = 0;
	uint64_t mount = mount_of(dirfd, "");
	struct dirent *e;
	DIR *d;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -errno;
	while (!r && (e = readdir(d))) {
		struct tm_oid oid;
		struct stat st;
		int sub;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    !strcmp(e->d_name, ".tidemark") || mount_of(fd, e->d_name) != mount)
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || tm_oid_at(fd, e->d_name, &oid))
			continue;
		r = ent_put(t, dir, e->d_name, oid);
		if (!r && !tree_obj(t, oid))
			r = obj_load(t, fd, e->d_name, &st, oid, clean);
		if (r || !S_ISDIR(st.st_mode))
			continue;
		sub = openat(fd, e->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
		if (sub >= 0) {
			r = dir_load(t, sub, oid, clean);
			close(sub);
		}
	}
	closedir(d);
	return r;
}

int tree_load(struct tree *t, int dirfd, bool (*clean)(struct tm_oid oid))
{
	struct stat st;
	int r;

	*t = (struct tree){ .objs = tm_map_new(), .ents = tm_map_new() };
	if (!t->objs || !t->ents)
		return -ENOMEM;
	r = tm_oid_at(dirfd, "", &t->top);
	if (!r && fstat(dirfd, &st))
		r = -errno;
	if (!r)
		r = obj_load(t, dirfd, "", &st, t->top, clean);
	return r ?: dir_load(t, dirfd, t->top, clean);
}

/* ---- copying */

static int obj_copy(struct tree *r, const struct obj *from)
{
	struct obj *o = malloc(sizeof(*o));
	void *old = NULL;

	if (!o)
		return -ENOMEM;
	*o = *from;
	o->data = NULL;
	if (from->data) {
		o->data = malloc(from->size + 1);
		if (o->data)
			memcpy(o->data, from->data, from->size);
	}
	if ((from->data && !o->data) || tm_map_put(r->objs, &o->oid, sizeof(o->oid), o, &old)) {
		obj_free(o);
		return -ENOMEM;
	}
	obj_free(old);
	return 0;
}

int tree_copy_attrs(struct tree *r, const struct tree *now, struct tm_oid oid)
{
	struct obj *a = tree_obj(r, oid);
	const struct obj *b = tree_obj(now, oid);
	char *p;

	if (!a || !b)
		return 0;
	/* The size is always read anew; what it adds is zeros until a range says otherwise. */
	if (S_ISREG(b->mode) && a->size != b->size) {
		p = realloc(a->data, b->size + 1);
		if (!p)
			return -ENOMEM;
		if (b->size > a->size)
			memset(p + a->size, 0, b->size - a->size);
		a->data = p;
		a->size = b->size;
	}
	a->mode = b->mode;
	a->uid = b->uid;
	a->gid = b->gid;
	a->flags = b->flags;
	a->project = b->project;
	a->xattrs = b->xattrs;
	a->mtime_ns = b->mtime_ns;
	return 0;
}

int tree_copy_range(struct tree *r, const struct tree *now, struct tm_oid oid, uint64_t start, uint64_t end)
{
	struct obj *a = tree_obj(r, oid);
	const struct obj *b = tree_obj(now, oid);
	int e = tree_copy_attrs(r, now, oid);

	if (e || !a || !b || !S_ISREG(b->mode))
		return e;
	end = TM_MIN(end, b->size);
	if (start < end)
		memcpy(a->data + start, b->data + start, end - start);
	return 0;
}

int tree_copy_name(struct tree *r, const struct tree *now, struct tm_oid dir, const char *name)
{
	const struct ent *e = tree_ent(now, dir, name);
	const struct obj *o;
	struct key k;
	size_t n = key_make(&k, dir, name);
	int err;

	if (!tree_obj(r, dir))
		return 0;
	err = tree_copy_attrs(r, now, dir);
	if (err)
		return err;
	if (!e) {
		free(tm_map_del(r->ents, &k, n));
		return 0;
	}
	err = ent_put(r, dir, name, e->obj);
	o = tree_obj(now, e->obj);
	if (err || !o || tree_obj(r, e->obj))
		return err ?: tree_copy_attrs(r, now, e->obj);
	err = obj_copy(r, o);
	return err ?: S_ISDIR(o->mode) ? tree_copy_dir(r, now, e->obj) : 0;
}

/* Both sides' names of @dir, one after the other: deleting and inserting while iterating is not allowed. */
static int names_of(const struct tree *t, struct tm_oid dir, char (**list)[256], size_t *count)
{
	size_t at = 0, cap = *count;
	void *v;

	while (tm_map_next(t->ents, &at, NULL, NULL, &v)) {
		const struct ent *e = v;

		if (!tm_oid_eq(e->dir, dir))
			continue;
		if (*count == cap) {
			void *p = realloc(*list, (cap = cap ? 2 * cap : 64) * sizeof(**list));

			if (!p)
				return -ENOMEM;
			*list = p;
		}
		memcpy((*list)[(*count)++], e->name, 256);
	}
	return 0;
}

int tree_copy_dir(struct tree *r, const struct tree *now, struct tm_oid dir)
{
	char (*list)[256] = NULL;
	size_t n = 0;
	int e = names_of(now, dir, &list, &n);

	for (size_t i = 0; !e && i < n; i++)
		e = tree_copy_name(r, now, dir, list[i]);
	free(list);
	list = NULL;
	n = 0;
	e = e ?: names_of(r, dir, &list, &n);
	for (size_t i = 0; !e && i < n; i++)
		e = tree_copy_name(r, now, dir, list[i]);
	free(list);
	return e ?: tree_copy_attrs(r, now, dir);
}

int tree_copy_subtree(struct tree *r, const struct tree *now, struct tm_oid dir)
{
	char (*list)[256] = NULL;
	size_t n = 0;
	int e = tree_copy_dir(r, now, dir);

	e = e ?: names_of(now, dir, &list, &n);
	for (size_t i = 0; !e && i < n; i++) {
		const struct obj *o = tree_obj(now, tree_ent(now, dir, list[i])->obj);

		if (o && S_ISDIR(o->mode))
			e = tree_copy_subtree(r, now, o->oid);
		else if (o)
			e = obj_copy(r, o);
	}
	free(list);
	return e;
}

static void reach(const struct tree *t, struct tm_oid dir)
{
	bool more = true;
	size_t at;
	void *v;

	tree_obj(t, dir)->reached = true;
	/* Until nothing new is found: trees here are small. */
	while (more) {
		more = false;
		at = 0;
		while (tm_map_next(t->ents, &at, NULL, NULL, &v)) {
			const struct ent *e = v;
			const struct obj *d = tree_obj(t, e->dir);
			struct obj *o = tree_obj(t, e->obj);

			if (d && d->reached && o && !o->reached)
				o->reached = more = true;
		}
	}
}

void tree_prune(struct tree *r)
{
	size_t at = 0, len;
	const void *key;
	void *v;

	while (tm_map_next(r->objs, &at, NULL, NULL, &v))
		((struct obj *)v)->reached = false;
	reach(r, r->top);
	at = 0;
	while (tm_map_next(r->objs, &at, &key, &len, &v))
		if (!((struct obj *)v)->reached)
			obj_free(tm_map_del(r->objs, key, len));
	at = 0;
	while (tm_map_next(r->ents, &at, &key, &len, &v))
		if (!tree_obj(r, ((struct ent *)v)->dir))
			free(tm_map_del(r->ents, key, len));
}

/* ---- comparing */

static const char *name_of(const struct tree *t, struct tm_oid oid)
{
	size_t at = 0;
	void *v;

	while (tm_map_next(t->ents, &at, NULL, NULL, &v))
		if (tm_oid_eq(((struct ent *)v)->obj, oid))
			return ((struct ent *)v)->name;
	return "(top)";
}

static unsigned int bytes_differ(const struct obj *a, const struct obj *b, const char *name,
	const char *prefix)
{
	uint64_t n = TM_MIN(a->size, b->size), first = 0, last = n;

	if (!a->data || !b->data || !memcmp(a->data, b->data, n))
		return 0;
	while (a->data[first] == b->data[first])
		first++;
	while (a->data[last - 1] == b->data[last - 1])
		last--;
	if (prefix)
		printf("%s%s: bytes differ within [%llu, %llu)\n", prefix, name, (unsigned long long)first,
		       (unsigned long long)last);
	return 1;
}

static unsigned int obj_differ(const struct obj *a, const struct obj *b, const char *name, const char *prefix)
{
	unsigned int n = 0;

#define SAME(field)								\
	do {									\
		if (a->field == b->field)					\
			break;							\
		n++;								\
		if (prefix)							\
			printf("%s%s: " #field " is %llu, told %llu\n", prefix, name,	\
			       (unsigned long long)b->field, (unsigned long long)a->field);	\
	} while (0)
	SAME(size);
	SAME(mode);
	SAME(uid);
	SAME(gid);
	SAME(rdev);
	SAME(flags);
	SAME(project);
	SAME(xattrs);
	/* A directory's time follows from its names, which are told. */
	if (S_ISREG(a->mode))
		SAME(mtime_ns);
#undef SAME
	return n + bytes_differ(a, b, name, prefix);
}

unsigned int tree_diff(const struct tree *r, const struct tree *now, const char *prefix)
{
	unsigned int n = 0;
	size_t at = 0;
	void *v;

	while (n < 20 && tm_map_next(now->ents, &at, NULL, NULL, &v)) {
		const struct ent *b = v, *a = tree_ent(r, b->dir, b->name);

		if (a && tm_oid_eq(a->obj, b->obj))
			continue;
		n++;
		if (prefix)
			printf("%s%s: the name %s\n", prefix, b->name, a ? "means something else" : "is not told");
	}
	at = 0;
	while (n < 20 && tm_map_next(r->ents, &at, NULL, NULL, &v)) {
		const struct ent *a = v;

		if (tree_ent(now, a->dir, a->name))
			continue;
		n++;
		if (prefix)
			printf("%s%s: that the name is gone is not told\n", prefix, a->name);
	}
	at = 0;
	while (n < 20 && tm_map_next(now->objs, &at, NULL, NULL, &v)) {
		const struct obj *b = v, *a = tree_obj(r, b->oid);

		if (a)
			n += obj_differ(a, b, name_of(now, b->oid), prefix);
	}
	return n;
}
