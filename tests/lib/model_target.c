/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/model_target.c - a target in memory; see model_target.h.
 */
#include "tests/lib/model_target.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lib/fd.h"
#include "lib/map.h"

struct mobj {
	struct tm_oid oid;
	struct tm_attrs attrs;		/* as last applied */
	char *symlink;
	uint32_t symlink_len;
	uint8_t *data;
	uint64_t size, cap;
	uint8_t *xattrs;
	uint32_t xattrs_len;
	bool complete;			/* regular file: content was received whole once */
	bool known;			/* committed */
	/* in the batch under way */
	uint32_t flags;
	struct tm_attrs said;
	uint8_t need;
	bool asserted, asked_list, listed_now;
	uint8_t *new_data;
	uint64_t new_size;
	bool have_new;
};

struct mentry {
	struct tm_oid parent, oid;
	uint32_t len;
	char name[256];
	uint64_t asserted_in;		/* serial of the batch */
	bool present;
};

struct massert {
	uint8_t type;
	struct tm_oid parent, oid;
	uint32_t len;
	char name[256];
	struct tm_attrs attrs;
};

struct model {
	struct tm_map *objs;		/* oid -> mobj */
	struct tm_map *entries;		/* parent oid + name -> mentry */
	struct tm_oid root;
	bool have_root;
	uint64_t seq, serial;
	struct massert *log;
	size_t n_log, cap_log;
	struct model_batch *batches;
	size_t n_batches;
	bool stop_next;
	enum model_bad_hashes bad_hashes;
	int cut_at_file, cut_fd;
	struct tm_link *link;
	pthread_t thread;
	int result;
	char why[512];
};

static void why(struct model *m, const char *fmt, ...) _printf_(2, 3);
static void why(struct model *m, const char *fmt, ...)
{
	va_list ap;

	if (m->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(m->why, sizeof(m->why), fmt, ap);
	va_end(ap);
}

static int broken(struct model *m, const char *text)
{
	why(m, "protocol: %s", text);
	return -EBADMSG;
}

static void obj_free(void *p)
{
	struct mobj *o = p;

	free(o->symlink);
	free(o->data);
	free(o->new_data);
	free(o->xattrs);
	free(o);
}

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	m->objs = tm_map_new();
	m->entries = tm_map_new();
	m->batches = calloc(MODEL_BATCHES, sizeof(*m->batches));
	return m;
}

void model_free(struct model *m)
{
	tm_map_free(m->objs, obj_free);
	tm_map_free(m->entries, free);
	free(m->log);
	free(m->batches);
	free(m);
}

static struct mobj *obj_get(struct model *m, struct tm_oid oid)
{
	return tm_map_get(m->objs, &oid, sizeof(oid));
}

static struct mobj *obj_make(struct model *m, struct tm_oid oid)
{
	struct mobj *o = obj_get(m, oid);

	if (!o) {
		o = calloc(1, sizeof(*o));
		o->oid = oid;
		tm_map_put(m->objs, &oid, sizeof(oid), o, NULL);
	}
	return o;
}

static size_t entry_key(uint8_t key[16 + 256], struct tm_oid parent, const char *name, size_t len)
{
	memcpy(key, &parent, 16);
	memcpy(key + 16, name, len);
	return 16 + len;
}

static struct mentry *entry_get(struct model *m, struct tm_oid parent, const char *name, size_t len)
{
	uint8_t key[16 + 256];

	return tm_map_get(m->entries, key, entry_key(key, parent, name, len));
}

static void entry_del(struct model *m, struct mentry *e)
{
	uint8_t key[16 + 256];

	free(tm_map_del(m->entries, key, entry_key(key, e->parent, e->name, e->len)));
}

static struct mentry *entry_make(struct model *m, struct tm_oid parent, const char *name, size_t len)
{
	struct mentry *e = entry_get(m, parent, name, len);
	uint8_t key[16 + 256];

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	e->parent = parent;
	e->len = (uint32_t)len;
	memcpy(e->name, name, len);
	tm_map_put(m->entries, key, entry_key(key, parent, name, len), e, NULL);
	return e;
}

