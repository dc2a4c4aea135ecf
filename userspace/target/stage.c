/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/stage.c - content as it arrives: into a new inode in STAGE, or into the log.
 *
 * A file is rebuilt in STAGE (empty for WHOLE, a copy of the present one for ranges) unless it is
 * large, not more than half of it changes and the file system cannot share blocks: then the ranges
 * wait in the log and are written in place after the commit. A frame's bytes count only after its
 * verdict: until then, and after a bad one, the range is owed, and a file that still owes something
 * at its end is torn.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "target/target_int.h"

#define COPY_BYTES ((size_t)256 << 10)

void tm_stage_name(struct tm_target *t, char name[24])
{
	snprintf(name, 24, "s%u", t->stage_n++);
}

static void incoming_close(struct tm_incoming *in)
{
	in->fd = tm_close(in->fd);
	in->basefd = tm_close(in->basefd);
	tm_cover_free(&in->owed);
	*in = (struct tm_incoming){ .fd = -EBADF, .basefd = -EBADF };
}

/* Drop what an object has staged, e.g. because a second FILE for it came. */
static void unstage(struct tm_target *t, struct tm_bobj *o)
{
	if (o->stage[0])
		unlinkat(t->stagefd, o->stage, 0);
	o->stage[0] = 0;
	o->stage_tino = 0;
	o->content = TM_CONTENT_NONE;
	o->patch.n = 0;
}

static void resume_name(struct tm_oid oid, char name[24])
{
	/* Two files of one hash are told apart by their content, as everything is that is resumed. */
	snprintf(name, 24, "r%016llx", (unsigned long long)tm_oid_hash(oid));
}

int tm_stage_resume(struct tm_target *t, struct tm_oid oid, char name[24], int flags)
{
	struct stat st;
	int r;

	resume_name(oid, name);
	r = tm_stat_name(t->stagefd, name, &st);
	if (r < 0 || !S_ISREG(st.st_mode))
		return r < 0 ? r : -ENOENT;
	return tm_open_name(t->stagefd, name, flags, 0);
}

