/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/content.c - one needed object: FILE, its data as ranges and holes, FILE_END.
 *
 * Data leaves by sendfile before anything can be checked, so every DATA frame is judged
 * afterwards: by the version counters of the inode where the kernel side keeps them (begun equal to ended
 * before, both unchanged after), else by its times and size. What cannot be sent well is said to be
 * so, and stays dirty: never silently less.
 */
#include "lib/fault.h"
#include "source/internal.h"
#include "source/moment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/beneath.h"
#include "lib/clock.h"

#define PIECE_TRIES 8
#define OP_READ 1
#define OP_TORN 2

/* Sizes of a frame: smaller ones are torn less often. The first is whole pages. */
static const uint32_t frame_sizes[] = {
	TM_DATA_MAX & ~(uint32_t)4095, 256 << 10, 64 << 10, 4 << 10,
};

struct sending {
	struct tm_source *s;
	struct src_obj *o;
	int fd;
	struct tm_attrs attrs;
	const struct tm_version *version;	/* NULL: compare times */
	bool clean;				/* write mapped pages back before reading */
	uint8_t result;				/* enum tm_file_result */
	int err;				/* positive errno for it */
};

/* ---- opening ---- */

static struct src_dir *dir_of(const struct tm_source *s, const struct src_obj *o)
{
	return o->kind == TM_KIND_DIR ? src_index_get(&s->index, o->oid) : o->dir;
}

static int hold_dir(struct tm_source *s, struct src_dir *d)
{
	int fd = src_dir_cached(s, d);

	if (fd != -ESTALE)
		return fd;
	fd = src_dir_find(s, d, SRC_OPEN_PATH);
	if (fd >= 0) {
		s->cached_fd = fd;
		s->cached_dir = d->oid;
	}
	return fd;
}

/* O_NOATIME is for the owner only; whether we may is the same for most of a tree. */
static int open_reg(struct tm_source *s, int dirfd, const char *name)
{
	int fd;

	if (!s->no_noatime) {
		fd = tm_open_name(dirfd, name, O_RDONLY | O_NOATIME, 0);
		if (fd != -EPERM)
			return fd;
		s->no_noatime = true;
	}
	return tm_open_name(dirfd, name, O_RDONLY, 0);
}

int src_obj_open(struct tm_source *s, const struct src_obj *o)
{
	_cleanup_close_ int fd = -EBADF;
	struct src_dir *d = dir_of(s, o);
	struct tm_oid oid;
	struct stat st;
	int r;

	if (!d)
		return -ESTALE;
	if (o->kind == TM_KIND_DIR) {
		fd = src_dir_open(s, d, SRC_OPEN_LIST);
		return fd == -ESTALE ? src_dir_find(s, d, SRC_OPEN_LIST) : tm_take_fd(fd);
	}
	r = hold_dir(s, d);
	if (r < 0)
		return r;
	if (o->kind == TM_KIND_REG)
		fd = open_reg(s, r, src_obj_name(s, o));
	else
		fd = tm_open_name(r, src_obj_name(s, o), O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd == -ENXIO ? -ESTALE : fd;	/* ENXIO: a socket by now */
	r = tm_oid_at(fd, "", &oid);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!tm_oid_eq(oid, o->oid) || (o->kind == TM_KIND_REG && !S_ISREG(st.st_mode)))
		return -ESTALE;
	return tm_take_fd(fd);
}

const struct tm_version *src_obj_version(const struct tm_source *s, const struct src_obj *o)
{
	if (!s->opts.versions || !s->opts.n_versions)
		return NULL;
	return &s->opts.versions[tm_version_slot(o->oid.ino, s->opts.n_versions)];
}

/* ---- what stays dirty ---- */

static int requeue_object(struct tm_source *s, const struct src_obj *o)
{
	struct tm_change c = { .kind = TM_CHANGE_INODE, .flags = TM_CF_ATTR, .obj = o->oid };
	const struct src_link *l = src_links_get(s->links, o->oid);
	const struct src_ino *i = o->ino;
	const struct src_link_name *n;
	int r;

	if (o->kind == TM_KIND_REG && (o->need == TM_NEED_WHOLE || o->need == TM_NEED_COMPARE))
		c.flags |= TM_CF_WHOLE;
	if (i) {
		c.flags |= i->flags & ~(uint32_t)TM_CF_GONE;
		if (!(c.flags & TM_CF_WHOLE)) {
			c.ranges = i->ranges;
			c.n_ranges = i->n_ranges;
		}
	}
	if (o->name_len && o->dir) {
		c.dir = o->dir->oid;
		c.name = src_obj_name(s, o);
		c.name_len = o->name_len;
		/* The target may not have it yet: then only its entries say where it belongs. */
		r = src_requeue_name(s, o->dir->oid, c.name, c.name_len);
		for (n = l ? l->names : NULL; r == 0 && n; n = n->next)
			r = src_requeue_name(s, n->dir, n->name, n->len);
		if (r < 0)
			return r;
	}
	return src_requeue(s, &c);
}