void model_bad_hashes(struct model *m, enum model_bad_hashes how)
{
	m->bad_hashes = how;
}

/* ---- a batch ---- */

static struct model_batch *now(struct model *m)
{
	return &m->batches[m->n_batches - 1];
}

static int got_assert(struct model *m, const struct tm_assert *a)
{
	struct model_batch *b = now(m);
	struct massert *l;
	struct mobj *o;

	if (m->n_log == m->cap_log) {
		m->cap_log = m->cap_log ? m->cap_log * 2 : 1024;
		m->log = reallocarray(m->log, m->cap_log, sizeof(*m->log));
	}
	l = &m->log[m->n_log++];
	*l = (struct massert){ .type = a->type, .parent = a->parent, .oid = a->oid, .len = a->name_len,
			       .attrs = a->attrs };
	if (a->name_len)
		memcpy(l->name, a->name, a->name_len);
	switch (a->type) {
	case TM_ASSERT_ENTRY:
		b->entries++;
		break;
	case TM_ASSERT_ABSENT:
		b->absents++;
		return 0;
	case TM_ASSERT_OBJECT:
		b->objects++;
		break;
	case TM_ASSERT_LISTED:
		b->listed++;
		o = obj_get(m, a->oid);
		if (!o)
			return broken(m, "LISTED for an object never asserted");
		o->listed_now = true;
		return 0;
	}
	o = obj_make(m, a->oid);
	o->asserted = true;
	o->flags |= a->flags;
	o->said = a->attrs;
	if (a->symlink_len) {
		free(o->symlink);
		o->symlink = malloc(a->symlink_len);
		memcpy(o->symlink, a->symlink, a->symlink_len);
		o->symlink_len = a->symlink_len;
	}
	return 0;
}

static bool stamps_differ(const struct mobj *o)
{
	const struct tm_attrs *a = &o->attrs, *b = &o->said;

	return a->ctime_s != b->ctime_s || a->ctime_ns != b->ctime_ns;
}

static uint8_t need_of(const struct mobj *o)
{
	const struct tm_attrs *a = &o->attrs, *b = &o->said;
	bool differ = stamps_differ(o);

	if (b->kind == TM_KIND_REG) {
		if (!o->known)
			return TM_NEED_WHOLE;
		if (o->flags & TM_AF_WHOLE)
			return TM_NEED_WHOLE;
		if (o->flags & TM_AF_COMPARE)
			return o->complete ? TM_NEED_COMPARE : TM_NEED_WHOLE;
		differ |= a->size != b->size || a->mtime_s != b->mtime_s || a->mtime_ns != b->mtime_ns;
		if (!(o->flags & TM_AF_DATA) && differ)
			return TM_NEED_WHOLE;
		if (o->flags & TM_AF_DATA)
			return o->complete ? TM_NEED_DIRTY : TM_NEED_WHOLE;
		return o->flags & TM_AF_ATTR ? TM_NEED_ATTR : 0;
	}
	return !o->known || (o->flags & (TM_AF_ATTR | TM_AF_COMPARE)) || differ ? TM_NEED_ATTR : 0;
}

static int put_need(struct tm_link *l, struct tm_buf *b, uint8_t what, struct tm_oid oid)
{
	struct tm_need n = { .what = what, .oid = oid };
	int r = 0;

	tm_need_put(b, &n);
	if (b->len > 60000) {
		r = tm_link_send_buf(l, TM_F_NEED, b);
		tm_buf_reset(b);
	}
	return r;
}

#define MODEL_BLOCK 65536u

