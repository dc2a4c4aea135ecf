/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/compare.c - what is on the disk, whatever the table says.
 *
 * An object that is not where the table has it (removed, or replaced by another inode) is forgotten
 * before the needs are made: so it is asked for like any new one. Of a file that is there the hashes of
 * its blocks are sent and the source answers with what differs; attributes are compared with its
 * answer. What should have been equal by the table is told to the source in FOUND; what the source
 * has changed meanwhile is no find, only replicated.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/beneath.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "target/target_int.h"

/* In one record: the source reads as much before it can take the next one. */
#define HASHES_RECORD 64
#define FRAME_BYTES ((size_t)60 << 10)
/* The source waits in its receive; this is far below the link's patience. */
#define FLUSH_MS 1000

/* ---- entries ---- */

static bool kind_is(mode_t mode, uint8_t kind)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return kind == TM_KIND_REG;
	case S_IFDIR: return kind == TM_KIND_DIR;
	case S_IFLNK: return kind == TM_KIND_LNK;
	case S_IFIFO: return kind == TM_KIND_FIFO;
	case S_IFSOCK: return kind == TM_KIND_SOCK;
	case S_IFCHR: return kind == TM_KIND_CHR;
	case S_IFBLK: return kind == TM_KIND_BLK;
	default: return false;
	}
}

static int lose(struct tm_target *t, struct tm_bobj *o)
{
	o->found |= TM_FOUND_MISSING;
	o->lost = tm_only_look(t);
	if (o->attrs.kind != TM_KIND_DIR)
		return 0;
	if (!t->lost_dirs)
		t->lost_dirs = tm_map_new();
	if (!t->lost_dirs)
		return -ENOMEM;
	return tm_map_put(t->lost_dirs, &o->oid, sizeof(o->oid), t, NULL);
}

static bool in_lost_dir(const struct tm_target *t, struct tm_oid dir)
{
	return t->lost_dirs && tm_map_get(t->lost_dirs, &dir, sizeof(dir));
}

/* The table gives the name up, and what was only there. */
static int forget_name(struct tm_target *t, struct tm_place at)
{
	int r = tm_table_begin(t->table);

	if (r == 0)
		r = tm_table_drop(t->table, at);
	if (r == 0)
		r = tm_table_commit(t->table);
	if (r < 0)
		tm_table_rollback(t->table);
	tm_dirs_reset(&t->dirs);
	return r;
}

