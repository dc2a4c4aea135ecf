// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/roots.c - roots are checked when they are chosen, and watched as long as they are used (P10).
 */
#include "daemon/roots.h"
#include "daemon/capture_glue.h"
#include "daemon/schedule.h"
#include "daemon/tree.h"
#include "daemon/source_end.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS	  3000
#define SETTLE_MS 50 /* several mounts come at once */

struct tm_root_watch {
	struct tm_daemon *d;
	int mountinfo;
	sd_event_source *io, *timer;
};

const char *tm_root_path(const struct tm_policy *p)
{
	return p->rec.role == TM_REC_SOURCE ? p->rec.source_dir : p->rec.target_dir;
}

int tm_root_open(struct tm_policy *p, int *ret_fd)
{
	_cleanup_close_ int fd = tm_open_admin_dir(tm_root_path(p));
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (p->rec.root_ino == 0) {
		p->rec.root_dev = st.st_dev;
		p->rec.root_ino = st.st_ino;
		tm_policy_save_later(p);
	} else if (p->rec.root_dev != (uint64_t)st.st_dev ||
		   p->rec.root_ino != (uint64_t)st.st_ino) {
		return -ESTALE;
	}
	*ret_fd = tm_take_fd(fd);
	return 0;
}

void tm_root_explain(const struct tm_policy *p, int err, char *buf, size_t cap)
{
	const char *what = p->rec.role == TM_REC_SOURCE ? "source" : "target";

	if (err == -ENOENT || err == -ENOTDIR)
		tm_text_set(buf, cap, "the %s directory %s is missing", what, tm_root_path(p));
	else if (err == -ESTALE)
		tm_text_set(
			buf, cap,
			"%s is not the %s directory it was: another directory or file system is there now "
			"(unmounted?)",
			tm_root_path(p), what);
	else
		tm_text_set(buf, cap, "the %s directory %s cannot be opened: %s", what,
			    tm_root_path(p), strerror(-err));
}

int tm_root_verify(struct tm_policy *p)
{
	_cleanup_close_ int fd = -EBADF;
	char why[TM_REC_TEXT_MAX];
	int r;

	if (p->rec.auth != TM_REC_AUTHORIZED || p->embryo || p->doomed)
		return 0;
	r = tm_root_open(p, &fd);
	if (r == 0) {
		/*
		 * Back again, the very same: a target goes on; a source's tracking was broken,
		 * and its admin is asked.
		 */
		if (p->root_bad && p->rec.role == TM_REC_TARGET) {
			p->root_bad = false;
			tm_policy_hold(p, TM_REC_HOLD_NONE, NULL);
			tm_policy_error(p, NULL);
			tm_policy_update(p);
		}
		return p->root_bad ? -ESTALE : 0;
	}
	if (p->root_bad)
		return r;
	p->root_bad = true;
	tm_root_explain(p, r, why, sizeof(why));
	tm_policy_hold(p, TM_REC_HOLD_STOPPED, "%s", why);
	tm_schedule_cancel(p, TM_RUN_STOPPED, why);
	tm_policy_update(p);
	return r;
}

/* ---- may it be a root? */

static int overlaps(struct tm_daemon *d, const struct tm_policy *self, const char *path,
		    enum tm_rec_role role, const struct tm_dir_chain *chain, char **ret_why)
{
	struct tm_dir_chain other;

	tm_policy_foreach(d, q)
	{
		const char *root = tm_root_path(q);

		/* A request that nobody accepted owns nothing yet. */
		if (q == self || q->doomed || tm_roles_may_overlap(role, q->rec.role) ||
		    (q->rec.role == TM_REC_TARGET && q->rec.auth != TM_REC_AUTHORIZED) ||
		    q->rec.auth == TM_REC_REJECTED)
			continue;
		if (tm_paths_overlap(path, root) ||
		    (tm_dir_identify(root, &other, NULL) == 0 && tm_dirs_overlap(chain, &other))) {
			_cleanup_free_ char *a = tm_escape(path, strlen(path)),
					    *b = tm_escape(root, strlen(root));

			*ret_why = tm_asprintf("%s overlaps %s, the %s directory of policy %s",
					       a ?: "?", b ?: "?", tm_rec_role_name(q->rec.role),
					       q->rec.name);
			return -EEXIST;
		}
	}
	return 0;
}

int tm_root_check(struct tm_daemon *d, const struct tm_policy *self, const char *path,
		  enum tm_rec_role role, struct tm_dir_id *ret_id, char **ret_why)
{
	struct tm_dir_chain chain;
	int r = tm_dir_identify(path, &chain, NULL);

	if (r < 0)
		return r;
	r = overlaps(d, self, path, role, &chain, ret_why);
	if (r < 0)
		return r;
	if (role == TM_REC_TARGET && chain.n == 1) {
		*ret_why = strdup("the root of the whole system cannot be a target");
		return -EEXIST;
	}
	*ret_id = chain.id[0];
	return 0;
}

int64_t tm_root_entries(int dirfd, uint64_t limit)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int64_t n = 0;
	int err;

	if (!dir) {
		err = errno;
		tm_close(fd);
		return -err;
	}
	errno = 0;
	while ((uint64_t)n < limit && (e = readdir(dir)))
		n += !tm_tree_reserved(dirfd, e->d_name);
	err = errno;
	closedir(dir);
	return err && !n ? -err : n;
}

int tm_root_create(const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	_cleanup_close_ int fd = -EBADF;
	char *slash;

	if (!parent)
		return -ENOMEM;
	slash = strrchr(parent, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	*slash = 0;
	fd = tm_open_admin_dir(slash == parent ? "/" : parent);
	if (fd < 0)
		return fd;
	/* Replication brings the source's own mode; until then it is nobody else's business. */
	return mkdirat(fd, slash + 1, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* ---- the watch */

static int on_look(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_root_watch *w = arg;

	(void)s;
	(void)usec;
	tm_policy_foreach(w->d, p)(void) tm_root_verify(p);
	(void)tm_timer_set(w->d, &w->timer, LOOK_MS, on_look, w);
	return 0;
}

static int on_mounts(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_root_watch *w = arg;
	char buf[4096];

	(void)s;
	(void)revents;
	/* The kernel tells again only after the file was read from its beginning. */
	if (lseek(fd, 0, SEEK_SET) == 0)
		while (read(fd, buf, sizeof(buf)) > 0)
			;
	(void)tm_timer_set(w->d, &w->timer, SETTLE_MS, on_look, w);
	return 0;
}

int tm_roots_watch(struct tm_daemon *d)
{
	struct tm_root_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->d = d;
	d->roots = w;
	w->mountinfo = openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->mountinfo >= 0) {
		r = sd_event_add_io(d->ev, &w->io, w->mountinfo, EPOLLPRI, on_mounts, w);
		if (r < 0)
			tm_warn("mounts are looked at by timer only: %s", strerror(-r));
	}
	return tm_timer_set(d, &w->timer, LOOK_MS, on_look, w);
}

void tm_roots_free(struct tm_daemon *d)
{
	struct tm_root_watch *w = d->roots;

	if (!w)
		return;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	tm_close(w->mountinfo);
	free(w);
	d->roots = NULL;
}
