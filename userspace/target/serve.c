/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/serve.c - the protocol's step machine for the receiving side; see wire/PROTOCOL.md.
 *
 * One frame at a time. What may come now depends on the state; anything else is ERROR PROTOCOL and
 * the end. Until the log is committed a batch has only made things in STAGE, so giving up is
 * forgetting them.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "lib/fault.h"
#include "target/failpoint.h"
#include "target/target_int.h"

enum state {
	ST_START,  /* SESSION must come */
	ST_IDLE,   /* between batches */
	ST_ASSERT, /* in a batch, until ASSERT_END */
	ST_FILES,  /* needs were answered: files, or another round of assertions */
};

struct serve {
	struct tm_target *t;
	struct tm_link *l;
	struct tm_msg_text *text;
	enum state state;
	bool assert_ok; /* another round of assertions is possible: no file came yet */
	bool over;	/* BYE */
	struct tm_buf out;
};

static int say(struct serve *s, uint32_t code, int err, const char *what)
{
	*s->text = (struct tm_msg_text){ .code = code, .err = err < 0 ? -err : err };
	snprintf(s->text->text, sizeof(s->text->text), "%s", what);
	return err;
}

static int refuse(struct serve *s, uint16_t type, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s %s", tm_frame_name(type), why);
	return say(s, TM_WERR_PROTOCOL, -EBADMSG, text);
}

static void batch_forget(struct tm_target *t)
{
	if (t->in_batch)
		tm_batch_free(&t->batch);
	t->in_batch = false;
	free((void *)t->foreign);
	t->foreign = NULL;
	t->n_foreign = 0;
	t->log_begun = false;
	t->progress.phase = 0;
}

static void progress(struct tm_target *t, uint8_t phase)
{
	t->progress.phase = phase;
	t->progress.objects = tm_table_meta(t->table, TM_META_COUNT);
	t->progress.last_seq = tm_table_meta(t->table, TM_META_APPLIED);
	if (t->opts.ops.progress)
		t->opts.ops.progress(t->opts.ops.arg, &t->progress);
}

/* Another root on the source: nothing that is known here has a meaning any more. */
static int adopt_root(struct tm_target *t, struct tm_oid root)
{
	struct tm_row row = { .oid = root, .kind = TM_KIND_DIR };
	struct stat st;
	int r;

	if (fstat(t->rootfd, &st) < 0)
		return -errno;
	row.tino = st.st_ino;
	r = tm_table_clear(t->table);
	if (r == 0)
		r = tm_table_row_put(t->table, &row);
	tm_table_meta_set(t->table, TM_META_ROOT_INO, root.ino);
	tm_table_meta_set(t->table, TM_META_ROOT_GEN, root.gen);
	tm_table_meta_set(t->table, TM_META_ROOT_SUBVOL, root.subvol);
	tm_table_meta_set(t->table, TM_META_COMPLETE, 0);
	tm_table_meta_set(t->table, TM_META_BARRIER, 0);
	return r;
}

static int session_open(struct tm_target *t, const struct tm_msg_session *m)
{
	int r = tm_table_begin(t->table);

	if (r < 0)
		return r;
	/* Durable before READY: an older connection must not come back after a crash. */
	tm_table_meta_set(t->table, TM_META_FENCE, m->fence);
	if (!tm_oid_eq(m->root, t->dirs.root))
		r = adopt_root(t, m->root);
	if (r == 0)
		r = tm_table_commit(t->table);
	if (r < 0)
		tm_table_rollback(t->table);
	else
		t->dirs.root = m->root;
	tm_dirs_reset(&t->dirs);
	return r;
}

