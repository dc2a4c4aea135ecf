/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/conn.c - one connection of a worker: handshake, what the daemon is told meanwhile, the
 * end.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "worker/worker.h"

#define SIGN_TIMEOUT_MS 5000

/* ---- callbacks of the link ---- */

static int sign_by_daemon(void *arg, const struct tm_ctl_sign *req, struct tm_msg_proof *ret)
{
	uint64_t give_up = tm_mono_ms() + SIGN_TIMEOUT_MS;
	struct tm_worker *w = arg;
	struct tm_buf b;

	w->have_signed = false;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_SIGN);
	tm_ctl_sign_put(&b, req);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
	while (!w->have_signed) {
		uint64_t now = tm_mono_ms();

		if (now >= give_up)
			return -ETIMEDOUT;
		if (tm_worker_wait(w, -1, (int)(give_up - now)) < 0 || tm_worker_ending(w))
			return -ECANCELED;
	}
	*ret = w->signed_proof;
	return 0;
}

/* The link waits for the peer: is there any reason not to? */
static int while_waiting(void *arg)
{
	struct tm_worker *w = arg;

	/* What was held back by the throttle: the end of a batch may be the last news for a long time. */
	if (tm_mono_ms() - w->progress_ms >= TM_WORKER_PROGRESS_MS)
		tm_worker_progress_flush(w);
	if (tm_worker_pump(w) < 0 || w->conn >= 0)
		return -ECANCELED;
	if (w->stop && (w->shaking || tm_mono_ms() - w->stop_ms > TM_WORKER_STOP_GRACE_MS))
		return -ECANCELED;
	/* A target mostly sits in recv; what it has to say goes out from here. */
	if (!w->shaking && w->start.role == TM_ROLE_TARGET && tm_peer_may_send(w->link)) {
		if (tm_worker_tell_peer(w) < 0 || w->stop)
			return -ECANCELED;
	}
	return 0;
}

static void noticed(void *arg, const struct tm_msg_text *text)
{
	/* What was done before it was said is told before it: the daemon may take it for the end of a run. */
	tm_worker_progress_flush(arg);
	tm_worker_forward(arg, TM_C_NOTICED, text);
}

/* ---- life of the connection ---- */

int tm_worker_connect(struct tm_worker *w)
{
	static const uint8_t any[TM_KEY_LEN];
	struct tm_peer_handshake h = {
		.role = w->start.role,
		.id = w->start.id,
		.cluster = w->start.cluster,
		.timeout_ms = w->start.handshake_timeout_ms,
		.sign = sign_by_daemon,
		.poll = while_waiting,
		.poll_fd = w->ctl,
		.notice = noticed,
		.arg = w,
	};
	struct tm_ctl_authed authed;
	struct tm_msg_text text;
	struct tm_link *link = NULL;
	struct tm_buf b;
	int r;

	if (memcmp(w->start.peer_key, any, TM_KEY_LEN))
		h.pinned_key = w->start.peer_key;
	w->go = false;
	w->stop_told = false;
	w->shaking = true;
	r = tm_peer_handshake(w->tls, tm_take_fd(w->conn), &h, &link, &authed, &text);
	w->shaking = false;
	if (r < 0) {
		tm_worker_forward(w, TM_C_CLOSED, &text);
		return r;
	}
	w->link = link;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_AUTHED);
	tm_ctl_authed_put(&b, &authed);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
	return 0;
}

static void add_counters(struct tm_link_counters *sum, const struct tm_link_counters *c)
{
	sum->wire_bytes += c->wire_bytes;
	sum->sendfile_bytes += c->sendfile_bytes;
	sum->ktls_bytes += c->ktls_bytes;
	sum->copy_bytes += c->copy_bytes;
}

void tm_worker_disconnect(struct tm_worker *w, bool bye, const struct tm_msg_text *text)
{
	struct tm_buf b;

	if (!w->link)
		return;
	if (bye) {
		tm_buf_init(&b, TM_FRAME_MAX);
		tm_msg_text_put(&b, text);
		tm_link_send_buf(w->link, TM_F_BYE, &b);
		tm_buf_free(&b);
	}
	tm_worker_progress_flush(w);
	add_counters(&w->past, &w->link->counters);
	tm_peer_close(w->link);
	w->link = NULL;
	tm_worker_forward(w, TM_C_CLOSED, text);
}

