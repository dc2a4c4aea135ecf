/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/source_role.c - the source's step machine: connection -> session -> sets, one after the
 * other.
 *
 * The directory index is built once and outlives connections: a broken link costs a handshake, no
 * walk.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "source/source.h"
#include "worker/worker.h"

#define IDLE_TICK_MS   1000
#define REQUEUE_PACKET 60000 /* one record more always fits into TM_CTL_MAX */

/* ---- REQUEUE: many records in few packets ---- */

static void requeue_flush(struct tm_worker *w)
{
	if (w->requeue.len)
		tm_worker_send(w, &w->requeue);
	tm_buf_reset(&w->requeue);
}

static int requeue_one(void *arg, const struct tm_change *c)
{
	struct tm_worker *w = arg;
	struct tm_buf one;
	int r;

	tm_buf_init(&one, TM_CTL_MAX - 16);
	tm_change_put(&one, c);
	r = tm_buf_error(&one);
	if (!r) {
		if (w->requeue.len + one.len > REQUEUE_PACKET)
			requeue_flush(w);
		if (!w->requeue.len)
			tm_ctl_begin(&w->requeue, TM_C_REQUEUE);
		tm_put_raw(&w->requeue, one.data, one.len);
		w->requeued++;
		r = tm_buf_error(&w->requeue);
	}
	tm_buf_free(&one);
	return r;
}

/* ---- one set ---- */

static void tell_done(struct tm_worker *w)
{
	struct tm_ctl_done m = {
		.set_id = w->set_head.set_id,
		.taken_ns = w->set_head.taken_ns,
		.requeued = w->requeued,
	};
	struct tm_buf b;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_DONE);
	tm_ctl_done_put(&b, &m);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}

static void tell_stopped(struct tm_worker *w, const struct tm_msg_stop *stop)
{
	struct tm_buf b;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_STOPPED);
	tm_msg_stop_put(&b, stop);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}

static void forget_set(struct tm_worker *w)
{
	tm_change_set_free(w->set);
	w->set = NULL;
	w->set_ready = false;
	w->abort = false;
	tm_buf_reset(&w->requeue);
	w->requeued = 0;
}

/*
 * The daemon decides what a set is; but a target that knows nothing needs everything, whatever the
 * daemon believes. *@fresh is cleared by the set that brought it.
 */
static int complete_set(struct tm_worker *w, bool fresh)
{
	struct tm_change all = { .kind = TM_CHANGE_ALL };
	int r;

	if (!w->set)
		w->set = tm_change_set_new(0);
	if (!w->set)
		return -ENOMEM;
	r = fresh ? tm_change_set_add(w->set, &all) : 0;
	return r < 0 ? r : 0;
}

/*
 * ACK says that a batch is durable; the target applies it before it looks at the next frame. So its
 * PONG says that whoever looks at the target now sees this set: only that is called done.
 */
static int wait_applied(struct tm_worker *w, struct tm_msg_text *text)
{
	const uint8_t *p;
	struct tm_rd rd;
	uint16_t type;
	uint32_t n;
	int r = tm_link_send(w->link, TM_F_PING, NULL, 0);

	if (!r)
		r = tm_link_recv(w->link, &type, &p, &n, -1);
	if (r < 0 || type == TM_F_PONG)
		return r;
	rd = tm_rd(p, n);
	if ((type == TM_F_ERROR || type == TM_F_BYE) && !tm_msg_text_get(&rd, text))
		return -EREMOTEIO;
	snprintf(text->text, sizeof(text->text), "unexpected %s from the target", tm_frame_name(type));
	text->code = TM_WERR_PROTOCOL;
	return -EBADMSG;
}

/* 0: done, given up or stopped: the session goes on. -errno: it does not, *text may say why. */
static int replicate(struct tm_worker *w, struct tm_source *s, bool *fresh,
		     struct tm_msg_text *text)
{
	struct tm_msg_stop stop = { 0 };
	int r = complete_set(w, *fresh);

	if (!r)
		r = tm_source_replicate(s, w->link, w->set, w->set_head.flags, w->set_head.taken_ns,
					&stop, text);
	if (!r)
		r = wait_applied(w, text);
	tm_worker_progress_flush(w);
	if (!r) {
		requeue_flush(w);
		tell_done(w);
		*fresh = false;
	} else if (r == -ESTALE) {
		tell_stopped(w, &stop);
		r = 0;
	} else if (r == -ECANCELED && !tm_worker_ending(w) && w->conn < 0) {
		r = 0; /* ABORT: the daemon still has the set */
	}
	forget_set(w);
	return r;
}