static int on_session(struct serve *s, struct tm_rd *r)
{
	struct tm_target *t = s->t;
	struct tm_msg_session m;
	struct tm_msg_ready ready;
	int err;

	if (tm_msg_session_get(r, &m) < 0 || tm_oid_is_none(m.root) || tm_oid_reserved(m.root))
		return refuse(s, TM_F_SESSION, "is malformed");
	if (m.fence <= tm_table_meta(t->table, TM_META_FENCE))
		return say(s, TM_WERR_FENCED, -ESTALE,
			   "a newer connection of the source has been here");
	err = session_open(t, &m);
	if (err < 0)
		return say(s, TM_WERR_TARGET, err, "the target's state cannot be written");
	t->fence = m.fence;
	ready = (struct tm_msg_ready){ .last_seq = tm_table_meta(t->table, TM_META_APPLIED),
				       .objects = tm_table_meta(t->table, TM_META_COUNT),
				       .fresh = !tm_table_meta(t->table, TM_META_COMPLETE) };
	tm_buf_reset(&s->out);
	tm_msg_ready_put(&s->out, &ready);
	s->state = ST_IDLE;
	progress(t, 0);
	return tm_link_send_buf(s->l, TM_F_READY, &s->out);
}

static int on_batch(struct serve *s, struct tm_rd *r)
{
	struct tm_target *t = s->t;
	struct tm_msg_batch m;
	int err;

	if (tm_msg_batch_get(r, &m) < 0)
		return refuse(s, TM_F_BATCH, "is malformed");
	if (m.fence != t->fence)
		return say(s, TM_WERR_FENCED, -ESTALE, "the batch carries another fencing epoch");
	if (m.seq != tm_table_meta(t->table, TM_META_APPLIED) + 1)
		return refuse(s, TM_F_BATCH, "has a number that does not follow");
	if ((m.flags & TM_BATCH_LOOK) && !tm_compare_ok(t))
		return refuse(s, TM_F_BATCH, "wants a comparison that was not agreed on");
	err = tm_batch_init(&t->batch, &m);
	t->in_batch = true;
	if (err < 0)
		return err;
	t->seq = m.seq;
	t->displaced_n = 0;
	t->refused = t->skipped = 0;
	t->progress.files_total = t->progress.files_done = 0;
	t->progress.bytes_total = t->progress.bytes_done = 0;
	s->state = ST_ASSERT;
	s->assert_ok = true;
	progress(t, 1);
	return 0;
}

static int on_assert(struct serve *s, struct tm_rd *r)
{
	struct tm_assert a;
	int err;

	s->state = ST_ASSERT;
	while ((err = tm_assert_get(r, &a)) == 0) {
		err = tm_batch_add(&s->t->batch, &a);
		if (err < 0)
			break;
	}
	if (err == -ENODATA)
		return 0;
	if (err == -E2BIG)
		return say(s, TM_WERR_TARGET, err,
			   "the batch has more assertions than the target takes");
	return err == -ENOMEM ? err : refuse(s, TM_F_ASSERT, "is malformed");
}

static int on_assert_end(struct serve *s, struct tm_rd *r)
{
	uint8_t lists;
	bool l;
	int err;

	if (tm_rd_end(r) < 0)
		return refuse(s, TM_F_ASSERT_END, "is malformed");
	err = tm_need_send(s->t, s->l, &l);
	if (err == -EBADMSG)
		return refuse(s, TM_F_ASSERT, "says that the root is no directory");
	if (err < 0)
		return err;
	lists = l;
	s->state = ST_FILES;
	progress(s->t, 2);
	return tm_link_send(s->l, TM_F_NEED_END, &lists, 1);
}

static int staged(struct serve *s, uint16_t type, int err)
{
	if (err == -EBADMSG)
		return refuse(s, type, "does not fit here");
	if (err == -E2BIG)
		return say(s, TM_WERR_TARGET, err,
			   "the batch has more attributes than the target takes");
	return err;
}

static int on_file(struct serve *s, struct tm_rd *r)
{
	struct tm_msg_file m;

	if (tm_msg_file_get(r, &m) < 0)
		return refuse(s, TM_F_FILE, "is malformed");
	s->assert_ok = false;
	return staged(s, TM_F_FILE, tm_stage_file(s->t, &m));
}

static int on_data(struct serve *s, struct tm_rd *r)
{
	uint64_t off = tm_get_u64(r);
	uint32_t n = tm_get_u32(r), zero = tm_get_u32(r);

	if (r->error || zero || !n || n != r->len)
		return refuse(s, TM_F_DATA, "is malformed");
	return staged(s, TM_F_DATA, tm_stage_data(s->t, off, r->p, n));
}

