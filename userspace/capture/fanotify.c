/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify.c - the backend for kernels that refuse tracing programs.
 *
 * One group per file system, marked as a whole: what happens outside the roots is
 * sorted out here. Whole files and names, no ranges; the kernel says nothing about stores through
 * a mapping and Linux AIO, so at an interval everything is compared by metadata (an ALL record).
 *
 * The queue has no limit where the kernel allows that (CAP_SYS_ADMIN): its memory is the
 * kernel's, charged to this service, and bounded by how long the daemon may stall.
 */
#include "capture/fanotify.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capture/fanotify_record.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/text.h"

#define GROUP_FLAGS (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME_TARGET)

static bool limit_queue;

void tm_fanotify_limit_queue(bool on)
{
	limit_queue = on;
}

/* A new group. *ret_unlimited tells whether its queue has no limit. */
static int group_init(bool *ret_unlimited)
{
	int fd = -1;

	if (!limit_queue)
		fd = fanotify_init(GROUP_FLAGS | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS, 0);
	*ret_unlimited = fd >= 0;
	if (fd < 0)
		fd = fanotify_init(GROUP_FLAGS, 0);
	return fd < 0 ? -errno : fd;
}

static const char *why_init(int err)
{
	switch (err) {
	case -EPERM: return "fanotify needs CAP_SYS_ADMIN in the initial user namespace";
	case -EINVAL:
		return "this kernel does not report names and targets (FAN_REPORT_DFID_NAME_TARGET, 5.17)";
	case -ENOSYS: return "this kernel was built without fanotify";
	case -EMFILE: return "too many fanotify groups (fs.fanotify.max_user_groups)";
	default: return strerror(-err);
	}
}

static void fan_close(void *b);

static int fan_open(const struct tm_capture_opts *opts, void **ret_b)
{
	struct tm_fan *f;
	bool unlimited;
	int fd = group_init(&unlimited);

	if (fd < 0) {
		tm_backend_why("%s", why_init(fd));
		return fd == -EPERM ? -EPERM : fd == -EMFILE ? -EMFILE : -EOPNOTSUPP;
	}
	tm_close(fd);
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->opts = opts;
	f->batch = malloc(TM_FAN_BATCH_BYTES);
	f->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (!f->batch || f->epfd < 0) {
		int r = f->batch ? -errno : -ENOMEM;

		fan_close(f);
		return r;
	}
	f->next_reconcile_ms = tm_mono_ms() + tm_fan_reconcile_ms(f);
	*ret_b = f;
	return 0;
}

static void group_put(struct tm_fan_group *g)
{
	/* Closing the group removes its mark; epoll forgets it by itself. */
	tm_close(g->fd);
	tm_fan_roots_free(g->roots);
	*g = (struct tm_fan_group){ .fd = -EBADF };
}

static int fan_del_root(void *b, unsigned int slot)
{
	struct tm_fan *f = b;
	struct tm_fan_slot *s = &f->slot[slot];

	if (!s->group)
		return -ENOENT;
	tm_fan_roots_del(s->group->roots, slot);
	if (!tm_fan_roots_all(s->group->roots))
		group_put(s->group);
	tm_change_set_free(s->pending);
	*s = (struct tm_fan_slot){ 0 };
	return 0;
}

static void fan_close(void *b)
{
	struct tm_fan *f = b;

	if (!f)
		return;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		fan_del_root(f, i);
	tm_close(f->epfd);
	free(f->batch);
	free(f);
}

/* Marks the whole file system behind @rootfd: tracking starts when this returns. */
static int group_mark(struct tm_fan *f, struct tm_fan_group *g, int rootfd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (fanotify_mark(g->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, TM_FAN_MASK, rootfd, NULL) <
	    0) {
		int r = -errno;

		/* EOPNOTSUPP, ENODEV: no file handles, no fsid. EXDEV: a btrfs subvolume before 6.8. */
		tm_backend_why("fanotify cannot mark this file system: %s", strerror(-r));
		return r == -ENODEV || r == -EXDEV ? -EOPNOTSUPP : r;
	}
	if (epoll_ctl(f->epfd, EPOLL_CTL_ADD, g->fd, &ev) < 0)
		return -errno;
	return 0;
}