/* One record of one block each, so that order and ends are tried. */
static int put_hashes(const struct model *m, struct tm_link *l, const struct mobj *o)
{
	struct tm_hashes h = { .oid = o->oid, .size = o->size, .block = MODEL_BLOCK,
			       .flags = stamps_differ(o) ? 0 : TM_HF_SETTLED };
	uint64_t blocks = tm_blocks_of(o->size, MODEL_BLOCK);
	uint8_t hash[TM_HASH_LEN];
	struct tm_digest *d;
	int r = tm_digest_new(&d);

	for (h.first = 0; r == 0 && h.first < (blocks ? blocks : 1); h.first++) {
		_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
		uint64_t off = h.first * MODEL_BLOCK;

		h.n = blocks != 0;
		h.hash = hash;
		if (h.n)
			tm_digest_mem(d, o->data + off, TM_MIN(o->size - off, (uint64_t)MODEL_BLOCK), hash);
		if (m->bad_hashes == MODEL_HASH_STRANGER)
			h.oid.ino ^= 0x5555;
		if (m->bad_hashes == MODEL_HASH_DIR)
			h.oid = m->root;
		if (m->bad_hashes == MODEL_HASH_GAP && h.first == 1)
			continue;
		if (m->bad_hashes == MODEL_HASH_SIZE && h.first == 1)
			h.size++;
		if (m->bad_hashes == MODEL_HASH_END && h.first == blocks - 1)
			continue;
		tm_hashes_put(&b, &h);
		if (m->bad_hashes == MODEL_HASH_TWICE)
			tm_hashes_put(&b, &h);
		r = tm_link_send_buf(l, TM_F_HASHES, &b);
	}
	tm_digest_free(d);
	return r;
}

static int answer_needs(struct model *m, struct tm_link *l)
{
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	uint8_t lists = 0;
	size_t pos = 0;
	void *v;
	int r = 0;

	if (m->stop_next) {
		struct tm_msg_stop s = { .deletes = 5, .objects = 6, .text = "too many deletes" };

		m->stop_next = false;
		tm_msg_stop_put(&b, &s);
		r = tm_link_send_buf(l, TM_F_STOP, &b);
		if (r == 0)
			r = tm_link_flush(l);
		return r < 0 ? r : 1;
	}
	while (r == 0 && tm_map_next(m->objs, &pos, NULL, NULL, &v)) {
		struct mobj *o = v;
		uint8_t need;

		if (!o->asserted)
			continue;
		need = need_of(o);
		if (o->said.kind == TM_KIND_DIR && !o->known && !o->asked_list && !o->listed_now) {
			o->asked_list = true;
			lists = 1;
			now(m)->need_list++;
			r = put_need(l, &b, TM_NEED_LIST, o->oid);
		}
		if (tm_need_rank(need) > tm_need_rank(o->need) && r == 0) {
			o->need = need;
			now(m)->need_compare += need == TM_NEED_COMPARE;
			now(m)->need_attr += need == TM_NEED_ATTR;
			now(m)->need_dirty += need == TM_NEED_DIRTY;
			now(m)->need_whole += need == TM_NEED_WHOLE;
			r = need == TM_NEED_COMPARE ? put_hashes(m, l, o) : put_need(l, &b, need, o->oid);
		}
	}
	if (r == 0 && b.len)
		r = tm_link_send_buf(l, TM_F_NEED, &b);
	if (r == 0)
		r = tm_link_send(l, TM_F_NEED_END, &lists, 1);
	return r < 0 ? r : tm_link_flush(l);
}

static void resize(uint8_t **data, uint64_t *size, uint64_t want)
{
	*data = realloc(*data, want ? want : 1);
	if (want > *size)
		memset(*data + *size, 0, want - *size);
	*size = want;
}

struct receiving {
	struct mobj *o;
	struct tm_msg_file head;
	uint8_t *data;
	uint64_t size;
	/* what a FILE with WHOLE has described so far */
	uint64_t described;
	uint64_t last_off, last_n;
	uint8_t *last;
	bool open_verdict;
	uint8_t *xattrs;
};

static int got_data(struct model *m, struct receiving *x, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	uint64_t off = tm_get_u64(&rd);
	uint32_t bytes = tm_get_u32(&rd);

	tm_get_u32(&rd);
	if (rd.error || bytes != rd.len || !bytes)
		return broken(m, "DATA head");
	if (x->open_verdict)
		return broken(m, "DATA without a verdict on the one before");
	if (off + bytes > x->size)
		return broken(m, "DATA beyond the size");
	free(x->last);
	x->last = malloc(bytes);
	memcpy(x->last, rd.p, bytes);
	x->last_off = off;
	x->last_n = bytes;
	x->open_verdict = true;
	return 0;
}

