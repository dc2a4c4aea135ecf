/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/inbox.c - the control socket: what the daemon wants is noted, what happens here is told.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "worker/worker.h"

/* ---- to the daemon ---- */

void tm_worker_send(struct tm_worker *w, const struct tm_buf *b)
{
	int r = tm_buf_error(b);

	if (r < 0 || w->gone)
		return;
	do {
		r = tm_send_packet(w->ctl, b->data, b->len, NULL, 0);
		if (r == -EAGAIN && tm_poll(w->ctl, POLLOUT, -1) < 0)
			r = -EPIPE;
	} while (r == -EAGAIN);
	if (r < 0)
		w->gone = true;
}

void tm_worker_say(struct tm_worker *w, uint16_t type)
{
	struct tm_buf b;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, type);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}

void tm_worker_forward(struct tm_worker *w, uint16_t type, const struct tm_msg_text *text)
{
	struct tm_buf b;

	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, type);
	tm_msg_text_put(&b, text);
	tm_worker_send(w, &b);
	tm_buf_free(&b);
}

void tm_worker_text(struct tm_worker *w, uint16_t type, uint32_t code, int err, const char *fmt,
		    ...)
{
	struct tm_msg_text text = { .code = code, .err = err < 0 ? -err : err };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	tm_worker_forward(w, type, &text);
}

/* ---- from the daemon ---- */

static int take_conn(struct tm_worker *w, struct tm_rd *r, int fd)
{
	uint64_t fence = tm_get_u64(r);

	if (fd < 0 || tm_rd_end(r) < 0)
		return -EBADMSG;
	/* The newest connection is the one that counts. */
	tm_close(w->conn);
	w->conn = fd;
	w->fence = fence;
	return 0;
}

static int take_changes(struct tm_worker *w, struct tm_rd *r)
{
	struct tm_range ranges[TM_CHANGE_RANGES_MAX];
	struct tm_change c;
	int err;

	if (!w->set)
		w->set = tm_change_set_new(0);
	if (!w->set)
		return -ENOMEM;
	while (r->len) {
		err = tm_change_get(r, &c, ranges);
		if (err < 0)
			return err;
		err = tm_change_set_add(w->set, &c);
		if (err < 0)
			return err;
	}
	return 0;
}

/* While a set is in work nothing is told: then the latest of a kind is what counts. */
static void queue_notice(struct tm_worker *w, const struct tm_msg_text *text)
{
	for (unsigned int i = 0; i < w->n_notices; i++)
		if (w->notices[i].code == text->code) {
			w->notices[i] = *text;
			return;
		}
	if (w->n_notices < TM_WORKER_QUEUE)
		w->notices[w->n_notices++] = *text;
}

static int take_text(struct tm_worker *w, uint16_t type, struct tm_rd *r)
{
	struct tm_msg_text text;

	if (tm_msg_text_get(r, &text) < 0)
		return -EBADMSG;
	if (type == TM_C_STOP && !w->stop) {
		w->stop = true;
		w->stop_ms = tm_mono_ms();
		w->stop_text = text;
	} else if (type == TM_C_NOTICE) {
		queue_notice(w, &text);
	}
	return 0;
}

static int take_set(struct tm_worker *w, struct tm_rd *r)
{
	if (w->set_ready || tm_ctl_set_get(r, &w->set_head) < 0)
		return -EBADMSG;
	w->set_ready = true;
	/* An ABORT that crossed the end of the previous set is not about this one. */
	w->abort = false;
	return 0;
}

/* @fd is taken by CONN only. */
static int take(struct tm_worker *w, uint16_t type, struct tm_rd *r, int *fd)
{
	switch (type) {
	case TM_C_CONN: return take_conn(w, r, tm_take_fd(*fd));
	case TM_C_SIGNED:
		w->have_signed = !tm_msg_proof_get(r, &w->signed_proof);
		return w->have_signed ? 0 : -EBADMSG;
	case TM_C_GO: w->go = true; return 0;
	case TM_C_STOP:
	case TM_C_NOTICE: return take_text(w, type, r);
	case TM_C_CHANGES: return take_changes(w, r);
	case TM_C_CHANGES_END: return take_set(w, r);
	case TM_C_ABORT: w->abort = true; return 0;
	case TM_C_PAIR_STATE:
		w->have_state = !tm_msg_pair_state_get(r, &w->state);
		return w->have_state ? 0 : -EBADMSG;
	case TM_C_PAIR_REQUEST:
		w->have_request = !tm_msg_pair_request_get(r, &w->request);
		return w->have_request ? 0 : -EBADMSG;
	default: return -EBADMSG;
	}
}

int tm_worker_pump(struct tm_worker *w)
{
	static uint8_t packet[TM_CTL_MAX];

	while (!w->gone) {
		int fds[TM_FDS_MAX], r;
		size_t nfds = 0;
		struct tm_rd rd;
		uint16_t type = 0;
		ssize_t n = tm_recv_packet(w->ctl, packet, sizeof(packet), fds, &nfds);

		if (n == -EAGAIN)
			return 0;
		if (n <= 0) {
			w->gone = true;
			break;
		}
		for (size_t i = nfds; i < TM_FDS_MAX; i++)
			fds[i] = -EBADF;
		r = tm_ctl_open(packet, (size_t)n, &type, &rd);
		if (!r)
			r = take(w, type, &rd, &fds[0]);
		for (size_t i = 0; i < TM_FDS_MAX; i++)
			tm_close(fds[i]);
		if (r < 0) {
			/*
			 * Two programs of one build that do not understand each other: start
			 * afresh.
			 */
			tm_worker_text(w, TM_C_LOG, TM_LOG_ERR, r,
				       "bad %s from the daemon (%s): worker ends",
				       tm_ctl_name(type), strerror(-r));
			w->gone = true;
		}
	}
	return -ECANCELED;
}

int tm_worker_wait(struct tm_worker *w, int fd, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = w->ctl, .events = POLLIN },
		{ .fd = fd, .events = POLLIN | POLLRDHUP },
	};

	if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	return tm_worker_pump(w);
}