static void failed(struct sending *x, uint8_t result, int err)
{
	x->result = result;
	x->err = err;
}

static int say_end(struct sending *x)
{
	struct tm_msg_file_end m = { .result = x->result, .err = x->err };
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };

	tm_msg_file_end_put(&b, &m);
	return src_send_buf(x->s, TM_F_FILE_END, &b);
}

/* Tell the target how it ended, and keep dirty what it does not have now. */
static int file_end(struct sending *x)
{
	struct tm_source *s = x->s;
	struct src_obj *o = x->o;
	int r = say_end(x);

	if (r < 0)
		return r;
	if (x->result == TM_FILE_OK)
		return 0;
	if (x->result == TM_FILE_TORN)
		src_file_failed(s, dir_of(s, o), src_obj_name(s, o), o->name_len, OP_TORN, x->err);
	/* A lease goes away by itself. */
	if (x->result == TM_FILE_UNREADABLE && x->err != EAGAIN)
		src_file_failed(s, dir_of(s, o), src_obj_name(s, o), o->name_len, OP_READ, x->err);
	return requeue_object(s, o);
}

/* ---- data ---- */

static void back_off(unsigned int tries)
{
	struct timespec ts = { .tv_nsec = 100000L << TM_MIN(tries, 6u) };

	nanosleep(&ts, NULL);
}

/* One DATA frame and its verdict. *ret_verdict; 0 or an error that ends the set. */
static int send_frame(struct sending *x, uint64_t off, uint32_t n, uint8_t *ret_verdict)
{
	struct tm_source *s = x->s;
	struct src_moment before, after;
	bool is_short = false;
	int read_err = 0, r;
	uint8_t verdict;

	r = src_moment_quiet(x->fd, x->version, &before);
	if (r < 0)
		return r;
	if (src_moment_in_flight(x->version, &before)) {
		*ret_verdict = TM_VERDICT_TORN;	/* known before a byte was sent */
		return 0;
	}
	r = tm_link_send_file(s->link, off, x->fd, off, n, &is_short, &read_err);
	if (r < 0) {
		s->link_broken = true;
		return r;
	}
	s->unsynced = true;
	s->progress.read_bytes += n;
	s->progress.payload_bytes += n;
	r = src_moment_get(x->fd, x->version, &after);
	if (is_short)
		verdict = TM_VERDICT_SHORT;
	else if (r == 0 && !read_err && src_moment_eq(x->version, &before, &after))
		verdict = TM_VERDICT_GOOD;
	else
		verdict = TM_VERDICT_TORN;
	if (read_err)
		failed(x, TM_FILE_UNREADABLE, read_err < 0 ? -read_err : read_err);
	r = src_send(s, TM_F_VERDICT, &verdict, 1);
	if (r < 0)
		return r;
	src_progress(s);
	*ret_verdict = verdict;
	return src_poll(s);
}

/* The file ended before the frame did: may a second try do better? */
static bool grew_back(const struct sending *x, uint64_t end)
{
	struct stat st;

	return fstat(x->fd, &st) == 0 && (uint64_t)st.st_size >= end;
}

/* [off, end) holds data: frames, smaller ones where the file is being written. */
static int send_data(struct sending *x, uint64_t off, uint64_t end)
{
	unsigned int tries = 0, size = 0;
	bool was_short = false;
	uint8_t verdict;
	int r;

	r = x->clean ? src_clean_mapped(x->fd, off, end - off) : 0;
	if (r < 0) {
		failed(x, TM_FILE_UNREADABLE, -r);
		return 0;
	}
	while (off < end && x->result == TM_FILE_OK) {
		uint32_t n = (uint32_t)TM_MIN((uint64_t)frame_sizes[size], end - off);

		r = send_frame(x, off, n, &verdict);
		if (r < 0)
			return r;
		if (x->result != TM_FILE_OK)
			break;
		if (verdict == TM_VERDICT_GOOD) {
			x->s->progress.bytes_done += n;
			off += n;
			if (tries)
				tries--;
			if (!tries)
				size = 0;
			continue;
		}
		if (verdict == TM_VERDICT_SHORT && (was_short || !grew_back(x, off + n)))
			failed(x, TM_FILE_TORN, ENODATA);
		else if (++tries > PIECE_TRIES)
			failed(x, TM_FILE_TORN, EBUSY);
		was_short = verdict == TM_VERDICT_SHORT;
		size = TM_MIN(tries, (unsigned int)TM_ARRAY_SIZE(frame_sizes) - 1);
		back_off(tries);
	}
	return 0;
}