static int got_verdict(struct model *m, struct receiving *x, const uint8_t *p, uint32_t n)
{
	if (n != 1 || !x->open_verdict)
		return broken(m, "VERDICT without DATA");
	x->open_verdict = false;
	switch (*p) {
	case TM_VERDICT_GOOD:
		memcpy(x->data + x->last_off, x->last, x->last_n);
		now(m)->data_bytes += x->last_n;
		if (x->last_off == x->described)
			x->described += x->last_n;
		return 0;
	case TM_VERDICT_TORN:
		now(m)->torn++;
		break;
	case TM_VERDICT_SHORT:
		now(m)->shorts++;
		break;
	default:
		return broken(m, "unknown verdict");
	}
	now(m)->bad_bytes += x->last_n;
	return 0;
}

static int got_hole(struct model *m, struct receiving *x, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	uint64_t off = tm_get_u64(&rd), len = tm_get_u64(&rd);

	if (tm_rd_end(&rd) < 0 || !len || off + len > x->size)
		return broken(m, "HOLE out of bounds");
	memset(x->data + off, 0, len);
	now(m)->holes++;
	now(m)->hole_bytes += len;
	if (off == x->described)
		x->described += len;
	return 0;
}

static int got_end(struct model *m, struct receiving *x, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_msg_file_end e;

	if (tm_msg_file_end_get(&rd, &e) < 0)
		return broken(m, "FILE_END");
	if (x->open_verdict)
		return broken(m, "FILE_END without a verdict");
	now(m)->ends[e.result]++;
	if (e.result != TM_FILE_OK)
		return 1;
	if ((x->head.flags & TM_FF_WHOLE) && x->described != x->size)
		return broken(m, "a whole file with parts left out");
	if (!(x->head.flags & TM_FF_ATTR_ONLY) && x->o->said.kind == TM_KIND_REG) {
		free(x->o->new_data);
		x->o->new_data = tm_take_ptr(x->data);
		x->o->new_size = x->size;
		if (x->head.flags & TM_FF_WHOLE)
			x->o->complete = true;
	}
	x->o->have_new = true;
	x->o->said = x->head.attrs;
	free(x->o->xattrs);
	x->o->xattrs = tm_take_ptr(x->xattrs);
	x->o->xattrs_len = x->head.xattrs_len;
	return 1;
}

static int file_head(struct model *m, struct receiving *x, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);

	if (tm_msg_file_get(&rd, &x->head) < 0)
		return broken(m, "FILE");
	x->o = obj_get(m, x->head.oid);
	if (!x->o || !x->o->need)
		return broken(m, "FILE that nobody needs");
	if (x->o->need == TM_NEED_ATTR && !(x->head.flags & TM_FF_ATTR_ONLY))
		return broken(m, "content where attributes were asked for");
	if (x->head.xattrs_len) {
		x->xattrs = malloc(x->head.xattrs_len);
		memcpy(x->xattrs, x->head.xattrs, x->head.xattrs_len);
	}
	x->o->need = 0;
	now(m)->files++;
	if (x->head.attrs.kind == TM_KIND_REG && !(x->head.flags & TM_FF_ATTR_ONLY)) {
		if (!(x->head.flags & TM_FF_WHOLE)) {
			x->data = malloc(x->o->size ? x->o->size : 1);
			if (x->o->size)
				memcpy(x->data, x->o->data, x->o->size);
			x->size = x->o->size;
		}
		resize(&x->data, &x->size, x->head.attrs.size);
	}
	return 0;
}

static int receive_file(struct model *m, struct tm_link *l, const uint8_t *p, uint32_t n)
{
	struct receiving x = { 0 };
	uint16_t type;
	int r = file_head(m, &x, p, n);

	if (r == 0 && m->cut_at_file && !--m->cut_at_file) {
		shutdown(m->cut_fd, SHUT_RDWR);
		r = -ECONNABORTED;
	}
	while (r == 0) {
		r = tm_link_recv(l, &type, &p, &n, -1);
		if (r < 0)
			break;
		switch (type) {
		case TM_F_DATA:
			r = got_data(m, &x, p, n);
			break;
		case TM_F_VERDICT:
			r = got_verdict(m, &x, p, n);
			break;
		case TM_F_HOLE:
			r = got_hole(m, &x, p, n);
			break;
		case TM_F_FILE_END:
			r = got_end(m, &x, p, n);
			break;
		default:
			r = broken(m, tm_frame_name(type));
		}
	}
	free(x.last);
	free(x.data);
	free(x.xattrs);
	return r < 0 ? r : 0;
}

