// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/tree.c - a walk with a stack of open directories, a deadline and a number.
 */
#include "daemon/tree.h"
#include "lib/beneath.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define DEPTH_MAX 100

struct walk {
	DIR *stack[DEPTH_MAX];
	unsigned int depth;
	uint64_t max_entries, deadline_ms;
	void (*fn)(void *arg, const char *name, const struct stat *st);
	void *arg;
	struct tm_tree_sum *sum;
};

bool tm_tree_reserved(int rootfd, const char *name)
{
	return tm_streq(name, ".") || tm_streq(name, "..") || tm_streq(name, ".tidemark") ||
	       (tm_streq(name, "lost+found") && tm_has_lost_found(rootfd));
}

/* Takes @fd over. */
static int push(struct walk *w, int fd)
{
	DIR *dir = w->depth < DEPTH_MAX ? fdopendir(fd) : NULL;

	if (!dir) {
		int err = w->depth < DEPTH_MAX ? errno : ELOOP;

		tm_close(fd);
		return -err;
	}
	w->stack[w->depth++] = dir;
	return 0;
}

static void add_file(struct tm_tree_sum *sum, const struct stat *st)
{
	int64_t mtime = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

	sum->files++;
	/* Small content may live in the inode, with no block at all. */
	if (S_ISREG(st->st_mode))
		sum->bytes += st->st_size <= 4096 ? (uint64_t)st->st_size
						  : TM_MIN((uint64_t)st->st_size,
							   (uint64_t)st->st_blocks * 512);
	if (!sum->oldest_ns || mtime < sum->oldest_ns)
		sum->oldest_ns = mtime;
	if (mtime > sum->newest_ns)
		sum->newest_ns = mtime;
}

static void visit(struct walk *w, int dirfd, const char *name)
{
	struct stat st;
	int fd, r = tm_stat_name(dirfd, name, &st);

	if (r < 0) {
		/* Gone again is no gap. */
		if (r != -ENOENT)
			w->sum->whole = false;
		return;
	}
	w->sum->entries++;
	if (w->depth == 1 && w->fn)
		w->fn(w->arg, name, &st);
	if (!S_ISDIR(st.st_mode)) {
		add_file(w->sum, &st);
		return;
	}
	w->sum->directories++;
	fd = tm_open_name(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd == -EXDEV || fd == -ENOENT)
		return; /* a mount is not ours to look into */
	if (fd < 0 || push(w, fd) < 0)
		w->sum->whole = false;
}

static bool over(const struct walk *w)
{
	return w->sum->entries >= w->max_entries ||
	       ((w->sum->entries & 63) == 0 && tm_mono_ms() > w->deadline_ms);
}

int tm_tree_sum(int rootfd, uint64_t max_entries, uint64_t max_ms,
		void (*fn)(void *arg, const char *name, const struct stat *st), void *arg,
		struct tm_tree_sum *ret)
{
	struct tm_tree_sum sum = { .whole = true };
	struct walk w = { .max_entries = max_entries, .deadline_ms = tm_mono_ms() + max_ms,
			  .fn = fn, .arg = arg, .sum = &sum };
	int r = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	r = r < 0 ? -errno : push(&w, r);
	if (r < 0)
		return r;
	while (w.depth) {
		DIR *dir = w.stack[w.depth - 1];
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (!e) {
			sum.whole = sum.whole && !errno;
			closedir(dir);
			w.depth--;
			continue;
		}
		if (w.depth == 1 ? tm_tree_reserved(dirfd(dir), e->d_name)
				 : tm_streq(e->d_name, ".") || tm_streq(e->d_name, ".."))
			continue;
		if (over(&w)) {
			sum.whole = false;
			break;
		}
		visit(&w, dirfd(dir), e->d_name);
	}
	while (w.depth)
		closedir(w.stack[--w.depth]);
	*ret = sum;
	return 0;
}
