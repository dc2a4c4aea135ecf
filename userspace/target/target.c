/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/target.c - open and close the target's state; see target.h.
 *
 * The reserved directory must be ours: a directory of root with mode 0700. Anything else of that
 * name was made by somebody else and is neither used nor removed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/target_int.h"

#define STATE_DIR  ".tidemark"
#define STATE_PATH "/" STATE_DIR
#define DB_NAME	   "identity.db"

static int open_dir(int dirfd, const char *name, bool *ret_made)
{
	*ret_made = mkdirat(dirfd, name, 0700) == 0;
	if (!*ret_made && errno != EEXIST)
		return -errno;
	return tm_open_name(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
}

static int open_ours(int dirfd, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	bool made;

	fd = open_dir(dirfd, name, &made);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENOTDIR ? -EEXIST : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Also one that we had made and not yet given away when we were killed. */
	made |= st.st_uid != 0 && st.st_uid == geteuid() && (st.st_mode & 07077) == 0;
	if (made && (fchown(fd, 0, 0) < 0 || fchmod(fd, 0700) < 0 || fstat(fd, &st) < 0))
		return -errno;
	if (st.st_uid != 0 || (st.st_mode & 07777) != 0700)
		return -EEXIST;
	return tm_take_fd(fd);
}

/* Keep a damaged database for whoever wants to know why; start without it. */
static void set_aside(int statefd)
{
	renameat(statefd, DB_NAME, statefd, DB_NAME ".damaged");
	unlinkat(statefd, DB_NAME "-wal", 0);
	unlinkat(statefd, DB_NAME "-journal", 0);
	unlinkat(statefd, "log", 0);
	fsync(statefd);
}

/*
 * State that was copied along with its directory, as a restored backup: every inode number in it is
 * wrong.
 */
static int same_place(struct tm_target *t)
{
	struct tm_row row;
	struct stat st;
	int r = tm_table_row(t->table, t->dirs.root, &row);

	if (r < 0)
		return r == -ENOENT ? -EUCLEAN : r;
	if (fstat(t->rootfd, &st) < 0)
		return -errno;
	return st.st_ino == row.tino ? 0 : -EUCLEAN;
}

static int open_table(struct tm_target *t)
{
	const char *dir = t->opts.state_path ? t->opts.state_path : STATE_PATH;
	char path[4096];
	struct tm_oid root;
	int n = snprintf(path, sizeof(path), "%s/" DB_NAME, dir);
	int r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	r = tm_table_open(path, &t->table);
	if (r < 0)
		return r;
	tm_dirs_init(&t->dirs, t->table, t->rootfd, t->parkfd, t->stagefd);
	root = (struct tm_oid){ .ino = tm_table_meta(t->table, TM_META_ROOT_INO),
				.gen = (uint32_t)tm_table_meta(t->table, TM_META_ROOT_GEN),
				.subvol = (uint32_t)tm_table_meta(t->table, TM_META_ROOT_SUBVOL) };
	t->dirs.root = root;
	return tm_oid_is_none(root) ? 0 : same_place(t);
}

static int open_all(struct tm_target *t)
{
	int r;

	t->statefd = open_ours(t->rootfd, STATE_DIR);
	if (t->statefd < 0)
		return t->statefd;
	t->stagefd = open_ours(t->statefd, "stage");
	if (t->stagefd < 0)
		return t->stagefd;
	t->parkfd = open_ours(t->statefd, "park");
	if (t->parkfd < 0)
		return t->parkfd;
	r = open_table(t);
	if (r == 0)
		r = tm_clog_open(t->statefd, &t->log);
	if (r == 0)
		r = tm_recover(t);
	if (r == 0 && fsync(t->statefd) < 0)
		r = -errno;
	return r;
}

int tm_target_open(const struct tm_target_opts *opts, struct tm_target **ret_t)
{
	struct tm_target *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	memcpy(&t->opts, opts, TM_MIN(opts->sz, sizeof(t->opts)));
	t->rootfd = t->opts.rootfd;
	t->statefd = t->stagefd = t->parkfd = -EBADF;
	t->in.fd = t->in.basefd = -EBADF;
	t->reflink = -1;
	r = open_all(t);
	if (r < 0) {
		int statefd = r == -EUCLEAN ? tm_take_fd(t->statefd) : -EBADF;

		tm_target_close(t);
		if (statefd >= 0)
			set_aside(statefd);
		tm_close(statefd);
		return r;
	}
	*ret_t = t;
	return 0;
}

void tm_target_close(struct tm_target *t)
{
	if (!t)
		return;
	if (t->in_batch)
		tm_batch_free(&t->batch);
	if (t->table) {
		tm_stage_forget(t);
		tm_dirs_reset(&t->dirs);
	}
	tm_compare_forget(t);
	tm_digest_free(t->digest);
	tm_buf_free(&t->hashes);
	free((void *)t->foreign);
	tm_table_close(t->table);
	tm_clog_close(t->log);
	tm_close(t->parkfd);
	tm_close(t->stagefd);
	tm_close(t->statefd);
	free(t);
}

int64_t tm_target_count_entries(int rootfd, uint64_t limit)
{
	int fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *de;
	uint64_t n = 0;
	DIR *d;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		tm_close(fd);
		return -ENOMEM;
	}
	while (n < limit && (errno = 0, de = readdir(d))) {
		if (tm_streq(de->d_name, ".") || tm_streq(de->d_name, "..") ||
		    tm_streq(de->d_name, STATE_DIR) || (tm_streq(de->d_name, "lost+found") && tm_has_lost_found(rootfd)))
			continue;
		n++;
	}
	closedir(d);
	return errno && n < limit ? -errno : (int64_t)n;
}