/* ---- applying ---- */

static void drop_other_names(struct model *m, struct tm_oid oid, const struct mentry *keep)
{
	size_t pos = 0;
	void *v;

	while (tm_map_next(m->entries, &pos, NULL, NULL, &v)) {
		struct mentry *e = v;

		if (e != keep && tm_oid_eq(e->oid, oid))
			entry_del(m, e);
	}
}

static void apply_listed(struct model *m, struct tm_oid dir)
{
	size_t pos = 0;
	void *v;

	while (tm_map_next(m->entries, &pos, NULL, NULL, &v)) {
		struct mentry *e = v;

		if (tm_oid_eq(e->parent, dir) && e->asserted_in != m->serial)
			entry_del(m, e);
	}
}

static void apply_entry(struct model *m, const struct massert *a)
{
	struct mobj *o = obj_get(m, a->oid);
	struct mentry *e = entry_get(m, a->parent, a->name, a->len);

	/* A new file that did not arrive whole is not there. */
	if (a->attrs.kind == TM_KIND_REG && !o->known && !o->have_new) {
		if (e)
			entry_del(m, e);
		return;
	}
	e = entry_make(m, a->parent, a->name, a->len);
	e->oid = a->oid;
	e->asserted_in = m->serial;
	if (a->attrs.kind == TM_KIND_DIR || a->attrs.nlink == 1)
		drop_other_names(m, a->oid, e);
}

/* Delete what has no name, until nothing is left to delete. */
static void delete_unnamed(struct model *m)
{
	bool again = true;

	while (again) {
		struct tm_map *named = tm_map_new();
		size_t pos = 0;
		void *v;

		again = false;
		while (tm_map_next(m->entries, &pos, NULL, NULL, &v)) {
			struct mentry *e = v;

			if (obj_get(m, e->parent))
				tm_map_put(named, &e->oid, sizeof(e->oid), e, NULL);
			else
				entry_del(m, e);
		}
		pos = 0;
		while (tm_map_next(m->objs, &pos, NULL, NULL, &v)) {
			struct mobj *o = v;

			if (tm_oid_eq(o->oid, m->root) || tm_map_get(named, &o->oid, sizeof(o->oid)))
				continue;
			tm_map_del(m->objs, &o->oid, sizeof(o->oid));
			obj_free(o);
			again = true;
		}
		tm_map_free(named, NULL);
	}
}

static void end_objects(struct model *m, bool commit)
{
	size_t pos = 0;
	void *v;

	while (tm_map_next(m->objs, &pos, NULL, NULL, &v)) {
		struct mobj *o = v;

		if (commit && o->asserted && (o->have_new || (!need_of(o) && o->known))) {
			o->attrs = o->said;
			o->known = true;
		}
		if (commit && o->new_data) {
			free(o->data);
			o->data = tm_take_ptr(o->new_data);
			o->size = o->new_size;
		}
		free(o->new_data);
		o->new_data = NULL;
		o->asserted = o->asked_list = o->listed_now = o->have_new = false;
		o->need = 0;
		o->flags = 0;
		if (!commit && !o->known) {
			tm_map_del(m->objs, &o->oid, sizeof(o->oid));
			obj_free(o);
		}
	}
}