static int send_hole(struct sending *x, uint64_t off, uint64_t len)
{
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };

	if (tm_fault("hole-skipped"))
		return 0;
	tm_put_u64(&b, off);
	tm_put_u64(&b, len);
	x->s->progress.bytes_done += len;
	return src_send_buf(x->s, TM_F_HOLE, &b);
}

/* [off, end), holes as holes. */
static int send_span(struct sending *x, uint64_t off, uint64_t end)
{
	int r = 0;

	while (r == 0 && off < end && x->result == TM_FILE_OK) {
		off_t data = lseek(x->fd, (off_t)off, SEEK_DATA), hole;
		uint64_t to;

		if (data < 0 && errno != ENXIO)
			return send_data(x, off, end);	/* knows no holes */
		/* ENXIO: nothing but a hole from here on. */
		to = data < 0 ? end : TM_MIN((uint64_t)data, end);
		if (to > off) {
			r = send_hole(x, off, to - off);
			off = to;
			continue;
		}
		hole = lseek(x->fd, (off_t)off, SEEK_HOLE);
		/* A hole punched just now: as data it reads as zeros. */
		to = hole <= (off_t)off ? end : TM_MIN((uint64_t)hole, end);
		r = send_data(x, off, to);
		off = to;
	}
	return r;
}

int src_dirty_ranges(const struct src_obj *o, uint64_t size, struct tm_ranges *ret, bool *ret_whole)
{
	const struct src_ino *i = o->ino;
	int r = 0;

	*ret_whole = !(o->flags & TM_AF_DATA) || (o->flags & TM_AF_WHOLE);
	if (*ret_whole || !i)
		return 0;
	for (uint32_t k = 0; r == 0 && k < i->n_ranges; k++) {
		struct tm_range v = i->ranges[k];

		/* A changed size: from where it changed to the end, wherever that is now. */
		if (k + 1 == i->n_ranges && (i->flags & TM_CF_SIZE))
			v.end = TM_RANGE_EOF;
		v.end = TM_MIN(v.end, size);
		if (v.start < v.end)
			r = tm_ranges_add(ret, v.start, v.end);
	}
	return r;
}

static int send_content(struct sending *x, const struct tm_ranges *ranges, bool whole)
{
	struct stat st;
	int r = 0;

	if (whole) {
		r = send_span(x, 0, x->attrs.size);
	} else {
		for (uint32_t i = 0; r == 0 && x->result == TM_FILE_OK && i < ranges->n; i++)
			r = send_span(x, ranges->v[i].start,
				      TM_MIN(ranges->v[i].end, x->attrs.size));
	}
	/* Cut off meanwhile: what was taken for a hole at its end may have been none. */
	if (r == 0 && x->result == TM_FILE_OK && fstat(x->fd, &st) == 0 &&
	    (uint64_t)st.st_size < x->attrs.size)
		failed(x, TM_FILE_TORN, EBUSY);
	return r;
}

static int send_head(struct sending *x, uint32_t flags, const struct tm_buf *xattrs)
{
	struct tm_msg_file m = { .oid = x->o->oid, .flags = flags, .attrs = x->attrs };
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };

	if (xattrs && xattrs->len) {
		m.xattrs = xattrs->data;
		m.xattrs_len = (uint32_t)xattrs->len;
	}
	tm_msg_file_put(&b, &m);
	return src_send_buf(x->s, TM_F_FILE, &b);
}

/* It could not even be opened. */
static int send_failure(struct sending *x, int err)
{
	int r;

	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return err;
	if (src_err_gone(err))
		failed(x, TM_FILE_GONE, 0);
	else
		failed(x, TM_FILE_UNREADABLE, -err);
	x->attrs = (struct tm_attrs){ .kind = x->o->kind };
	r = send_head(x, TM_FF_ATTR_ONLY, NULL);
	return r < 0 ? r : file_end(x);
}

/*
 * The change stamp that the target will compare with later. A file answered with ranges has all
 * changes up to the taking of the set, not those after it: a stamp that might be theirs is not given.
 */
