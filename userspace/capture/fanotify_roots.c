/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_roots.c - which roots is a directory below; see fanotify_roots.h.
 *
 * Roots are grouped by the mount they were opened on ("views"): ".." stops at the root of a
 * mount, so a root that is a bind mount and one on the whole file system need a walk each.
 */
#include "capture/fanotify_roots.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/capture.h"
#include "lib/beneath.h"
#include "lib/fd.h"

#define CACHE_SLOTS (1u << 15) /* per view, 32 bytes each: 1 MiB, touched as needed */
#define DEPTH_MAX   4096       /* deeper than this is doubt */

struct cached {
	struct tm_oid oid;
	uint64_t mask;
	uint64_t epoch;
};

struct view {
	bool used;
	uint64_t mnt_id;
	dev_t dev;
	int fd; /* a directory of this mount, for open_by_handle_at() */
	uint64_t slots;
	struct cached *cache;
};

struct root {
	bool used;
	unsigned int view;
	int fd; /* the root itself, O_PATH */
	struct tm_oid oid;
	int reserved_fd;
	struct tm_oid reserved; /* none: could not be made */
};

struct tm_fan_roots {
	uint64_t epoch;
	struct root root[TM_CAPTURE_ROOTS_MAX];
	struct view view[TM_CAPTURE_ROOTS_MAX];
	struct tm_oid chain[DEPTH_MAX]; /* scratch of one walk */
};

struct tm_fan_roots *tm_fan_roots_new(void)
{
	struct tm_fan_roots *r = calloc(1, sizeof(*r));

	if (r)
		r->epoch = 1;
	return r;
}

static void view_put(struct view *v, unsigned int slot)
{
	v->slots &= ~(1ULL << slot);
	if (v->slots)
		return;
	tm_close(v->fd);
	free(v->cache);
	*v = (struct view){ 0 };
}

void tm_fan_roots_del(struct tm_fan_roots *r, unsigned int slot)
{
	struct root *root = &r->root[slot];

	if (!root->used)
		return;
	tm_close(root->reserved_fd);
	tm_close(root->fd);
	view_put(&r->view[root->view], slot);
	*root = (struct root){ 0 };
	tm_fan_roots_flush(r);
}

void tm_fan_roots_free(struct tm_fan_roots *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		tm_fan_roots_del(r, i);
	free(r);
}

uint64_t tm_fan_roots_all(const struct tm_fan_roots *r)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		mask |= r->root[i].used ? 1ULL << i : 0;
	return mask;
}

void tm_fan_roots_flush(struct tm_fan_roots *r)
{
	r->epoch++;
}

static int mount_of(int fd, uint64_t *ret_mnt, dev_t *ret_dev)
{
	struct statx stx;
	struct stat st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret_mnt = stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id : 0;
	*ret_dev = st.st_dev;
	return 0;
}

/* The view of this mount, made if need be. */
static int view_get(struct tm_fan_roots *r, int rootfd, unsigned int slot)
{
	struct view *free_view = NULL;
	uint64_t mnt_id;
	dev_t dev;
	int err = mount_of(rootfd, &mnt_id, &dev);

	if (err < 0)
		return err;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		struct view *v = &r->view[i];

		if (v->used && v->mnt_id == mnt_id && v->dev == dev) {
			v->slots |= 1ULL << slot;
			return (int)i;
		}
		if (!v->used && !free_view)
			free_view = v;
	}
	if (!free_view)
		return -ENOSPC;
	/* Not O_PATH: kernels before 6.14 take no such descriptor for open_by_handle_at(). */
	int fd = tm_open_beneath(rootfd, "", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	free_view->cache = calloc(CACHE_SLOTS, sizeof(struct cached));
	if (!free_view->cache) {
		tm_close(fd);
		return -ENOMEM;
	}
	free_view->used = true;
	free_view->fd = fd;
	free_view->mnt_id = mnt_id;
	free_view->dev = dev;
	free_view->slots = 1ULL << slot;
	return (int)(free_view - r->view);
}

/*
 * Our own reserved directory: made, or found as a 0700 directory of ours. Anything else
 * of that name belongs to a user. Failing (read-only, full) is no error: there is no canary then.
 */
