/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/stage_new.c - new objects without content: directories, symlinks, FIFOs, sockets, devices.
 *
 * They are made in STAGE, with owner, mode and xattrs, and are put into place by one rename after
 * the commit. A special file whose mode changed is made anew, because its mode cannot be set
 * without opening it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/target_int.h"

static int make_dir(struct tm_target *t, struct tm_bobj *o, const struct tm_row *row,
		    struct tm_attr_result *res)
{
	struct tm_attr_job job = { .row = row,
				   .xattrs = o->xattrs,
				   .xattrs_len = o->xattrs_len,
				   .allow_suid = t->opts.allow_suid };
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r;

	if (mkdirat(t->stagefd, o->stage, 0700) < 0)
		return -errno;
	fd = tm_open_name(t->stagefd, o->stage, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = tm_attrs_set_fd(fd, &job, res);
	o->stage_tino = st.st_ino;
	return r;
}

static mode_t type_bits(uint8_t kind)
{
	switch (kind) {
	case TM_KIND_FIFO: return S_IFIFO;
	case TM_KIND_SOCK: return S_IFSOCK;
	case TM_KIND_CHR: return S_IFCHR;
	default: return S_IFBLK;
	}
}

static int make_node(struct tm_target *t, struct tm_bobj *o, const struct tm_row *row,
		     struct tm_attr_result *res)
{
	struct tm_attr_job job = { .row = row, .xattrs = o->xattrs, .xattrs_len = o->xattrs_len };
	uint32_t mode = tm_attrs_mode(row, t->opts.allow_suid, &res->refused);
	struct stat st;
	mode_t mask;
	int r = 0;

	if (o->attrs.kind == TM_KIND_LNK) {
		if (!o->symlink || symlinkat(o->symlink, t->stagefd, o->stage) < 0)
			return o->symlink ? -errno : -EBADMSG;
	} else {
		/* The mode can only be given now. */
		mask = umask(0);
		if (mknodat(t->stagefd, o->stage, type_bits(o->attrs.kind) | mode, row->rdev) < 0)
			r = -errno;
		umask(mask);
		if (r < 0)
			return r;
	}
	r = tm_attrs_set_name(t->stagefd, o->stage, &job, res);
	if (r == 0)
		r = tm_stat_name(t->stagefd, o->stage, &st);
	if (r == 0)
		o->stage_tino = st.st_ino;
	return r;
}

static bool is_device(const struct tm_bobj *o)
{
	return o->attrs.kind == TM_KIND_CHR || o->attrs.kind == TM_KIND_BLK;
}

static int make(struct tm_target *t, struct tm_bobj *o)
{
	struct tm_attr_result res = { 0 };
	struct tm_row row = { 0 };
	int r;

	tm_row_from_attrs(&row, &o->attrs);
	tm_stage_name(t, o->stage);
	r = o->attrs.kind == TM_KIND_DIR ? make_dir(t, o, &row, &res) : make_node(t, o, &row, &res);
	if (r < 0) {
		o->stage[0] = 0;
		if (tm_err_is_fatal(r))
			return r;
		t->skipped++;
		tm_report_obj(t, o, 4, -r);
		return 0;
	}
	o->attrs_ok = !res.err;
	if (res.refused) {
		t->refused++;
		tm_report_obj(t, o, 3, EPERM);
	}
	if (res.err)
		tm_report_obj(t, o, 4, -res.err);
	t->n_sync = TM_STAGE_SYNC_FDS + 1;
	return 0;
}

/*
 * A known symlink whose inode number came back, or that somebody else replaced, may say something
 * else.
 */
bool tm_stage_says_otherwise(struct tm_target *t, const struct tm_bobj *o)
{
	char now[TM_SYMLINK_MAX + 1];
	struct tm_at at;
	ssize_t n;

	if (!o->symlink || tm_place_of(t, o->oid, &at) < 0)
		return false;
	n = readlinkat(at.dirfd, at.name, now, sizeof(now));
	return n >= 0 && ((size_t)n != o->symlink_len || memcmp(now, o->symlink, (size_t)n));
}

/* Is there something to be made for @o, now that all answers are in? */
static bool wanted(struct tm_target *t, const struct tm_bobj *o)
{
	if (!o->asserted || o->attrs.kind == TM_KIND_REG || o->stage[0])
		return false;
	if (!o->known)
		return o->ent &&
		       (o->attrs.kind == TM_KIND_DIR || !o->result || o->result == TM_FILE_OK);
	if (o->result != TM_FILE_OK || o->attrs.kind == TM_KIND_DIR)
		return false;
	if (o->attrs.kind == TM_KIND_LNK)
		return tm_stage_says_otherwise(t, o);
	return o->attrs.mode != o->row.mode || o->attrs.rdev != o->row.rdev;
}

int tm_stage_rest(struct tm_target *t)
{
	int r = 0;

	for (size_t i = 0; i < t->batch.n_objs && r == 0; i++) {
		struct tm_bobj *o = t->batch.objs[i];

		if (!wanted(t, o))
			continue;
		if (is_device(o) && !t->opts.allow_devices) {
			t->refused++;
			tm_report_obj(t, o, 3, EPERM);
			continue;
		}
		r = make(t, o);
		if (r == 0 && o->known && o->stage[0])
			o->content = TM_CONTENT_STAGED;
	}
	return r;
}

/* With @keep, a few of what can be resumed are left. */
static int clean(struct tm_target *t, unsigned int keep)
{
	_cleanup_close_ int fd = -EBADF;
	struct dirent *de;
	DIR *dir;
	int r = 0;

	tm_stage_forget(t);
	if (t->in_doubt)
		return 0;
	fd = openat(t->stagefd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -ENOMEM;
	fd = -EBADF;
	while (r == 0 && (errno = 0, de = readdir(dir))) {
		if (tm_streq(de->d_name, ".") || tm_streq(de->d_name, ".."))
			continue;
		if (de->d_name[0] == 'r' && keep && !t->distrust) {
			keep--;
			continue;
		}
		r = tm_remove_tree(t->stagefd, de->d_name);
	}
	closedir(dir);
	t->stage_n = 0;
	return r;
}

int tm_stage_clean(struct tm_target *t)
{
	return clean(t, TM_RESUME_FILES);
}

int tm_stage_clean_all(struct tm_target *t)
{
	return clean(t, 0);
}