static int on_verdict(struct serve *s, struct tm_rd *r)
{
	uint8_t v = tm_get_u8(r);

	if (tm_rd_end(r) < 0)
		return refuse(s, TM_F_VERDICT, "is malformed");
	return staged(s, TM_F_VERDICT, tm_stage_verdict(s->t, v));
}

static int on_hole(struct serve *s, struct tm_rd *r)
{
	uint64_t off = tm_get_u64(r), len = tm_get_u64(r);

	if (tm_rd_end(r) < 0)
		return refuse(s, TM_F_HOLE, "is malformed");
	return staged(s, TM_F_HOLE, tm_stage_hole(s->t, off, len));
}

static int on_file_end(struct serve *s, struct tm_rd *r)
{
	struct tm_msg_file_end m;
	int err;

	if (tm_msg_file_end_get(r, &m) < 0)
		return refuse(s, TM_F_FILE_END, "is malformed");
	err = staged(s, TM_F_FILE_END, tm_stage_end(s->t, &m));
	if (err == 0 && s->t->progress.files_done % 256 == 0)
		progress(s->t, 2);
	return err;
}

static void count(struct tm_target *t, const struct tm_plan *plan)
{
	uint64_t gone = t->doomed + plan->doomed;

	t->doomed = gone - TM_MIN(gone, plan->claimed);
	if ((t->batch.head.flags & TM_BATCH_LAST) && !plan->held)
		t->doomed = 0;
	if (t->batch.head.flags & TM_BATCH_LAST)
		tm_compare_forget(t);
	t->progress.batches++;
	t->progress.files += plan->files;
	t->progress.deleted += plan->deleted;
	t->progress.renamed += plan->renamed;
	t->progress.refused += t->refused;
	t->progress.skipped += t->skipped;
}

/* How many objects there will be; exact again once the steps are applied. */
static uint64_t objects_after(struct tm_target *t, const struct tm_plan *plan)
{
	uint64_t n = tm_table_meta(t->table, TM_META_COUNT);
	struct tm_row row;

	for (size_t i = 0; i < plan->n && plan->steps[i].type == TM_STEP_ROW; i++)
		n += tm_table_row(t->table, plan->steps[i].oid, &row) == -ENOENT;
	return n - TM_MIN(n, plan->deleted);
}

static int send_ack(struct serve *s, const struct tm_plan *plan)
{
	struct tm_msg_ack ack = { .seq = s->t->seq,
				  .files = plan->files,
				  .deleted = plan->deleted,
				  .renamed = plan->renamed,
				  .refused = s->t->refused,
				  .skipped = s->t->skipped,
				  .objects = objects_after(s->t, plan) };
	int r;

	tm_buf_reset(&s->out);
	tm_msg_ack_put(&s->out, &ack);
	r = tm_link_send_buf(s->l, TM_F_ACK, &s->out);
	return r == 0 ? tm_link_flush(s->l) : r;
}

/* The batch is committed: whatever the link does, it is applied. */
static int finish(struct serve *s, const struct tm_plan *plan)
{
	struct tm_target *t = s->t;
	int sent = t->batch.comparing ? tm_compare_tell(t) : 0, r;
	bool last;

	if (sent == 0)
		sent = send_ack(s, plan);

	tm_failpoint("acked");
	r = tm_commit_apply(t, plan->steps, plan->n, 0, t->seq, t->batch.head.flags);
	if (r < 0)
		return say(s, TM_WERR_TARGET, r,
			   "a committed batch cannot be applied now; it is repeated later");
	last = (t->batch.head.flags & TM_BATCH_LAST) != 0;
	count(t, plan);
	batch_forget(t);
	r = last ? tm_stage_clean_all(t) : tm_stage_clean(t);
	progress(t, 0);
	return r < 0 ? r : sent;
}

static int stop(struct serve *s, const struct tm_msg_stop *m)
{
	int r;

	tm_buf_reset(&s->out);
	tm_msg_stop_put(&s->out, m);
	batch_forget(s->t);
	r = tm_stage_clean(s->t);
	return r < 0 ? r : tm_link_send_buf(s->l, TM_F_STOP, &s->out);
}

