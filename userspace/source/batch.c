/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/batch.c - one batch: the assertions go out, needs come back and are met, commit, acknowledgement.
 */
#include "source/internal.h"

#include "lib/clock.h"

/* A last batch may be this many times as long as others, to serve listings that came up. */
#define LAST_STRETCH 4
/* LIST needs per known directory and set, before the target is taken for broken. */
#define LISTS_MAX 16

#define DEFAULT_OBJECTS 8192
#define DEFAULT_BYTES ((uint64_t)64 << 20)

static uint32_t limit_objects(const struct tm_source *s)
{
	return s->opts.batch_objects ? s->opts.batch_objects : DEFAULT_OBJECTS;
}

bool src_batch_over_bytes(const struct tm_source *s)
{
	return s->batch.est_bytes >= (s->opts.batch_bytes ? s->opts.batch_bytes : DEFAULT_BYTES);
}

bool src_batch_full(const struct tm_source *s)
{
	return s->batch.n >= limit_objects(s) || src_batch_over_bytes(s);
}

/* ---- needs ---- */

static int note_need(struct tm_source *s, const struct tm_need *n)
{
	struct src_obj *o = src_obj_find(&s->batch, n->oid);
	struct src_dir *d;

	/* It may only ask for what was just asserted. */
	if (!o)
		return -EBADMSG;
	if (n->what != TM_NEED_LIST) {
		if (n->what != TM_NEED_ATTR && o->kind != TM_KIND_REG)
			return -EBADMSG;
		if (tm_need_rank(n->what) > tm_need_rank(o->need))
			o->need = n->what;
		return 0;
	}
	d = src_index_get(&s->index, n->oid);
	if (o->kind != TM_KIND_DIR || ++s->lists_asked > LISTS_MAX * (s->index.n + limit_objects(s)))
		return -EBADMSG;
	if (!d || d->listed == s->serial)
		return 0;
	return src_enqueue(s, d, SRC_WANT_ONE);
}

static int got_stop(struct tm_source *s, const uint8_t *p, uint32_t n)
{
	struct tm_rd rd = tm_rd(p, n);
	int r = tm_msg_stop_get(&rd, &s->stop);

	if (r < 0)
		return r;
	if (!s->stop.text[0])
		strcpy(s->stop.text, "the target stopped on suspicion");
	s->batch.started = s->batch.peers_turn = false;	/* abandoned there already */
	return -ESTALE;
}

static int recv_needs(struct tm_source *s, bool *ret_lists)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	int r;

	for (;;) {
		struct tm_rd rd;
		struct tm_need need;

		r = src_recv(s, &type, &p, &n);
		if (r < 0)
			return r;
		rd = tm_rd(p, n);
		switch (type) {
		case TM_F_NEED:
			while ((r = tm_need_get(&rd, &need)) == 0) {
				r = note_need(s, &need);
				if (r < 0)
					return r;
			}
			if (r != -ENODATA)
				return r;
			break;
		case TM_F_HASHES:
			r = src_compare_hashes(s, p, n);
			if (r < 0)
				return r;
			break;
		case TM_F_NEED_END:
			*ret_lists = tm_get_u8(&rd);
			return tm_rd_end(&rd);
		case TM_F_STOP:
			return got_stop(s, p, n);
		default:
			return -EBADMSG;
		}
	}
}

static int ask_needs(struct tm_source *s, bool *ret_lists)
{
	int r = src_batch_send_held(s);

	if (r == 0)
		r = src_send(s, TM_F_ASSERT_END, NULL, 0);
	if (r < 0)
		return r;
	s->batch.peers_turn = true;
	s->alive_ms = tm_mono_ms();
	r = recv_needs(s, ret_lists);
	s->batch.peers_turn = r < 0 && r != -ESTALE;
	return r < 0 ? r : src_compare_end(s);
}

static bool may_list(const struct tm_source *s, bool last)
{
	if (!s->queue)
		return false;
	if (!last)
		return !src_batch_full(s);
	return s->batch.n < (uint64_t)LAST_STRETCH * limit_objects(s);
}

static int negotiate(struct tm_source *s, bool last)
{
	bool lists;
	int r;

	for (;;) {
		r = ask_needs(s, &lists);
		if (r < 0 || !lists || !may_list(s, last))
			return r;
		do
			r = src_list_next(s);
		while (r == 0 && may_list(s, last));
		if (r < 0)
			return r;
	}
}

/* ---- content and commit ---- */

static uint64_t need_bytes(const struct tm_source *s, const struct src_obj *o)
{
	struct tm_ranges r = { 0 };
	bool whole = o->need == TM_NEED_WHOLE;
	uint64_t n = 0;

	if (o->need == TM_NEED_COMPARE)
		return s->look ? 0 : src_compare_bytes(o);
	if (o->need == TM_NEED_DIRTY && src_dirty_ranges(o, o->size, &r, &whole) == 0)
		n = tm_ranges_bytes(&r, o->size);
	tm_ranges_free(&r);
	return whole ? o->size : n;
}