static int stands(struct tm_target *t, struct tm_place at, const struct tm_row *row, bool *ret)
{
	int dir = tm_dirs_get(&t->dirs, at.dir), r;
	struct stat st;

	*ret = false;
	if (dir < 0)
		return dir == -ENOENT || dir == -ESTALE ? 0 : dir;
	r = tm_stat_name(dir, at.name, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*ret = st.st_ino == row->tino && kind_is(st.st_mode, row->kind);
	return 0;
}

static int look_at_entry(struct tm_target *t, const struct tm_bent *e, bool *forgot)
{
	struct tm_bobj *o = e->obj;
	struct tm_oid oid;
	struct tm_row row;
	bool there;
	int r = tm_table_name(t->table, e->at, &oid);

	/* New to the table: on its way, or lost together with its directory. */
	if (r == -ENOENT)
		return in_lost_dir(t, e->at.dir) ? lose(t, o) : 0;
	if (r == 0 && !tm_oid_eq(oid, o->oid))
		return 0;
	if (r == 0)
		r = tm_table_row(t->table, oid, &row);
	if (r == 0 && row.kind == o->attrs.kind) {
		r = stands(t, e->at, &row, &there);
		if (r < 0 || there)
			return r;
		r = lose(t, o);
		if (r == 0 && !tm_only_look(t)) {
			*forgot = true;
			r = forget_name(t, e->at);
		}
	}
	return r == -ENOENT ? 0 : r;
}

/* Objects evaluated before may have gone with a directory that was forgotten: they are new now. */
static int reload(struct tm_target *t)
{
	struct tm_row row;

	for (size_t i = 0; i < t->batch.n_objs; i++) {
		struct tm_bobj *o = t->batch.objs[i];
		int r = o->known ? tm_table_row(t->table, o->oid, &row) : 0;

		if (r < 0 && r != -ENOENT)
			return r;
		o->fresh |= r == -ENOENT;
	}
	return 0;
}

int tm_compare_entries(struct tm_target *t)
{
	bool forgot = false;
	int r = 0;

	for (size_t i = 0; i < t->batch.n_ents && r == 0; i++) {
		struct tm_bent *e = t->batch.ents[i];

		if (e->seen || !e->obj || !(e->obj->flags & TM_AF_COMPARE))
			continue;
		e->seen = true;
		r = look_at_entry(t, e, &forgot);
	}
	return r == 0 && forgot ? reload(t) : r;
}

/*
 * Also names that no assertion is about: an object that is to be moved must stand where it comes
 * from. When none is left it is new.
 */
int tm_compare_places(struct tm_target *t, struct tm_bobj *o)
{
	char name[TM_NAME_LEN_MAX + 1];
	struct tm_place at;
	bool there;
	int r;

	if (tm_oid_eq(o->oid, t->dirs.root))
		return 0;
	while ((r = tm_table_place(t->table, o->oid, name, &at)) == 0) {
		r = stands(t, at, &o->row, &there);
		if (r < 0 || there)
			return r;
		r = lose(t, o);
		if (r == 0)
			r = forget_name(t, at);
		if (r < 0)
			return r;
	}
	if (r != -ENOENT)
		return r;
	o->known = false;
	memset(&o->row, 0, sizeof(o->row));
	return reload(t);
}

void tm_compare_forget(struct tm_target *t)
{
	tm_map_free(t->lost_dirs, NULL);
	t->lost_dirs = NULL;
}

/* ---- needs ---- */

/* Should the disk have what was asserted? A stamp of 0 says nothing, the other times must do. */
static bool is_settled(const struct tm_bobj *o)
{
	const struct tm_row *row = &o->row;

	if (!(row->flags & TM_ROW_ATTRS) ||
	    (o->attrs.kind == TM_KIND_REG && !(row->flags & TM_ROW_COMPLETE)))
		return false;
	if (o->attrs.mtime_s != row->mtime_s || o->attrs.mtime_ns != row->mtime_ns ||
	    (o->attrs.kind == TM_KIND_REG && o->attrs.size != row->size))
		return false;
	return (!row->ctime_s && !row->ctime_ns) ||
	       (o->attrs.ctime_s == row->ctime_s && o->attrs.ctime_ns == row->ctime_ns);
}

static int stat_object(struct tm_target *t, const struct tm_row *row, struct stat *st)
{
	struct tm_at at;
	int r;

	if (tm_oid_eq(row->oid, t->dirs.root))
		return fstat(t->rootfd, st) < 0 ? -errno : 0;
	r = tm_place_of(t, row->oid, &at);
	if (r == 0)
		r = tm_stat_name(at.dirfd, at.name, st);
	if (r == 0 && (st->st_ino != row->tino || !kind_is(st->st_mode, row->kind)))
		r = -ESTALE;
	return r;
}

bool tm_compare_able(struct tm_target *t, const struct tm_row *row)
{
	struct stat st;

	return tm_compare_ok(t) && row->kind == TM_KIND_REG && stat_object(t, row, &st) == 0;
}

uint8_t tm_compare_need(struct tm_target *t, struct tm_bobj *o)
{
	bool reg = o->attrs.kind == TM_KIND_REG;
	struct stat st;

	o->settled = is_settled(o);
	if (stat_object(t, &o->row, &st) < 0 || (reg && !(o->row.flags & TM_ROW_COMPLETE)))
		return reg ? TM_NEED_WHOLE : TM_NEED_ATTR;
	/* From here on the row says what is, so that the plan makes of it what should be. */
	o->row.mode = st.st_mode & 07777;
	o->row.uid = st.st_uid;
	o->row.gid = st.st_gid;
	o->row.mtime_s = st.st_mtim.tv_sec;
	o->row.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	if (reg)
		return tm_compare_ok(t) ? TM_NEED_COMPARE : TM_NEED_WHOLE;
	if (o->attrs.kind == TM_KIND_LNK && o->settled && tm_stage_says_otherwise(t, o))
		o->found |= TM_FOUND_CONTENT;
	return TM_NEED_ATTR;
}

/* ---- hashes ---- */

struct hashing {
	struct tm_target *t;
	struct tm_hashes rec;
	uint8_t hash[HASHES_RECORD * TM_HASH_LEN];
	bool failed; /* the file cannot be read: the rest gets hashes that nothing has */
};

static int send_frame(struct tm_target *t)
{
	int r = tm_link_send_buf(t->link, TM_F_HASHES, &t->hashes);

	tm_buf_reset(&t->hashes);
	return r;
}

int tm_compare_flush(struct tm_target *t)
{
	return t->hashes.len ? send_frame(t) : 0;
}

static int put_record(struct hashing *x)
{
	struct tm_target *t = x->t;
	uint64_t now = tm_mono_ms();
	int r = 0;

	x->rec.hash = x->hash;
	tm_hashes_put(&t->hashes, &x->rec);
	x->rec.first += x->rec.n;
	x->rec.n = 0;
	if (t->hashes.len >= FRAME_BYTES || now - t->hashes_ms >= FLUSH_MS)
		r = send_frame(t);
	if (r == 0 && now - t->hashes_ms >= FLUSH_MS) {
		t->hashes_ms = now;
		r = tm_link_flush(t->link);
	}
	return r;
}

static int one_block(struct hashing *x, int fd, uint64_t i)
{
	uint8_t *out = x->hash + (size_t)x->rec.n++ * TM_HASH_LEN;
	uint64_t off = i * x->rec.block, read = 0;
	uint32_t n = (uint32_t)TM_MIN((uint64_t)x->rec.block, x->rec.size - off);
	int r;

	if (!x->failed) {
		r = tm_digest_block(x->t->digest, fd, off, n, out, &read);
		if (r == -ENOMEM)
			return r;
		x->failed = r < 0;
	}
	if (x->failed)
		memset(out, 0, TM_HASH_LEN);
	x->t->progress.read_bytes += read;
	/* About a second's work on a slow machine. */
	if (x->rec.n < HASHES_RECORD && tm_mono_ms() - x->t->hashes_ms < FLUSH_MS)
		return 0;
	return put_record(x);
}

static int all_blocks(struct hashing *x, int fd)
{
	const struct tm_target_ops *ops = &x->t->opts.ops;
	uint64_t blocks = tm_blocks_of(x->rec.size, x->rec.block);
	int r = 0;

	for (uint64_t i = 0; i < blocks && r == 0; i++) {
		r = ops->poll ? ops->poll(ops->arg) : 0;
		if (r == 0)
			r = one_block(x, fd, i);
	}
	return r == 0 && (x->rec.n || !blocks) ? put_record(x) : r;
}

static int hash_file(struct tm_target *t, struct tm_bobj *o, int fd, bool *ret_done)
{
	struct hashing x = { .t = t, .rec = { .oid = o->oid } };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!t->digest) {
		r = tm_digest_new(&t->digest);
		if (r < 0)
			return r;
	}
	o->row.size = x.rec.size = (uint64_t)st.st_size;
	x.rec.block = tm_digest_block_size(x.rec.size);
	x.rec.flags = o->settled ? TM_HF_SETTLED : 0;
	r = all_blocks(&x, fd);
	*ret_done = !x.failed;
	return r;
}