static int commit(struct model *m, struct tm_link *l)
{
	struct tm_msg_ack ack = { .seq = now(m)->seq };
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	size_t pos = 0;
	void *v;
	int r;

	while (tm_map_next(m->objs, &pos, NULL, NULL, &v))
		if (((struct mobj *)v)->need)
			return broken(m, "a need that was not answered");
	for (size_t i = 0; i < m->n_log; i++) {
		const struct massert *a = &m->log[i];

		if (a->type == TM_ASSERT_ENTRY) {
			apply_entry(m, a);
		} else if (a->type == TM_ASSERT_ABSENT) {
			struct mentry *e = entry_get(m, a->parent, a->name, a->len);

			if (e)
				entry_del(m, e);
		}
	}
	for (size_t i = 0; i < m->n_log; i++)
		if (m->log[i].type == TM_ASSERT_LISTED)
			apply_listed(m, m->log[i].oid);
	end_objects(m, true);
	if (now(m)->flags & TM_BATCH_LAST)
		delete_unnamed(m);
	m->seq = ack.seq;
	ack.objects = tm_map_size(m->objs);
	tm_msg_ack_put(&b, &ack);
	r = tm_link_send_buf(l, TM_F_ACK, &b);
	return r < 0 ? r : tm_link_flush(l);
}

static int receive_asserts(struct model *m, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_assert a;
	int r;

	while ((r = tm_assert_get(&rd, &a)) == 0) {
		r = got_assert(m, &a);
		if (r < 0)
			return r;
	}
	return r == -ENODATA ? 0 : broken(m, "ASSERT");
}

static int serve_batch(struct model *m, struct tm_link *l, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	struct tm_msg_batch b;
	uint16_t type;
	int r;

	if (tm_msg_batch_get(&rd, &b) < 0 || m->n_batches == MODEL_BATCHES)
		return broken(m, "BATCH");
	if (b.seq != m->seq + 1)
		return broken(m, "BATCH out of sequence");
	m->batches[m->n_batches++] = (struct model_batch){ .seq = b.seq, .flags = b.flags,
							   .taken_ns = b.taken_ns };
	m->serial++;
	m->n_log = 0;
	for (;;) {
		r = tm_link_recv(l, &type, &p, &n, -1);
		if (r < 0)
			break;
		if (type == TM_F_ASSERT) {
			r = receive_asserts(m, p, n);
		} else if (type == TM_F_ASSERT_END) {
			r = answer_needs(m, l);
			if (r == 1) {
				now(m)->aborted = true;
				r = 0;
				break;
			}
		} else if (type == TM_F_FILE) {
			r = receive_file(m, l, p, n);
		} else if (type == TM_F_BATCH_ABORT) {
			now(m)->aborted = true;
			break;
		} else if (type == TM_F_BATCH_END) {
			return commit(m, l);
		} else {
			r = broken(m, tm_frame_name(type));
		}
		if (r < 0)
			break;
	}
	end_objects(m, false);
	return r;
}

static int greet(struct model *m, struct tm_link *l)
{
	_cleanup_(tm_buf_free) struct tm_buf b = { 0 };
	struct tm_msg_ready ready = { .last_seq = m->seq, .objects = tm_map_size(m->objs) };
	struct tm_msg_session s;
	const uint8_t *p;
	struct tm_rd rd;
	uint16_t type;
	uint32_t n;
	int r = tm_link_recv(l, &type, &p, &n, -1);

	if (r < 0)
		return r;
	rd = tm_rd(p, n);
	if (type != TM_F_SESSION || tm_msg_session_get(&rd, &s) < 0)
		return broken(m, "SESSION");
	ready.fresh = !m->have_root;
	m->root = s.root;
	m->have_root = true;
	obj_make(m, s.root)->known = true;
	tm_msg_ready_put(&b, &ready);
	r = tm_link_send_buf(l, TM_F_READY, &b);
	return r < 0 ? r : tm_link_flush(l);
}

static int serve(struct model *m, struct tm_link *l)
{
	int r = greet(m, l);

	while (r == 0) {
		const uint8_t *p;
		uint16_t type;
		uint32_t n;

		r = tm_link_recv(l, &type, &p, &n, -1);
		if (r < 0)
			break;
		if (type == TM_F_BATCH)
			r = serve_batch(m, l, p, n);
		else if (type == TM_F_PING)
			r = tm_link_send(l, TM_F_PONG, NULL, 0) ?: tm_link_flush(l);
		else if (type == TM_F_BYE)
			return 0;
		else if (type != TM_F_BARRIER)
			r = broken(m, tm_frame_name(type));
	}
	return r;
}