static int group_get(struct tm_fan *f, int rootfd, struct tm_fan_group **ret_g)
{
	struct tm_fan_group *g = NULL;
	struct stat st;
	int r;

	if (fstat(rootfd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		if (f->group[i].used && f->group[i].dev == st.st_dev) {
			*ret_g = &f->group[i];
			return 0;
		}
		if (!f->group[i].used && !g)
			g = &f->group[i];
	}
	if (!g)
		return -ENOSPC;
	*g = (struct tm_fan_group){ .dev = st.st_dev };
	g->fd = group_init(&g->unlimited);
	if (g->fd < 0) {
		r = g->fd;
		tm_backend_why("%s", why_init(r));
		return r;
	}
	g->roots = tm_fan_roots_new();
	r = g->roots ? group_mark(f, g, rootfd) : -ENOMEM;
	if (r < 0) {
		group_put(g);
		return r;
	}
	g->used = true;
	*ret_g = g;
	return 0;
}

static int fan_add_root(void *b, unsigned int slot, int rootfd, uint64_t key, bool *ret_resumed)
{
	struct tm_fan *f = b;
	struct tm_fan_slot *s = &f->slot[slot];
	struct tm_fan_group *g = NULL;
	int r;

	(void)key; /* nothing outlives this process, so there is nothing to recognise */
	if (s->group)
		return -EEXIST;
	s->pending = tm_change_set_new(f->opts->dirty_entries);
	if (!s->pending)
		return -ENOMEM;
	r = group_get(f, rootfd, &g);
	if (r >= 0) {
		r = tm_fan_roots_add(g->roots, slot, rootfd);
		if (r < 0 && !tm_fan_roots_all(g->roots))
			group_put(g);
	}
	if (r < 0) {
		tm_change_set_free(s->pending);
		s->pending = NULL;
		return r;
	}
	s->group = g;
	*ret_resumed = false;
	return 0;
}

static int fan_fd(const void *b)
{
	return ((const struct tm_fan *)b)->epfd;
}

static int fan_timeout_ms(const void *b)
{
	const struct tm_fan *f = b;
	uint64_t now = tm_mono_ms(), left;

	/* A set that was refused waits for the next call: the descriptor may stay silent. */
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		if (f->slot[i].group && !tm_change_set_empty(f->slot[i].pending))
			return 100;
	if (now >= f->next_reconcile_ms)
		return 0;
	left = f->next_reconcile_ms - now;
	return left > 3600000 ? 3600000 : (int)left;
}

static void fan_stats(const void *b, unsigned int slot, struct tm_capture_stats *ret)
{
	*ret = ((const struct tm_fan *)b)->slot[slot].stats;
}

static char *fan_report(const void *b)
{
	const struct tm_fan *f = b;
	char *text = strdup(""), *more;

	for (unsigned int i = 0; text && i < TM_CAPTURE_ROOTS_MAX; i++) {
		const struct tm_fan_group *g = &f->group[i];

		if (!g->used)
			continue;
		more = tm_asprintf(
			"%sfanotify %u:%u\tattached\twhole file system, %u root(s), %s\n", text,
			major(g->dev), minor(g->dev),
			(unsigned int)__builtin_popcountll(tm_fan_roots_all(g->roots)),
			g->unlimited ? "unlimited queue" : "limited queue");
		free(text);
		text = more;
	}
	return text;
}

static char *fan_probe(void)
{
	bool unlimited;
	int fd = group_init(&unlimited);

	if (fd < 0)
		return tm_asprintf("fanotify\trefused\t%s\n", why_init(fd));
	tm_close(fd);
	return tm_asprintf("fanotify\tpossible\tnames and targets, %s\n",
			   unlimited ? "unlimited queue" : "limited queue");
}

static const char *fan_blind_spots(const void *b)
{
	static char text[160];

	snprintf(text, sizeof(text),
		 "byte ranges are unknown (whole files are compared); mmap stores "
		 "and Linux AIO are found by a metadata pass every %u s",
		 (unsigned int)(tm_fan_reconcile_ms(b) / 1000));
	return text;
}

const struct tm_backend_ops tm_backend_fanotify = {
	.id = TM_BACKEND_FANOTIFY,
	.open = fan_open,
	.close = fan_close,
	.add_root = fan_add_root,
	.del_root = fan_del_root,
	.fd = fan_fd,
	.timeout_ms = fan_timeout_ms,
	.drain = tm_fan_drain,
	.stats = fan_stats,
	.version_fd = NULL,
	.report = fan_report,
	.probe = fan_probe,
	.blind_spots = fan_blind_spots,
};