static void open_reserved(struct root *root)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	root->reserved_fd = tm_close(root->reserved_fd);
	root->reserved = TM_OID_NONE;
	if (mkdirat(root->fd, TM_RESERVED_DIR, 0700) < 0 && errno != EEXIST)
		return;
	fd = tm_open_name(root->fd, TM_RESERVED_DIR, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_uid != geteuid() || (st.st_mode & 07777) != 0700)
		return;
	if (tm_oid_at(fd, "", &root->reserved) < 0) {
		root->reserved = TM_OID_NONE;
		return;
	}
	root->reserved_fd = tm_take_fd(fd);
}

int tm_fan_roots_add(struct tm_fan_roots *r, unsigned int slot, int rootfd)
{
	_cleanup_close_ int fd = -EBADF;
	struct root *root = &r->root[slot];
	struct tm_oid oid;
	int v, err;

	if (root->used)
		return -EEXIST;
	fd = tm_open_beneath(rootfd, "", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	err = tm_oid_at(fd, "", &oid);
	if (err < 0)
		return err;
	v = view_get(r, rootfd, slot);
	if (v < 0)
		return v;
	*root = (struct root){ .used = true,
			       .view = (unsigned int)v,
			       .fd = tm_take_fd(fd),
			       .oid = oid,
			       .reserved_fd = -EBADF };
	open_reserved(root);
	tm_fan_roots_flush(r);
	return 0;
}

/* Hold the object as O_PATH: no access, no lease, no FIFO to wait for. */
static int open_id(const struct view *v, const struct tm_fan_id *id, int flags)
{
	union {
		struct file_handle fh;
		uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u;
	int fd;

	if (id->handle_len > MAX_HANDLE_SZ)
		return -EBADMSG;
	u.fh.handle_bytes = id->handle_len;
	u.fh.handle_type = id->handle_type;
	memcpy(u.fh.f_handle, id->handle, id->handle_len);
	fd = open_by_handle_at(v->fd, &u.fh, O_PATH | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

static const struct view *any_view(const struct tm_fan_roots *r)
{
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		if (r->view[i].used)
			return &r->view[i];
	return NULL;
}

int tm_fan_roots_oid(struct tm_fan_roots *r, const struct tm_fan_id *id, struct tm_oid *ret)
{
	_cleanup_close_ int fd = -EBADF;
	const struct view *v;
	int err;

	err = tm_oid_from_handle(id->handle_type, id->handle, id->handle_len, ret);
	if (!err)
		return 0;
	v = any_view(r);
	if (!v)
		return -ESTALE;
	fd = open_id(v, id, 0);
	return fd < 0 ? fd : tm_oid_at(fd, "", ret);
}

bool tm_fan_roots_linked(struct tm_fan_roots *r, const struct tm_fan_id *id)
{
	const struct view *v = any_view(r);
	_cleanup_close_ int fd = v ? open_id(v, id, 0) : -EBADF;
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1;
}

/* Direct-mapped: bounded by itself, and a new epoch empties it at once. */
static struct cached *cache_slot(const struct view *v, struct tm_oid oid)
{
	return &v->cache[tm_oid_hash(oid) & (CACHE_SLOTS - 1)];
}

static bool cache_get(const struct tm_fan_roots *r, const struct view *v, struct tm_oid oid,
		      uint64_t *ret)
{
	const struct cached *c = cache_slot(v, oid);

	if (c->epoch != r->epoch || !tm_oid_eq(c->oid, oid))
		return false;
	*ret = c->mask;
	return true;
}

/* At the root of its mount there is nothing above; elsewhere EXDEV means something covers the parent. */
static bool at_mount_root(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0)
		return false;
	return stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/*
 * Follow ".." from the directory until the top or a cached one. Fills r->chain; returns its length with
 * *ret_mask the mask of what is above the last element (cached) or 0; -EAGAIN for doubt; -ESTALE.
 */
static int climb(struct tm_fan_roots *r, const struct view *v, const struct tm_fan_id *id,
		 struct tm_oid oid, bool *ret_cached, uint64_t *ret_mask)
{
	_cleanup_close_ int cur = open_id(v, id, O_DIRECTORY);
	int n = 0;

	if (cur < 0)
		return cur == -ESTALE || cur == -ENOENT ? -ESTALE : -EAGAIN;
	*ret_cached = false;
	*ret_mask = 0;
	r->chain[n++] = oid;
	while (n < DEPTH_MAX) {
		struct tm_oid up_oid;
		int up = tm_open_parent(cur);

		/* ENOENT: not below the root of this mount, so below no root that was opened on it. */
		if (up == -ENOENT)
			return n;
		if (up < 0)
			return up == -EXDEV && at_mount_root(cur) ? n : -EAGAIN;
		tm_close(cur);
		cur = up;
		if (tm_oid_at(cur, "", &up_oid) < 0)
			return -EAGAIN;
		if (tm_oid_eq(up_oid, r->chain[n - 1]))
			return n;
		r->chain[n++] = up_oid;
		if (cache_get(r, v, up_oid, ret_mask)) {
			*ret_cached = true;
			return n;
		}
	}
	return -EAGAIN;
}

/* From the mask of a directory to the one of its child. */
static uint64_t step_down(const struct tm_fan_roots *r, const struct view *v, uint64_t mask,
			  const struct tm_oid *parent, struct tm_oid child)
{
	for (uint64_t left = v->slots; left; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctzll(left);
		const struct root *root = &r->root[slot];

		if (parent && tm_oid_eq(*parent, root->oid) && tm_oid_eq(child, root->reserved))
			mask &= ~(1ULL << slot);
		if (tm_oid_eq(child, root->oid))
			mask |= 1ULL << slot;
	}
	return mask;
}

static uint64_t view_mask(struct tm_fan_roots *r, const struct view *v, const struct tm_fan_id *id,
			  struct tm_oid oid)
{
	uint64_t mask;
	bool cached;
	int n;

	if (cache_get(r, v, oid, &mask))
		return mask;
	n = climb(r, v, id, oid, &cached, &mask);
	if (n == -ESTALE)
		return 0; /* gone: its own removal is an event of its parent */
	if (n < 0)
		return v->slots;
	if (!cached)
		mask = step_down(r, v, 0, NULL, r->chain[n - 1]);
	for (int i = n - 1;; i--) {
		if (i < n - 1)
			mask = step_down(r, v, mask, &r->chain[i + 1], r->chain[i]);
		*cache_slot(v, r->chain[i]) =
			(struct cached){ .oid = r->chain[i], .mask = mask, .epoch = r->epoch };
		if (!i)
			return mask;
	}
}

uint64_t tm_fan_roots_of_dir(struct tm_fan_roots *r, const struct tm_fan_id *id, struct tm_oid oid)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		if (r->view[i].used)
			mask |= view_mask(r, &r->view[i], id, oid);
	return mask;
}

uint64_t tm_fan_roots_reserved(const struct tm_fan_roots *r, struct tm_oid dir, const char *name,
			       size_t name_len, struct tm_oid obj)
{
	uint64_t mask = 0;

	if (name_len != strlen(TM_RESERVED_DIR) || memcmp(name, TM_RESERVED_DIR, name_len))
		return 0;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		const struct root *root = &r->root[i];

		if (root->used && !tm_oid_is_none(root->reserved) && tm_oid_eq(root->oid, dir) &&
		    tm_oid_eq(root->reserved, obj))
			mask |= 1ULL << i;
	}
	return mask;
}

/* Somebody removed it: make another one. */
static void renew_reserved(struct tm_fan_roots *r, struct root *root)
{
	struct stat st;

	if (root->reserved_fd >= 0 && fstat(root->reserved_fd, &st) == 0 && st.st_nlink)
		return;
	open_reserved(root);
	tm_fan_roots_flush(r);
}

int tm_fan_roots_canary_dir(struct tm_fan_roots *r, struct tm_oid *ret)
{
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		struct root *root = &r->root[i];

		if (!root->used)
			continue;
		renew_reserved(r, root);
		if (root->reserved_fd >= 0) {
			*ret = root->reserved;
			return root->reserved_fd;
		}
	}
	return -ENOENT;
}
