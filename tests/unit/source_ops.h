/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/source_ops.h - random changes of a rig's tree, each with the exact records that a
 * capture without faults would make of it.
 */
#ifndef TM_TESTS_SOURCE_OPS_H
#define TM_TESTS_SOURCE_OPS_H

#include <dirent.h>
#include <sys/xattr.h>

#include "source_rig.h"

#define OPS_ENTRIES 4096
#define OPS_FILE_MAX (300 << 10)

struct ops_entry {
	char path[512];
	mode_t mode;
};

struct ops {
	struct rig *r;
	uint64_t seed;
	struct ops_entry v[OPS_ENTRIES];
	int n;
	uint32_t serial;
	bool tell;		/* print each operation */
};

static inline uint32_t ops_rand(struct ops *o, uint32_t n)
{
	o->seed ^= o->seed << 13;
	o->seed ^= o->seed >> 7;
	o->seed ^= o->seed << 17;
	return n ? (uint32_t)((o->seed >> 16) % n) : 0;
}

static inline void ops_read_dir(struct ops *o, const char *path)
{
	int fd = openat(o->r->root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int first = o->n;

	while (d && (e = readdir(d)) && o->n < OPS_ENTRIES) {
		struct ops_entry *x = &o->v[o->n];
		struct stat st;

		if (tm_streq(e->d_name, ".") || tm_streq(e->d_name, "..") ||
		    (!*path && tm_streq(e->d_name, ".tidemark")))
			continue;
		if (strlen(path) + strlen(e->d_name) + 2 > sizeof(x->path))
			continue;
		snprintf(x->path, sizeof(x->path), "%.200s%s%.200s", path, *path ? "/" : "", e->d_name);
		if (fstatat(o->r->root, x->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		x->mode = st.st_mode;
		o->n++;
	}
	if (d)
		closedir(d);
	for (int i = first, end = o->n; i < end; i++)
		if (S_ISDIR(o->v[i].mode))
			ops_read_dir(o, o->v[i].path);
}

/* A random entry of this kind (0: any), NULL if there is none. */
static inline const char *ops_pick(struct ops *o, mode_t kind)
{
	int start;

	o->n = 0;
	ops_read_dir(o, "");
	if (!o->n)
		return NULL;
	start = (int)ops_rand(o, (uint32_t)o->n);
	for (int i = 0; i < o->n; i++) {
		const struct ops_entry *x = &o->v[(start + i) % o->n];

		if (!kind || (x->mode & S_IFMT) == kind)
			return x->path;
	}
	return NULL;
}

static inline void ops_new_path(struct ops *o, char out[512])
{
	const char *dir = ops_rand(o, 4) ? ops_pick(o, S_IFDIR) : NULL;

	if (dir && strlen(dir) > 150)
		dir = NULL;
	/* Few names, so that they are used again. */
	snprintf(out, 512, "%.150s%s%c%u", dir ? dir : "", dir ? "/" : "", (char)('a' + ops_rand(o, 4)),
		 ops_rand(o, 12));
}

/* A NAME record; @gone: it was seen to leave. */
static inline void ops_name(struct ops *o, const char *path, struct tm_oid obj, bool gone)
{
	char dir[8192];
	const char *name = base_of(path, dir);

	chg(o->r, (struct tm_change){ .kind = TM_CHANGE_NAME, .dir = oid_of(o->r, dir), .name = name,
				      .name_len = (uint32_t)strlen(name), .obj = obj,
				      .flags = gone ? TM_CF_GONE : 0 });
}

static inline bool ops_exists(struct ops *o, const char *path)
{
	struct stat st;

	return fstatat(o->r->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As the kernel tells it: does the object have other names? */
static inline uint32_t ops_links(struct ops *o, const char *path)
{
	struct stat st;

	if (fstatat(o->r->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
		return 0;
	return st.st_nlink > 1 ? TM_CF_LINKS : 0;
}

static inline void op_write(struct ops *o, const char *path, bool is_new)
{
	uint32_t off = is_new ? 0 : ops_rand(o, OPS_FILE_MAX), n = 1 + ops_rand(o, is_new ? 50000 : 9000);
	uint32_t flags = TM_CF_DATA;
	struct stat st;

	if (ops_rand(o, 3) == 0)
		off &= ~4095u;
	if (fstatat(o->r->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || off + n > (uint64_t)st.st_size)
		flags |= TM_CF_SIZE;
	fill(o->r, path, off, n, ops_rand(o, 1u << 30));
	chg_ino(o->r, path, flags | ops_links(o, path), off, off + n);
}

static inline void op_create(struct ops *o)
{
	char path[512];

	ops_new_path(o, path);
	if (ops_exists(o, path))
		return;
	op_write(o, path, true);
	ops_name(o, path, oid_of(o->r, path), false);
}

static inline void op_modify(struct ops *o)
{
	const char *path = ops_pick(o, S_IFREG);

	if (path)
		op_write(o, path, false);
}

static inline void op_truncate(struct ops *o)
{
	const char *path = ops_pick(o, S_IFREG);
	uint32_t size = ops_rand(o, OPS_FILE_MAX);
	struct stat st;
	int fd;

	if (!path)
		return;
	MUST(fd = openat(o->r->root, path, O_WRONLY | O_CLOEXEC));
	MUST(fstat(fd, &st));
	MUST(ftruncate(fd, size));
	close(fd);
	chg_ino(o->r, path, TM_CF_DATA | TM_CF_SIZE | ops_links(o, path),
		TM_MIN((uint64_t)st.st_size, (uint64_t)size), TM_RANGE_EOF);
}

static inline void op_mkdir(struct ops *o)
{
	char path[512];

	ops_new_path(o, path);
	if (mkdirat(o->r->root, path, 0755) == 0)
		ops_name(o, path, oid_of(o->r, path), false);
}

static inline void op_symlink(struct ops *o)
{
	char path[512];

	ops_new_path(o, path);
	if (symlinkat("some/where", o->r->root, path) == 0)
		ops_name(o, path, oid_of(o->r, path), false);
}

static inline void op_link(struct ops *o)
{
	const char *from = ops_pick(o, S_IFREG);
	char old[512], path[512];

	if (!from)
		return;
	snprintf(old, sizeof(old), "%s", from);
	ops_new_path(o, path);
	if (linkat(o->r->root, old, o->r->root, path, 0) < 0)
		return;
	ops_name(o, path, oid_of(o->r, path), false);
	chg_ino(o->r, old, TM_CF_ATTR | TM_CF_LINKS, 0, 0);
}

static inline void ops_remove(struct ops *o, const char *path)
{
	struct tm_oid obj = oid_of(o->r, path), dir;
	char up[8192], copy[512];
	const char *name;
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", path);
	if (fstatat(o->r->root, copy, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		int fd = openat(o->r->root, copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *d = fdopendir(fd);
		struct dirent *e;
		char below[800];

		while ((e = readdir(d))) {
			if (tm_streq(e->d_name, ".") || tm_streq(e->d_name, ".."))
				continue;
			snprintf(below, sizeof(below), "%.500s/%.250s", copy, e->d_name);
			ops_remove(o, below);
		}
		closedir(d);
	}
	name = base_of(copy, up);
	dir = oid_of(o->r, up);
	MUST(unlinkat(o->r->root, copy, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0));
	chg(o->r, (struct tm_change){ .kind = TM_CHANGE_NAME, .dir = dir, .name = name, .obj = obj,
				      .name_len = (uint32_t)strlen(name), .flags = TM_CF_GONE });
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		chg_ino_in(o->r, obj, dir, name, TM_CF_ATTR | TM_CF_LINKS, 0, 0);
}

static inline void op_remove(struct ops *o)
{
	const char *path = ops_pick(o, 0);

	if (path)
		ops_remove(o, path);
}

static inline void op_rename(struct ops *o)
{
	const char *from = ops_pick(o, ops_rand(o, 2) ? S_IFDIR : 0);
	char old[512], path[512];
	struct tm_oid obj, victim, old_dir;
	char up[8192];
	const char *name;
	uint32_t links;
	unsigned int flags = ops_rand(o, 4) == 0 ? RENAME_EXCHANGE : 0;

	if (!from)
		return;
	snprintf(old, sizeof(old), "%s", from);
	if (ops_rand(o, 3) == 0 && (from = ops_pick(o, 0)))
		snprintf(path, sizeof(path), "%s", from);
	else
		ops_new_path(o, path);
	obj = oid_of(o->r, old);
	victim = oid_of(o->r, path);
	links = ops_links(o, path);
	name = base_of(old, up);
	old_dir = oid_of(o->r, up);
	if (tm_oid_eq(obj, victim) || renameat2(o->r->root, old, o->r->root, path, flags) < 0)
		return;
	/* The old parent may have got another path by an exchange: records go by identity. */
	chg(o->r, (struct tm_change){ .kind = TM_CHANGE_NAME, .dir = old_dir, .name = name,
				      .name_len = (uint32_t)strlen(name), .obj = flags ? victim : obj,
				      .flags = flags ? 0 : TM_CF_GONE });
	ops_name(o, path, obj, false);
	if (!flags && links)
		chg_ino_in(o->r, victim, TM_OID_NONE, NULL, TM_CF_ATTR | links, 0, 0);
}

static inline void op_attr(struct ops *o)
{
	const char *path = ops_pick(o, ops_rand(o, 2) ? S_IFDIR : S_IFREG);
	struct timespec t[2] = {
		{ 1 + ops_rand(o, 1000), 5 },
		{ 1 + ops_rand(o, 1u << 30), ops_rand(o, 1000000000) },
	};
	uint32_t v = ops_rand(o, 1000);
	int fd;

	if (!path)
		return;
	MUST(fd = openat(o->r->root, path, O_RDONLY | O_CLOEXEC));
	switch (ops_rand(o, 3)) {
	case 0:
		MUST(fchmod(fd, 0700 | ops_rand(o, 64)));
		break;
	case 1:
		MUST(futimens(fd, t));
		break;
	default:
		MUST(fsetxattr(fd, v & 1 ? "user.odd" : "user.even", &v, sizeof(v), 0));
	}
	close(fd);
	chg_ino(o->r, path, TM_CF_ATTR | ops_links(o, path), 0, 0);
}

static inline void ops_one(struct ops *o)
{
	o->serial++;
	switch (ops_rand(o, 20)) {
	case 0 ... 4:
		op_create(o);
		break;
	case 5 ... 7:
		op_modify(o);
		break;
	case 8:
		op_truncate(o);
		break;
	case 9 ... 10:
		op_mkdir(o);
		break;
	case 11:
		op_symlink(o);
		break;
	case 12:
		op_link(o);
		break;
	case 13:
		op_remove(o);
		break;
	case 14 ... 17:
		op_rename(o);
		break;
	default:
		op_attr(o);
	}
}

/* TM_ROUNDS makes it a long run. */
static inline int ops_rounds(void)
{
	const char *s = getenv("TM_ROUNDS");

	return s ? atoi(s) : 16;
}

/* From the environment, so that a failure can be had again; printed in any case. */
static inline uint64_t ops_seed(void)
{
	const char *s = getenv("TM_SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : (uint64_t)tm_wall_ns() | 1;

	printf("# TM_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

#endif