/* Nothing was to be changed, and nothing is: the number of the last batch stays the last one. */
static int looked(struct serve *s)
{
	struct tm_target *t = s->t;
	struct tm_msg_ack ack = { .seq = tm_table_meta(t->table, TM_META_APPLIED),
				  .skipped = t->skipped,
				  .objects = tm_table_meta(t->table, TM_META_COUNT) };
	int r = tm_foreign_list(t);

	if (r == 0)
		r = tm_compare_tell(t);
	if (r < 0)
		return r;
	tm_buf_reset(&s->out);
	tm_msg_ack_put(&s->out, &ack);
	batch_forget(t);
	r = tm_link_send_buf(s->l, TM_F_ACK, &s->out);
	return r == 0 ? tm_link_flush(s->l) : r;
}

static int commit(struct serve *s, struct tm_plan *plan)
{
	struct tm_target *t = s->t;
	struct tm_msg_stop m;
	int r;

	if (tm_only_look(t))
		return looked(s);
	r = tm_stage_rest(t);
	if (r == 0)
		r = tm_commit_plan(t, plan);
	if (r < 0)
		return r;
	if (tm_commit_brake(t, plan, &m))
		return stop(s, &m);
	if (tm_fault("early-ack")) {
		/* As if the power went right after: nothing of the batch is left. */
		r = send_ack(s, plan);
		batch_forget(t);
		return r < 0 ? r : tm_stage_clean(t);
	}
	r = tm_commit_log(t, plan);
	return r < 0 ? r : finish(s, plan);
}

static int on_batch_end(struct serve *s, struct tm_rd *r)
{
	struct tm_plan plan;
	int err;

	if (tm_rd_end(r) < 0 || s->t->in.o)
		return refuse(s, TM_F_BATCH_END, "does not fit here");
	progress(s->t, 3);
	memset(&plan, 0, sizeof(plan));
	err = commit(s, &plan);
	tm_plan_free(&plan);
	s->state = ST_IDLE;
	return err;
}

static int on_abort(struct serve *s)
{
	batch_forget(s->t);
	s->state = ST_IDLE;
	return tm_stage_clean(s->t);
}

static int on_barrier(struct serve *s, struct tm_rd *r)
{
	struct tm_table *table = s->t->table;
	uint64_t seq = tm_get_u64(r);
	int err;

	if (tm_rd_end(r) < 0 || seq > tm_table_meta(table, TM_META_APPLIED))
		return refuse(s, TM_F_BARRIER, "names a batch that was never sent");
	if (seq <= tm_table_meta(table, TM_META_BARRIER))
		return 0;
	err = tm_table_begin(table);
	if (err < 0)
		return err;
	tm_table_meta_set(table, TM_META_BARRIER, seq);
	err = tm_table_commit(table);
	if (err < 0)
		tm_table_rollback(table);
	return err;
}

static int on_text(struct serve *s, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text m;

	if (tm_msg_text_get(r, &m) < 0)
		return refuse(s, type, "is malformed");
	if (type == TM_F_NOTICE && m.code == TM_NOTICE_ENABLED)
		return 0;
	*s->text = m;
	if (type != TM_F_BYE)
		return -EREMOTEIO;
	s->over = true;
	return 0;
}

/* Which frames a batch may have, by state. */
static int in_batch(struct serve *s, uint16_t type, struct tm_rd *r)
{
	bool files = s->state == ST_FILES && s->t->in_batch;

	switch (type) {
	case TM_F_ASSERT:
		if (s->state == ST_ASSERT || (files && s->assert_ok))
			return on_assert(s, r);
		break;
	case TM_F_ASSERT_END:
		if (s->state == ST_ASSERT || (files && s->assert_ok))
			return on_assert_end(s, r);
		break;
	case TM_F_FILE:
		if (files)
			return on_file(s, r);
		break;
	case TM_F_DATA:
		if (files)
			return on_data(s, r);
		break;
	case TM_F_VERDICT:
		if (files)
			return on_verdict(s, r);
		break;
	case TM_F_HOLE:
		if (files)
			return on_hole(s, r);
		break;
	case TM_F_FILE_END:
		if (files)
			return on_file_end(s, r);
		break;
	case TM_F_BATCH_END:
		if (files)
			return on_batch_end(s, r);
		break;
	case TM_F_ALIVE:
		if (files && tm_compare_ok(s->t))
			return tm_rd_end(r) < 0 ? refuse(s, type, "is malformed") : 0;
		break;
	case TM_F_BATCH_ABORT:
		if (s->state == ST_ASSERT || files)
			return on_abort(s);
		break;
	}
	return refuse(s, type, "is not expected now");
}