static int send_needed(struct tm_source *s)
{
	struct src_batch *b = &s->batch;
	uint64_t total = 0, now;
	int r = 0;

	s->progress.phase = 2;
	for (size_t i = 0; i < b->n_objs; i++)
		total += need_bytes(s, &b->objs[i]);
	s->progress.bytes_total += total;
	if (b->new_bytes) {
		now = total >= b->new_bytes ? 1024 : total * 1024 / b->new_bytes;
		s->need_ratio_1024 = (uint32_t)((s->need_ratio_1024 + now) / 2);
	}
	for (size_t i = 0; r == 0 && i < b->n_objs; i++) {
		if (!b->objs[i].need)
			continue;
		r = src_poll(s);
		if (r == 0)
			r = src_send_object(s, &b->objs[i]);
	}
	return r;
}

static int recv_ack(struct tm_source *s)
{
	struct tm_msg_ack ack;
	const uint8_t *p;
	uint16_t type;
	struct tm_rd rd;
	uint32_t n;
	int r;

	while ((r = src_recv(s, &type, &p, &n)) == 0 && type == TM_F_FOUND) {
		r = src_compare_found(s, p, n);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (type == TM_F_STOP)
		return got_stop(s, p, n);
	if (type != TM_F_ACK)
		return -EBADMSG;
	rd = tm_rd(p, n);
	r = tm_msg_ack_get(&rd, &ack);
	if (r < 0)
		return r;
	/* What was only looked at is not committed. */
	if (ack.seq != s->seq + !s->look)
		return -EBADMSG;
	s->seq = ack.seq;
	s->progress.batches += !s->look;
	s->progress.files += ack.files;
	s->progress.deleted += ack.deleted;
	s->progress.renamed += ack.renamed;
	s->progress.refused += ack.refused;
	s->progress.skipped += ack.skipped;
	s->progress.objects = ack.objects;
	s->progress.last_seq = ack.seq;
	return 0;
}

static int commit(struct tm_source *s)
{
	int r = src_send(s, TM_F_BATCH_END, NULL, 0);

	if (r < 0)
		return r;
	s->progress.phase = 3;
	s->batch.peers_turn = true;
	r = recv_ack(s);
	s->batch.peers_turn = r < 0 && r != -ESTALE;
	return r;
}

int src_batch_run(struct tm_source *s, bool last)
{
	struct src_batch *b = &s->batch;
	uint64_t files = 0;
	int r;

	/* A batch that started early did not say that it is the last one. */
	last = last && !b->started;
	b->running = true;
	r = src_batch_start(s, last);
	if (r == 0)
		r = negotiate(s, last);
	if (r == 0)
		r = send_needed(s);
	if (r == 0)
		r = commit(s);
	b->running = false;
	if (r < 0)
		return r;
	for (size_t i = 0; i < b->n_objs; i++) {
		files += b->objs[i].kind != TM_KIND_DIR;
		if (b->objs[i].ino && !s->look)
			b->objs[i].ino->done = true;
	}
	s->progress.files_done += files;
	s->progress.phase = 0;
	src_batch_reset(s);
	src_progress(s);
	return last ? 1 : 0;
}

void src_batch_reset(struct tm_source *s)
{
	struct src_batch *b = &s->batch;

	for (size_t i = 0; i < b->n_objs; i++)
		src_compare_free(&b->objs[i]);
	s->compare_fd = tm_close(s->compare_fd);
	tm_buf_reset(&b->buf);
	tm_buf_reset(&b->names);
	b->n_cuts = b->frame_at = b->n_objs = 0;
	b->n = 0;
	b->est_bytes = b->new_bytes = 0;
	b->started = b->running = b->peers_turn = false;
	if (b->table_cap > 65536) {
		/* One huge directory must not cost its memory for ever. */
		free(b->table);
		free(b->objs);
		b->table = NULL;
		b->objs = NULL;
		b->table_cap = b->cap_objs = 0;
		tm_buf_free(&b->names);
		tm_buf_free(&b->buf);
		tm_buf_init(&b->names, (size_t)2 << 30);
		tm_buf_init(&b->buf, 0);
	} else if (b->table_cap) {
		memset(b->table, 0, b->table_cap * sizeof(*b->table));
	}
	s->serial++;
}

void src_batch_abort(struct tm_source *s, int err)
{
	struct tm_msg_text m = { .err = -err, .text = "this change set is given up for now" };
	_cleanup_(tm_buf_free) struct tm_buf buf = { 0 };

	if (s->batch.started && !s->batch.peers_turn && !s->link_broken) {
		tm_msg_text_put(&buf, &m);
		if (src_send_buf(s, TM_F_BATCH_ABORT, &buf) == 0 && tm_link_flush(s->link) < 0)
			s->link_broken = true;
	} else if (s->batch.started) {
		s->link_broken = true;
	}
	src_batch_reset(s);
	s->progress.phase = 0;
}

void src_batch_free(struct tm_source *s)
{
	for (size_t i = 0; i < s->batch.n_objs; i++)
		src_compare_free(&s->batch.objs[i]);
	tm_buf_free(&s->batch.buf);
	tm_buf_free(&s->batch.names);
	free(s->batch.cuts);
	free(s->batch.objs);
	free(s->batch.table);
}