static void judge_stamp(struct sending *x)
{
	bool newest = x->o->kind != TM_KIND_REG || x->o->need == TM_NEED_WHOLE;

	if (src_stamp_safe(&x->attrs, newest ? tm_wall_ns() : x->s->taken_ns))
		return;
	x->attrs.ctime_s = 0;
	x->attrs.ctime_ns = 0;
}

/* By name, since it cannot be opened; so the name must still lead to this very object afterwards. */
static int acl_of(struct tm_source *s, const struct src_obj *o)
{
	struct src_dir *d = dir_of(s, o);
	int dirfd = d ? hold_dir(s, d) : -ESTALE, r;
	struct tm_oid oid;

	if (dirfd < 0)
		return dirfd;
	r = src_acl_at(dirfd, src_obj_name(s, o), &s->xattrs);
	if (r < 0)
		return r;
	r = tm_oid_at(dirfd, src_obj_name(s, o), &oid);
	return r < 0 ? r : tm_oid_eq(oid, o->oid) ? 0 : -ESTALE;
}

static int prepare(struct sending *x, struct tm_ranges *ranges, bool *ret_whole)
{
	struct tm_source *s = x->s;
	struct src_obj *o = x->o;
	int r;

	r = src_attrs_fd(x->fd, &x->attrs);
	if (r < 0)
		return r;
	if (x->attrs.kind != o->kind)
		return -ESTALE;
	o->changed = x->attrs.ctime_s != o->ctime_s || x->attrs.ctime_ns != o->ctime_ns;
	tm_buf_reset(&s->xattrs);
	if (o->kind == TM_KIND_REG || o->kind == TM_KIND_DIR) {
		r = src_xattrs_fd(x->fd, &s->xattrs);
		if (r < 0)
			return r;
	} else if (o->kind != TM_KIND_LNK) {
		r = acl_of(s, o);
		if (r < 0)
			return r;
	}
	*ret_whole = o->need == TM_NEED_WHOLE;
	if (o->need == TM_NEED_DIRTY) {
		r = src_dirty_ranges(o, x->attrs.size, ranges, ret_whole);
		if (r < 0)
			return r;
		if (*ret_whole)
			o->need = TM_NEED_WHOLE;
	}
	if (o->need == TM_NEED_COMPARE) {
		r = src_compare_ranges(o, x->attrs.size, ranges, ret_whole);
		if (r < 0)
			return r;
	}
	judge_stamp(x);
	x->version = src_obj_version(s, o);
	/*
	 * Nor do marks tell of mappings made while the file was elsewhere: it comes in marked whole, or by
	 * a link. What comes in with a directory was written back with it (session.c).
	 */
	x->clean = !x->version || (o->ino && (o->ino->flags & (TM_CF_MMAP | TM_CF_WHOLE))) ||
		   (*ret_whole && x->attrs.nlink > 1);
	/*
	 * After an exchange of extents or a failed write-back the page cache may hold what the disk
	 * does not.
	 */
	if (o->ino && o->ino->flags & TM_CF_WHOLE && !src_clean_mapped(x->fd, 0, 0))
		(void)posix_fadvise(x->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

int src_send_object(struct tm_source *s, struct src_obj *o)
{
	struct sending x = { .s = s, .o = o, .fd = -EBADF, .result = TM_FILE_OK };
	_cleanup_(tm_ranges_free) struct tm_ranges ranges = { 0 };
	_cleanup_close_ int fd = src_obj_open(s, o);
	bool attr_only, whole;
	int r;

	if (fd < 0)
		return send_failure(&x, fd);
	x.fd = fd;
	r = prepare(&x, &ranges, &whole);
	if (r < 0)
		return send_failure(&x, r);
	attr_only = o->need == TM_NEED_ATTR ||
		    (o->need == TM_NEED_COMPARE && (s->look || src_compare_same(o, x.attrs.size)));
	r = send_head(&x, attr_only ? TM_FF_ATTR_ONLY : whole ? TM_FF_WHOLE : 0, &s->xattrs);
	if (r == 0 && !attr_only)
		r = send_content(&x, &ranges, whole);
	if (r == -ECANCELED && !s->link_broken) {
		/* Close the file first, so that the abort comes where the target expects it. */
		failed(&x, TM_FILE_TORN, ECANCELED);
		say_end(&x);
	}
	if (r == 0 && x.result == TM_FILE_OK && o->need == TM_NEED_COMPARE)
		src_compare_judge(s, o);
	return r < 0 ? r : file_end(&x);
}