static int on_frame(struct serve *s, uint16_t type, struct tm_rd *r)
{
	switch (type) {
	case TM_F_ERROR:
	case TM_F_NOTICE:
	case TM_F_BYE: return on_text(s, type, r);
	case TM_F_SESSION:
		if (s->state == ST_START)
			return on_session(s, r);
		break;
	case TM_F_BATCH:
		if (s->state == ST_IDLE)
			return on_batch(s, r);
		break;
	case TM_F_BARRIER:
		if (s->state == ST_IDLE)
			return on_barrier(s, r);
		break;
	case TM_F_PING:
		if (s->state == ST_IDLE || s->state == ST_START)
			return tm_link_send(s->l, TM_F_PONG, NULL, 0);
		break;
	default: return in_batch(s, type, r);
	}
	return refuse(s, type, "is not expected now");
}

static int loop(struct serve *s)
{
	const struct tm_target_ops *ops = &s->t->opts.ops;
	int r = 0;

	while (r == 0 && !s->over) {
		const uint8_t *p;
		struct tm_rd rd;
		uint16_t type;
		uint32_t n;

		r = ops->poll ? ops->poll(ops->arg) : 0;
		if (r < 0)
			return say(s, 0, r, "stopped");
		r = tm_link_recv(s->l, &type, &p, &n, -1);
		if (r < 0)
			return say(s, 0, r, "the connection is over");
		s->t->progress.wire_bytes = s->l->counters.wire_bytes;
		rd = tm_rd(p, n);
		r = on_frame(s, type, &rd);
	}
	return r;
}

static const char *trouble(int err)
{
	switch (err) {
	case -ENOSPC:
	case -EDQUOT: return "the target is full";
	case -EROFS: return "the target is read-only";
	case -ENOMEM: return "the target has no memory";
	case -EUCLEAN: return "the target's state is damaged";
	default: return "the target cannot go on";
	}
}

/* The peer is told why, as far as it still listens. */
static void tell(struct serve *s, int err)
{
	if (err == -EREMOTEIO || err == -ECANCELED || err == -ECONNRESET || err == -ETIMEDOUT)
		return;
	if (!s->text->code && !s->text->text[0])
		say(s, TM_WERR_TARGET, err, trouble(err));
	if (!s->text->code)
		return; /* the link itself is broken */
	tm_buf_reset(&s->out);
	tm_msg_text_put(&s->out, s->text);
	if (tm_link_send_buf(s->l, TM_F_ERROR, &s->out) == 0)
		tm_link_flush(s->l);
}

int tm_target_serve(struct tm_target *t, struct tm_link *l, struct tm_msg_text *ret_text)
{
	struct serve s = { .t = t, .l = l, .text = ret_text };
	int r;

	*ret_text = (struct tm_msg_text){ 0 };
	t->link = l;
	tm_compare_forget(t);
	tm_buf_init(&s.out, TM_FRAME_MAX);
	/* A batch waits to be repeated: that is done when the target is opened, not here. */
	r = t->in_doubt ? -EIO : loop(&s);
	if (r < 0)
		tell(&s, r);
	/* A full disk must not stay full of what may be resumed, a broken one is nothing to build on. */
	t->distrust |= tm_err_is_fatal(r);
	/* Nothing of an unfinished batch stays, but what is committed is left to be repeated. */
	batch_forget(t);
	tm_stage_clean(t);
	tm_buf_free(&s.out);
	t->link = NULL;
	return r;
}