int tm_compare_hashes(struct tm_target *t, struct tm_bobj *o, bool *ret_done)
{
	_cleanup_close_ int fd = tm_place_open(t, o->oid, o->row.tino, O_RDONLY);

	*ret_done = false;
	if (fd < 0)
		return tm_err_is_fatal(fd) ? fd : 0;
	return hash_file(t, o, fd, ret_done);
}

int tm_compare_left(struct tm_target *t, struct tm_bobj *o, bool *ret_done)
{
	_cleanup_close_ int fd = -EBADF;
	char name[24];

	*ret_done = false;
	if (!tm_compare_ok(t) || o->attrs.size < TM_RESUME_BYTES)
		return 0;
	fd = tm_stage_resume(t, o->oid, name, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT || !tm_err_is_fatal(fd) ? 0 : fd;
	o->resumed = true;
	return hash_file(t, o, fd, ret_done);
}

/* ---- the answer ---- */

/* Other attributes than the answer has? *@ret_times: only times differ. */
static int attrs_differ(struct tm_target *t, const struct tm_bobj *o, bool *ret, bool *ret_times)
{
	_cleanup_close_ int fd = -EBADF;
	bool fd_kind = o->attrs.kind == TM_KIND_REG || o->attrs.kind == TM_KIND_DIR, refused, same;
	struct tm_row row = { 0 };
	struct tm_attr_job job = { .row = &row, .xattrs = o->xattrs, .xattrs_len = o->xattrs_len,
				   .allow_suid = t->opts.allow_suid };
	struct stat st;
	int r = stat_object(t, &o->row, &st);

	*ret = true;
	*ret_times = false;
	if (r < 0)
		return 0;
	tm_row_from_attrs(&row, &o->attrs);
	if (st.st_uid != row.uid || st.st_gid != row.gid ||
	    (o->attrs.kind == TM_KIND_REG && (uint64_t)st.st_size != row.size))
		return 0;
	if (o->attrs.kind != TM_KIND_LNK &&
	    (st.st_mode & 07777) != tm_attrs_mode(&row, job.allow_suid, &refused))
		return 0;
	if (fd_kind) {
		fd = tm_place_open(t, o->oid, o->row.tino, O_RDONLY);
		r = fd < 0 ? fd : tm_attrs_same_xattrs(fd, &job, &same);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		if (!same)
			return 0;
	}
	*ret_times = st.st_mtim.tv_sec != row.mtime_s ||
		     (uint32_t)st.st_mtim.tv_nsec != row.mtime_ns;
	*ret = *ret_times;
	return 0;
}

int tm_compare_answer(struct tm_target *t)
{
	struct tm_bobj *o = t->in.o;
	bool differ, times;
	int r;

	if (!o->known || o->content != TM_CONTENT_NONE)
		return 0;
	r = attrs_differ(t, o, &differ, &times);
	if (r < 0)
		return r;
	/* A special file that needs a new mode, a symlink that says otherwise, is made anew. */
	o->same = !differ && !(o->found & TM_FOUND_CONTENT);
	/* A directory's times tell only that something in it differs, or did. */
	if (!differ || !o->settled || (times && o->attrs.kind == TM_KIND_DIR))
		return 0;
	/* Touched since it was asserted: a change on its way. */
	if (o->attrs.ctime_s == o->seen_ctime_s && o->attrs.ctime_ns == o->seen_ctime_ns)
		o->found |= TM_FOUND_ATTRS;
	return 0;
}

/* ---- what was found ---- */

static int tell_one(struct tm_target *t, struct tm_buf *b, const struct tm_found *f)
{
	int r;

	tm_found_put(b, f);
	if (b->len < FRAME_BYTES)
		return tm_buf_error(b);
	r = tm_link_send_buf(t->link, TM_F_FOUND, b);
	tm_buf_reset(b);
	return r;
}

/* Only there; what an assertion puts in its place was told as missing, or is new. */
static bool is_foreign(const struct tm_target *t, const struct tm_foreign *f)
{
	const struct tm_bobj *dir = tm_batch_obj(&t->batch, f->at.dir);

	return dir && (dir->flags & TM_AF_COMPARE) &&
	       !tm_batch_ent(&t->batch, f->at.dir, f->at.name, f->at.len);
}

int tm_compare_tell(struct tm_target *t)
{
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	int r = 0;

	tm_buf_init(&b, TM_FRAME_MAX);
	for (size_t i = 0; i < t->batch.n_objs && r == 0; i++) {
		const struct tm_bobj *o = t->batch.objs[i];
		struct tm_found f = { .what = o->found, .oid = o->oid };

		if (o->found)
			r = tell_one(t, &b, &f);
	}
	for (size_t i = 0; i < t->n_foreign && r == 0; i++) {
		const struct tm_foreign *x = &t->foreign[i];
		struct tm_found f = { .what = TM_FOUND_FOREIGN, .parent = x->at.dir,
				      .name = x->at.name, .name_len = x->at.len };

		if (is_foreign(t, x))
			r = tell_one(t, &b, &f);
	}
	return r == 0 && b.len ? tm_link_send_buf(t->link, TM_F_FOUND, &b) : r;
}