static void *thread_main(void *arg)
{
	struct model *m = arg;

	m->result = serve(m, m->link);
	if (m->result < 0) {
		/* Nobody must wait for us. */
		struct tm_msg_text t = { .code = TM_WERR_PROTOCOL, .text = "the model gave up" };
		_cleanup_(tm_buf_free) struct tm_buf b = { 0 };

		tm_msg_text_put(&b, &t);
		if (m->result == -EBADMSG && tm_link_send_buf(m->link, TM_F_ERROR, &b) == 0)
			tm_link_flush(m->link);
	}
	return NULL;
}

int model_start(struct model *m, struct tm_link *l)
{
	m->link = l;
	m->result = 0;
	return -pthread_create(&m->thread, NULL, thread_main, m);
}

int model_join(struct model *m)
{
	pthread_join(m->thread, NULL);
	return m->result == -ECONNRESET || m->result == -ECONNABORTED ? 0 : m->result;
}

const char *model_why(const struct model *m)
{
	return m->why;
}

void model_stop_next(struct model *m)
{
	m->stop_next = true;
}

void model_cut_at_file(struct model *m, int nth, int fd)
{
	m->cut_at_file = nth;
	m->cut_fd = fd;
}

void model_forget_dir(struct model *m, struct tm_oid oid)
{
	struct mobj *o = obj_get(m, oid);
	size_t pos = 0;
	void *v;

	while (tm_map_next(m->entries, &pos, NULL, NULL, &v)) {
		struct mentry *e = v;

		if (tm_oid_eq(e->oid, oid))
			entry_del(m, e);
	}
	if (o)
		delete_unnamed(m);
}

size_t model_batches(const struct model *m)
{
	return m->n_batches;
}

const struct model_batch *model_batch(const struct model *m, size_t i)
{
	return &m->batches[i];
}

struct model_batch model_sum(const struct model *m, size_t from)
{
	struct model_batch s = { 0 };

	for (size_t i = from; i < m->n_batches; i++) {
		const struct model_batch *b = &m->batches[i];

		s.flags |= b->flags;
		s.entries += b->entries;
		s.absents += b->absents;
		s.objects += b->objects;
		s.listed += b->listed;
		s.need_list += b->need_list;
		s.need_attr += b->need_attr;
		s.need_dirty += b->need_dirty;
		s.need_whole += b->need_whole;
		s.need_compare += b->need_compare;
		s.files += b->files;
		s.torn += b->torn;
		s.shorts += b->shorts;
		s.holes += b->holes;
		s.data_bytes += b->data_bytes;
		s.bad_bytes += b->bad_bytes;
		s.hole_bytes += b->hole_bytes;
		for (size_t k = 0; k < TM_ARRAY_SIZE(s.ends); k++)
			s.ends[k] += b->ends[k];
	}
	return s;
}

size_t model_objects(const struct model *m)
{
	return tm_map_size(m->objs);
}

/* ---- comparing ---- */

struct compare {
	struct model *m;
	const char *skip;
	int differences;
	uint32_t mark;
};

static void differ(struct compare *c, const char *name, const char *what)
{
	c->differences++;
	why(c->m, "%s: %s", name, what);
}

static void compare_content(struct compare *c, const struct mobj *o, int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ uint8_t *buf = malloc(1 << 20);
	uint64_t at = 0;

	if (fd < 0)
		return;	/* unreadable for the test too */
	for (;;) {
		ssize_t n = pread(fd, buf, 1 << 20, (off_t)at);

		if (n <= 0)
			break;
		if (at + (uint64_t)n > o->size || memcmp(buf, o->data + at, (size_t)n)) {
			differ(c, name, "content");
			return;
		}
		at += (uint64_t)n;
	}
	if (at != o->size)
		differ(c, name, "length of content");
}