void tm_worker_fail(struct tm_worker *w, int r, struct tm_msg_text *text)
{
	/* A reset says nothing; the reason may have arrived before it. */
	if ((r == -ECONNRESET || r == -EPIPE) && w->link)
		tm_peer_last_words(w->link, 200, text);
	if (!text->err)
		text->err = -r;
	if (!text->text[0]) {
		if (w->conn >= 0)
			snprintf(text->text, sizeof(text->text), "replaced by a newer connection");
		else
			snprintf(text->text, sizeof(text->text), "%s",
				 r == -ECONNRESET  ? "the peer closed the connection"
				 : r == -ETIMEDOUT ? "the peer does not answer any more"
						   : strerror(-r));
	}
	tm_worker_disconnect(w, false, text);
}

int tm_worker_tell_peer(struct tm_worker *w)
{
	struct tm_buf b;
	int r = 0;

	if (w->stop && !w->stop_told && w->stop_text.code && w->n_notices < TM_WORKER_QUEUE)
		w->notices[w->n_notices++] = w->stop_text;
	if (w->stop)
		w->stop_told = true;
	if (!w->n_notices || !w->link)
		return 0;
	tm_buf_init(&b, TM_FRAME_MAX);
	for (unsigned int i = 0; i < w->n_notices && !r; i++) {
		tm_buf_reset(&b);
		tm_msg_text_put(&b, &w->notices[i]);
		r = tm_link_send_buf(w->link, TM_F_NOTICE, &b);
	}
	tm_buf_free(&b);
	w->n_notices = 0;
	return r < 0 ? r : tm_link_flush(w->link);
}

int tm_worker_between(void *arg)
{
	struct tm_worker *w = arg;

	if (tm_worker_pump(w) < 0 || w->stop || w->abort || w->conn >= 0)
		return -ECANCELED;
	return 0;
}

int tm_worker_idle_frame(struct tm_worker *w, uint16_t *ret_type, const uint8_t **ret_p,
			 uint32_t *ret_n, struct tm_msg_text *ret_text)
{
	struct tm_rd rd;
	int r = tm_peer_try_recv(w->link, ret_type, ret_p, ret_n);

	if (r < 0)
		return r;
	switch (*ret_type) {
	case TM_F_PING:
		r = tm_link_send(w->link, TM_F_PONG, NULL, 0);
		return r < 0 ? r : tm_link_flush(w->link);
	case TM_F_PONG: return 0;
	case TM_F_BYE:
	case TM_F_ERROR:
		rd = tm_rd(*ret_p, *ret_n);
		if (tm_msg_text_get(&rd, ret_text) < 0)
			snprintf(ret_text->text, sizeof(ret_text->text),
				 "the peer ended the connection");
		return -EREMOTEIO;
	default: return 1;
	}
}

/* ---- for the engine's ops ---- */

void tm_worker_progress_flush(struct tm_worker *w)
{
	struct tm_link_counters sum = w->past;
	struct tm_buf b;

	if (!w->progress_new)
		return;
	if (w->link)
		add_counters(&sum, &w->link->counters);
	w->progress.wire_bytes = sum.wire_bytes;
	w->progress.sendfile_bytes = sum.sendfile_bytes;
	w->progress.ktls_bytes = sum.ktls_bytes;
	w->progress.copy_bytes = sum.copy_bytes;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_PROGRESS);
	tm_ctl_progress_put(&b, &w->progress);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
	w->progress_new = false;
	w->progress_ms = tm_mono_ms();
}

void tm_worker_progress(void *arg, const struct tm_ctl_progress *p)
{
	struct tm_worker *w = arg;

	w->progress = *p;
	w->progress_new = true;
	if (tm_mono_ms() - w->progress_ms >= TM_WORKER_PROGRESS_MS)
		tm_worker_progress_flush(w);
}

void tm_worker_file_failed(void *arg, const char *path, size_t path_len, int op, int err)
{
	struct tm_ctl_file_failed m = { .err = err < 0 ? -err : err, .op = (uint32_t)op };
	struct tm_worker *w = arg;
	struct tm_buf b;

	/* Bytes, never a NUL; what is too long keeps its beginning. */
	if (path_len >= sizeof(m.path))
		path_len = sizeof(m.path) - 1;
	memcpy(m.path, path, path_len);
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_FILE_FAILED);
	tm_ctl_file_failed_put(&b, &m);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}