/* ---- one connection ---- */

static void tell_idle(struct tm_worker *w, const struct tm_msg_ready *ready)
{
	struct tm_buf b;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_IDLE);
	tm_msg_ready_put(&b, ready);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}

static int take_frames(struct tm_worker *w, struct tm_msg_text *text)
{
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	int r;

	do
		r = tm_worker_idle_frame(w, &type, &p, &n, text);
	while (!r);
	if (r == 1) {
		snprintf(text->text, sizeof(text->text), "unexpected %s from the target",
			 tm_frame_name(type));
		text->code = TM_WERR_PROTOCOL;
		return -EBADMSG;
	}
	return r == -EAGAIN ? 0 : r;
}

/* Session is up: sets as they come, and small talk between them. Returns why it ended. */
static int session(struct tm_worker *w, struct tm_source *s, const struct tm_msg_ready *first,
		   struct tm_msg_text *text)
{
	struct tm_msg_ready ready = *first;
	bool fresh = ready.fresh;
	int r;

	/* A set begun for an earlier connection died with it: the daemon sends it again. */
	forget_set(w);
	tell_idle(w, &ready);
	for (;;) {
		bool worked = w->set_ready;

		r = take_frames(w, text);
		if (!r)
			r = tm_worker_tell_peer(w);
		if (!r && worked) {
			r = replicate(w, s, &fresh, text);
			if (!r) {
				ready.fresh = fresh;
				ready.last_seq = w->progress.last_seq;
				ready.objects = w->progress.objects;
				tell_idle(w, &ready);
			}
		} else if (!r) {
			w->abort = false;
			r = tm_source_idle(s, w->link);
		}
		if (!r && tm_peer_worn(w->link)) {
			snprintf(text->text, sizeof(text->text),
				 "a fresh connection is due after this much data");
			return -EREMCHG;
		}
		if (r < 0)
			return r;
		/* What the engine read ahead is looked at first. */
		r = tm_worker_wait(w, tm_peer_fd(w->link), worked ? 0 : IDLE_TICK_MS);
		if (r < 0 || w->stop || w->conn >= 0)
			return -ECANCELED;
	}
}

static void serve_connection(struct tm_worker *w, struct tm_source *s)
{
	struct tm_msg_text text = { 0 };
	struct tm_msg_ready ready = { 0 };
	int r;

	if (tm_worker_connect(w) < 0)
		return;
	r = tm_source_session(s, w->link, w->fence, &ready, &text);
	if (!r)
		r = session(w, s, &ready, &text);
	if ((r == -ECANCELED && w->conn < 0) || r == -EREMCHG) {
		/* Ours to end, and in order. */
		tm_worker_tell_peer(w);
		tm_worker_disconnect(w, true, &text);
	} else {
		tm_worker_fail(w, r, &text);
	}
	forget_set(w);
}

int tm_source_role(struct tm_worker *w)
{
	struct tm_source_opts o = {
		.sz = sizeof(o),
		.rootfd = w->rootfd,
		.batch_objects = w->start.batch_objects,
		.batch_bytes = w->start.batch_bytes,
		.versions = w->versions,
		.n_versions = w->versions ? w->start.n_versions : 0,
		.barrier_interval_ms = w->start.barrier_interval_ms,
		.moves_told = true,
		.ops = { .poll = tm_worker_between,
			 .progress = tm_worker_progress,
			 .file_failed = tm_worker_file_failed,
			 .requeue = requeue_one,
			 .arg = w },
	};
	struct tm_source *s = NULL;
	int r;

	tm_buf_init(&w->requeue, TM_CTL_MAX);
	r = tm_source_open(&o, &s);
	if (r < 0) {
		tm_worker_text(w, TM_C_FAILED, 0, r, "the source directory cannot be read: %s",
			       strerror(-r));
		return 1;
	}
	tm_worker_say(w, TM_C_READY);
	while (!tm_worker_ending(w)) {
		if (w->conn >= 0)
			serve_connection(w, s);
		else
			tm_worker_wait(w, -1, -1);
	}
	tm_source_close(s);
	return 0;
}