static void compare_xattrs(struct compare *c, const struct mobj *o, int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct tm_rd rd = tm_rd(o->xattrs, o->xattrs_len);
	char xname[256], list[4096];
	const uint8_t *v;
	int have = 0, real = 0;
	uint32_t n;
	ssize_t len;

	if (fd < 0)
		return;
	while (tm_xattr_get(&rd, xname, &v, &n) == 0) {
		char value[4096];

		have++;
		len = fgetxattr(fd, xname, value, sizeof(value));
		if (len != (ssize_t)n || memcmp(value, v, n))
			differ(c, name, "xattr value");
	}
	len = flistxattr(fd, list, sizeof(list));
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1)
		real += !strncmp(list + i, "user.", 5) || !strncmp(list + i, "system.posix_acl", 16);
	if (have != real)
		differ(c, name, "number of xattrs");
}

static void compare_attrs(struct compare *c, const struct mobj *o, int dirfd, const char *name)
{
	const struct tm_attrs *a = &o->attrs;
	char target[4096];
	struct stat st;
	ssize_t n;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
		differ(c, name, "vanished while comparing");
		return;
	}
	if (a->mode != (st.st_mode & 07777))
		differ(c, name, "mode");
	if (a->uid != st.st_uid || a->gid != st.st_gid)
		differ(c, name, "owner");
	if (a->mtime_s != st.st_mtim.tv_sec || a->mtime_ns != (uint32_t)st.st_mtim.tv_nsec)
		differ(c, name, "mtime");
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		if (a->kind != TM_KIND_REG || a->size != (uint64_t)st.st_size)
			differ(c, name, "size");
		compare_content(c, o, dirfd, name);
		compare_xattrs(c, o, dirfd, name);
		break;
	case S_IFDIR:
		if (a->kind != TM_KIND_DIR)
			differ(c, name, "kind");
		compare_xattrs(c, o, dirfd, *name ? name : ".");
		break;
	case S_IFLNK:
		n = readlinkat(dirfd, name, target, sizeof(target));
		if (a->kind != TM_KIND_LNK || n != (ssize_t)o->symlink_len ||
		    memcmp(target, o->symlink, o->symlink_len))
			differ(c, name, "link target");
		break;
	case S_IFIFO:
		if (a->kind != TM_KIND_FIFO)
			differ(c, name, "kind");
		break;
	}
}

static void compare_dir(struct compare *c, int dirfd, struct tm_oid dir, bool is_root)
{
	DIR *d = fdopendir(dirfd);
	size_t real = 0, have = 0, pos = 0;
	struct dirent *e;
	void *v;

	while ((e = readdir(d))) {
		struct tm_oid oid;
		struct mentry *me;
		struct mobj *o;

		if (tm_streq(e->d_name, ".") || tm_streq(e->d_name, ".."))
			continue;
		if (is_root && c->skip && tm_streq(e->d_name, c->skip))
			continue;
		real++;
		me = entry_get(c->m, dir, e->d_name, strlen(e->d_name));
		if (!me) {
			differ(c, e->d_name, "missing");
			continue;
		}
		if (tm_oid_at(dirfd, e->d_name, &oid) < 0 || !tm_oid_eq(oid, me->oid)) {
			differ(c, e->d_name, "another object");
			continue;
		}
		o = obj_get(c->m, oid);
		if (!o || !o->known) {
			differ(c, e->d_name, "an entry without an object");
			continue;
		}
		compare_attrs(c, o, dirfd, e->d_name);
		if (o->attrs.kind == TM_KIND_DIR) {
			int fd = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (fd >= 0)
				compare_dir(c, fd, oid, false);
		}
	}
	while (tm_map_next(c->m->entries, &pos, NULL, NULL, &v))
		have += tm_oid_eq(((struct mentry *)v)->parent, dir);
	if (have != real)
		differ(c, is_root ? "the root" : "a directory", "names too many or too few");
	closedir(d);
}

int model_compare(struct model *m, int rootfd, const char *skip)
{
	struct compare c = { .m = m, .skip = skip };
	int fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	m->why[0] = 0;
	if (obj_get(m, m->root))
		compare_attrs(&c, obj_get(m, m->root), fd, "");
	compare_dir(&c, fd, m->root, true);
	return c.differences;
}