static int new_file(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	struct stat st;

	if ((in->flags & TM_FF_WHOLE) && in->size >= TM_RESUME_BYTES && tm_compare_ok(t)) {
		resume_name(in->o->oid, in->o->stage);
		unlinkat(t->stagefd, in->o->stage, 0);
	} else {
		tm_stage_name(t, in->o->stage);
	}
	in->fd = tm_open_name(t->stagefd, in->o->stage, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (in->fd < 0) {
		in->o->stage[0] = 0;
		return in->fd;
	}
	if (fstat(in->fd, &st) < 0)
		return -errno;
	in->o->stage_tino = st.st_ino;
	return 0;
}

/* Data of one extent, by the kernel where it can. */
static int copy_range(int from, int to, off_t off, off_t end)
{
	_cleanup_free_ uint8_t *buf = NULL;

	while (off < end) {
		loff_t in = off, out = off;
		ssize_t n = buf ? -1 : copy_file_range(from, &in, to, &out, (size_t)(end - off), 0);
		int r;

		if (n <= 0 && !buf)
			buf = malloc(COPY_BYTES);
		if (n <= 0 && !buf)
			return -ENOMEM;
		if (n <= 0) {
			n = tm_pread_full(from, buf, TM_MIN((size_t)(end - off), COPY_BYTES), off);
			if (n <= 0)
				return (int)n;
			r = tm_pwrite_full(to, buf, (size_t)n, off);
			if (r < 0)
				return r;
		}
		off += n;
	}
	return 0;
}

static int copy_data(int from, int to, off_t size)
{
	off_t at = 0, hole;

	while (at < size) {
		int r;

		at = lseek(from, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(from, at, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_range(from, to, at, TM_MIN(hole, size));
		if (r < 0)
			return r;
		at = hole;
	}
	return 0;
}

/*
 * Cut to the smaller of both sizes first: what lies between the old end and the new one is zeros.
 */
static int set_size(int fd, uint64_t old_size, uint64_t size)
{
	if (ftruncate(fd, (off_t)TM_MIN(old_size, size)) < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	return 0;
}

int tm_zero_range(int fd, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[65536];
	int r = 0;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return -errno;
	while (len && r == 0) {
		size_t n = TM_MIN(len, (uint64_t)sizeof(zeros));

		r = tm_pwrite_full(fd, zeros, n, (off_t)off);
		off += n;
		len -= n;
	}
	return r;
}

/* A staged copy of the present file. -EOPNOTSUPP: @share was asked for and cannot be had. */
static int clone_base(struct tm_target *t, bool share)
{
	struct tm_incoming *in = &t->in;
	int r = in->fd < 0 ? new_file(t) : 0;

	if (r < 0)
		return r;
	if (t->reflink != 0) {
		if (ioctl(in->fd, FICLONE, in->basefd) == 0) {
			t->reflink = 1;
			in->take = TM_TAKE_CLONE;
			return set_size(in->fd, in->old_size, in->size);
		}
		if (errno == ENOSPC || errno == EIO)
			return -errno;
		if (t->reflink < 0)
			t->reflink = 0;
	}
	if (share)
		return -EOPNOTSUPP;
	in->take = TM_TAKE_CLONE;
	r = copy_data(in->basefd, in->fd, (off_t)TM_MIN(in->old_size, in->size));
	return r == 0 ? set_size(in->fd, in->old_size, in->size) : r;
}

static int open_base(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	struct stat st;

	in->basefd = tm_place_open(t, in->o->oid, in->o->row.tino, O_RDONLY);
	if (in->basefd < 0)
		return in->basefd;
	if (fstat(in->basefd, &st) < 0)
		return -errno;
	in->old_size = (uint64_t)st.st_size;
	return 0;
}

static int log_begin(struct tm_target *t)
{
	int r = t->log_begun ? 0 : tm_clog_begin(t->log);

	if (r == 0)
		t->log_begun = true;
	return r;
}

/* The first range of a known file came: copy or log? */
static int begin_patch(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	uint64_t limit = t->opts.inplace_bytes ? t->opts.inplace_bytes : TM_INPLACE_BYTES;
	bool small = TM_MAX(in->old_size, in->size) <= limit;
	int r;

	/*
	 * FICLONE into a fresh file is tried for large ones too: then it need not be patched in
	 * place.
	 */
	if (!small && t->reflink == 0)
		r = -EOPNOTSUPP;
	else
		r = clone_base(t, !small);
	if (r != -EOPNOTSUPP)
		return r;
	in->fd = tm_close(in->fd);
	unstage(t, in->o);
	r = log_begin(t);
	if (r < 0)
		return r;
	in->take = TM_TAKE_REDO;
	in->o->content = TM_CONTENT_PATCH;
	in->o->patch.old_size = in->old_size;
	in->o->patch.new_size = in->size;
	return 0;
}

/* A file cannot be taken in (not the fault of the disk): read on, skip it, keep what is there. */
static int give_up(struct tm_target *t, int err)
{
	struct tm_incoming *in = &t->in;

	if (tm_err_is_fatal(err))
		return err;
	in->fd = tm_close(in->fd);
	unstage(t, in->o);
	in->take = TM_TAKE_DROP;
	in->lost = true;
	if (err)
		tm_report_obj(t, in->o, 4, -err);
	return 0;
}

/* What came of it before is what the ranges are for. */
static int begin_resume(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	struct stat st;

	in->fd = tm_stage_resume(t, in->o->oid, in->o->stage, O_RDWR);
	if (in->fd < 0 || fstat(in->fd, &st) < 0) {
		in->o->stage[0] = 0;
		return in->fd < 0 ? in->fd : -errno;
	}
	in->o->stage_tino = st.st_ino;
	in->old_size = (uint64_t)st.st_size;
	in->take = TM_TAKE_CLONE;
	return set_size(in->fd, in->old_size, in->size);
}

static int begin_take(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	int r;

	if (in->o->resumed && !(in->flags & TM_FF_WHOLE)) {
		r = begin_resume(t);
	} else if (in->flags & TM_FF_WHOLE) {
		in->take = TM_TAKE_WHOLE;
		r = new_file(t);
		if (r == 0)
			r = tm_cover_add(&in->owed, 0, in->size);
	} else {
		r = open_base(t);
		if (r == 0)
			r = begin_patch(t);
	}
	return r < 0 ? give_up(t, r) : 0;
}

/* Too much for the log: copy the file after all, and write into the copy what the log has of it. */
static int redo_to_clone(struct tm_target *t)
{
	_cleanup_free_ uint8_t *buf = malloc(TM_CLOG_REC_MAX);
	struct tm_incoming *in = &t->in;
	struct tm_patch p = in->o->patch;
	int r;

	if (!buf)
		return -ENOMEM;
	in->o->content = TM_CONTENT_NONE;
	r = clone_base(t, false);
	for (uint32_t i = 0; i < p.n && r == 0; i++) {
		if (!p.v[i].log_off) {
			r = tm_zero_range(in->fd, p.v[i].off, p.v[i].len);
			continue;
		}
		r = tm_clog_read(t->log, p.v[i].log_off, buf, p.v[i].len);
		if (r == 0)
			r = tm_pwrite_full(in->fd, buf, p.v[i].len, (off_t)p.v[i].off);
	}
	in->o->patch.n = 0;
	return r;
}

int tm_stage_file(struct tm_target *t, const struct tm_msg_file *m)
{
	struct tm_bobj *o = tm_batch_obj(&t->batch, m->oid);
	struct tm_incoming *in = &t->in;

	if (in->o || !o || !o->need || m->attrs.kind != o->attrs.kind)
		return -EBADMSG;
	if ((o->attrs.kind != TM_KIND_REG || tm_only_look(t)) && !(m->flags & TM_FF_ATTR_ONLY))
		return -EBADMSG;
	if (m->attrs.size > INT64_MAX)
		return -EBADMSG;
	unstage(t, o);
	o->attrs = m->attrs;
	o->result = 0;
	o->xattrs = tm_arena_dup(&t->batch.arena, m->xattrs, m->xattrs_len);
	o->xattrs_len = m->xattrs_len;
	if (!o->xattrs)
		return -E2BIG;
	in->o = o;
	in->flags = m->flags;
	in->size = m->attrs.size;
	in->take = TM_TAKE_NONE;
	if (m->flags & TM_FF_WHOLE)
		return begin_take(t);
	/* Ranges and bare attributes need something to be about. */
	if (o->attrs.kind == TM_KIND_REG && !o->resumed &&
	    (!o->known || o->need == TM_NEED_WHOLE))
		in->lost = true;
	/* All of it may have come already: then no range follows. */
	return o->resumed && o->attrs.kind == TM_KIND_REG ? begin_take(t) : 0;
}

int tm_stage_data(struct tm_target *t, uint64_t off, const uint8_t *p, uint32_t n)
{
	struct tm_incoming *in = &t->in;
	uint64_t limit;
	int r = 0;

	if (!in->o || in->frame || (in->flags & TM_FF_ATTR_ONLY) || off > (uint64_t)INT64_MAX - n)
		return -EBADMSG;
	in->frame = true;
	in->frame_off = off;
	/*
	 * The file grew after its attributes were read: what is beyond belongs to a later change.
	 */
	in->frame_len = off >= in->size ? 0 : TM_MIN((uint64_t)n, in->size - off);
	if (in->take == TM_TAKE_NONE && !in->lost)
		r = begin_take(t);
	if (r < 0 || !in->frame_len || in->lost)
		return r;
	limit = in->size / 2;
	if (in->take == TM_TAKE_REDO &&
	    (in->redo_bytes + in->frame_len > limit ||
	     tm_clog_size(t->log) + in->frame_len > TM_REDO_BYTES_MAX)) {
		r = redo_to_clone(t);
		if (r < 0)
			return give_up(t, r);
	}
	if (in->take == TM_TAKE_REDO) {
		in->frame_sum = tm_clog_hash(p, in->frame_len);
		r = tm_clog_data(t->log, p, (uint32_t)in->frame_len, &in->frame_log);
	} else {
		r = tm_pwrite_full(in->fd, p, in->frame_len, (off_t)off);
	}
	in->end = TM_MAX(in->end, off + in->frame_len);
	t->progress.payload_bytes += in->frame_len;
	t->progress.bytes_done += in->frame_len;
	return r < 0 ? give_up(t, r) : 0;
}

static int frame_good(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	struct tm_patch_range range = { in->frame_off, in->frame_len, in->frame_log,
					in->frame_sum };

	if (in->take == TM_TAKE_REDO) {
		in->redo_bytes += in->frame_len;
		if (tm_patch_add(&in->o->patch, range) < 0)
			return -ENOMEM;
	}
	return tm_cover_sub(&in->owed, in->frame_off, in->frame_off + in->frame_len);
}

int tm_stage_verdict(struct tm_target *t, uint8_t verdict)
{
	struct tm_incoming *in = &t->in;
	int r;

	if (!in->frame || verdict < TM_VERDICT_GOOD || verdict > TM_VERDICT_SHORT)
		return -EBADMSG;
	in->frame = false;
	if (!in->frame_len || in->lost)
		return 0;
	if (verdict == TM_VERDICT_GOOD) {
		r = frame_good(t);
	} else {
		if (in->take == TM_TAKE_REDO)
			tm_clog_undo_data(t->log, in->frame_log);
		in->bad_seen = true;
		r = tm_cover_add(&in->owed, in->frame_off, in->frame_off + in->frame_len);
	}
	return r < 0 ? give_up(t, r) : 0;
}

static int punch(struct tm_target *t, uint64_t off, uint64_t len)
{
	struct tm_incoming *in = &t->in;
	struct tm_patch_range range = { .off = off, .len = len };

	int r = 0;

	if (in->take == TM_TAKE_REDO)
		r = tm_patch_add(&in->o->patch, range);
	/* A fresh file is a hole already, unless a bad frame has left its bytes there. */
	else if (in->take != TM_TAKE_WHOLE || in->bad_seen)
		r = tm_zero_range(in->fd, off, len);
	return r < 0 ? r : tm_cover_sub(&in->owed, off, off + len);
}

int tm_stage_hole(struct tm_target *t, uint64_t off, uint64_t len)
{
	struct tm_incoming *in = &t->in;
	int r = 0;

	if (!in->o || in->frame || (in->flags & TM_FF_ATTR_ONLY) || off > INT64_MAX ||
	    len > INT64_MAX - off)
		return -EBADMSG;
	len = off >= in->size ? 0 : TM_MIN(len, in->size - off);
	if (in->take == TM_TAKE_NONE && !in->lost)
		r = begin_take(t);
	if (r < 0 || !len || in->lost)
		return r;
	r = punch(t, off, len);
	return r < 0 ? give_up(t, r) : 0;
}

/* Everything is there: what else belongs to it? */
static int finish_staged(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	struct tm_attr_result res = { 0 };
	struct tm_row row = { .kind = TM_KIND_REG };
	struct tm_attr_job job = { .row = &row,
				   .xattrs = in->o->xattrs,
				   .xattrs_len = in->o->xattrs_len,
				   .allow_suid = t->opts.allow_suid };
	int r;

	/* Only a file that ends in a hole was not written up to its end. */
	if ((in->flags & TM_FF_WHOLE) && in->end != in->size &&
	    ftruncate(in->fd, (off_t)in->size) < 0)
		return -errno;
	tm_row_from_attrs(&row, &in->o->attrs);
	r = tm_attrs_set_fd(in->fd, &job, &res);
	if (r < 0)
		return r;
	in->o->attrs_ok = !res.err;
	if (res.refused) {
		t->refused++;
		tm_report_obj(t, in->o, 3, EPERM);
	}
	if (res.err)
		tm_report_obj(t, in->o, 4, -res.err);
	in->o->content = TM_CONTENT_STAGED;
	if ((in->flags & TM_FF_WHOLE) || in->o->resumed)
		in->o->need = TM_NEED_WHOLE;
	if (t->n_sync < TM_STAGE_SYNC_FDS)
		t->sync_fd[t->n_sync] = tm_take_fd(in->fd);
	t->n_sync++;
	return 0;
}

static int end_ok(struct tm_target *t)
{
	struct tm_incoming *in = &t->in;
	int r = 0;

	/* No range, another size: the new size is the content. */
	if (in->o->attrs.kind == TM_KIND_REG && !(in->flags & TM_FF_ATTR_ONLY) &&
	    in->take == TM_TAKE_NONE && !in->lost && in->o->row.size != in->size)
		r = begin_take(t);
	if (r < 0)
		return r;
	if (in->lost || in->owed.n)
		return 1;
	if (in->fd >= 0)
		return finish_staged(t);
	in->o->attrs_ok = true;
	return in->o->flags & TM_AF_COMPARE ? tm_compare_answer(t) : 0;
}

int tm_stage_end(struct tm_target *t, const struct tm_msg_file_end *m)
{
	struct tm_incoming *in = &t->in;
	struct tm_bobj *o = in->o;
	int r = 0;

	if (!o || in->frame)
		return -EBADMSG;
	o->result = m->result;
	if (m->result == TM_FILE_OK)
		r = end_ok(t);
	if (r < 0)
		return r;
	if (r > 0)
		o->result = TM_FILE_TORN;
	if (o->result != TM_FILE_OK) {
		in->fd = tm_close(in->fd);
		/* It kept changing, or was cut short: most of it is good for the next time. */
		if (o->result == TM_FILE_TORN && o->stage[0] == 'r')
			o->stage[0] = 0;
		unstage(t, o);
		t->skipped++;
	}
	t->progress.files_done++;
	incoming_close(in);
	return 0;
}

int tm_stage_sync(struct tm_target *t)
{
	uint32_t n = TM_MIN(t->n_sync, (uint32_t)TM_STAGE_SYNC_FDS);
	int r = 0;

	if (!t->n_sync)
		return 0;
	if (tm_fault("fsync-off")) {
		tm_stage_forget(t);
		return 0;
	}
	if (t->n_sync > TM_STAGE_SYNC_FDS) {
		if (syncfs(t->rootfd) < 0)
			r = -errno;
	} else {
		/* Bytes and attributes of each, then their names. */
		for (uint32_t i = 0; i < n && r == 0; i++)
			if (fsync(t->sync_fd[i]) < 0)
				r = -errno;
		if (r == 0 && fsync(t->stagefd) < 0)
			r = -errno;
	}
	tm_stage_forget(t);
	/* Of pages that could not be written nobody knows what they hold: nothing is built on them. */
	t->distrust |= r < 0;
	return r;
}

void tm_stage_forget(struct tm_target *t)
{
	for (uint32_t i = 0; i < TM_MIN(t->n_sync, (uint32_t)TM_STAGE_SYNC_FDS); i++)
		tm_close(t->sync_fd[i]);
	t->n_sync = 0;
	incoming_close(&t->in);
}
