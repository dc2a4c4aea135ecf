/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker/pair_role.c - pairing, either side: a request and its states, held open while an admin
 * thinks.
 *
 * No files here. The connection is kept alive by PING and PONG; when it breaks the source's daemon
 * dials again and sends the same request.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "worker/worker.h"

#define PING_MS	   10000
#define SILENCE_MS 45000
/* A peer that nobody knows yet: it gets a few requests per connection, not a stream of them. */
#define REQUESTS_MAX 16

struct pairing {
	struct tm_worker *w;
	bool source;
	uint64_t ping_ms, heard_ms;
	unsigned int requests;
	struct tm_msg_text text;
};

/* What the daemon gave us for the peer. */
static int send_ours(struct pairing *p)
{
	struct tm_worker *w = p->w;
	struct tm_buf b;
	int r = 0;

	tm_buf_init(&b, TM_FRAME_MAX);
	if (p->source && w->have_request) {
		w->have_request = false;
		tm_msg_pair_request_put(&b, &w->request);
		r = tm_link_send_buf(w->link, TM_F_PAIR_REQUEST, &b);
	} else if (!p->source && w->have_state) {
		w->have_state = false;
		tm_msg_pair_state_put(&b, &w->state);
		r = tm_link_send_buf(w->link, TM_F_PAIR_STATE, &b);
	}
	tm_buf_free(&b);
	if (!r)
		r = tm_worker_tell_peer(w);
	if (!r && p->source && tm_mono_ms() - p->ping_ms >= PING_MS) {
		p->ping_ms = tm_mono_ms();
		r = tm_link_send(w->link, TM_F_PING, NULL, 0);
	}
	return r < 0 ? r : tm_link_flush(w->link);
}

static int take_request(struct pairing *p, struct tm_rd *rd)
{
	struct tm_msg_pair_request m;
	struct tm_buf b;

	if (++p->requests > REQUESTS_MAX || tm_msg_pair_request_get(rd, &m) < 0)
		return -EBADMSG;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_PAIR_REQUESTED);
	tm_msg_pair_request_put(&b, &m);
	tm_worker_send(p->w, &b);
	tm_buf_free(&b);
	return 0;
}

static int take_state(struct pairing *p, struct tm_rd *rd)
{
	struct tm_msg_pair_state m;
	struct tm_buf b;

	if (tm_msg_pair_state_get(rd, &m) < 0)
		return -EBADMSG;
	tm_buf_init(&b, TM_CTL_MAX);
	tm_ctl_begin(&b, TM_C_PAIR_STATED);
	tm_msg_pair_state_put(&b, &m);
	tm_worker_send(p->w, &b);
	tm_buf_free(&b);
	return 0;
}

/* All frames that are here. 0 or why the connection ends. */
static int take_frames(struct pairing *p)
{
	const uint8_t *data;
	uint16_t type;
	uint32_t n;
	int r;

	for (;;) {
		r = tm_worker_idle_frame(p->w, &type, &data, &n, &p->text);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return r;
		p->heard_ms = tm_mono_ms();
		if (r == 1) {
			struct tm_rd rd = tm_rd(data, n);

			if (type == TM_F_PAIR_REQUEST && !p->source)
				r = take_request(p, &rd);
			else if (type == TM_F_PAIR_STATE && p->source)
				r = take_state(p, &rd);
			else
				r = -EBADMSG;
			if (r < 0) {
				p->text.code = TM_WERR_PROTOCOL;
				snprintf(p->text.text, sizeof(p->text.text),
					 "unexpected or malformed %s while pairing",
					 tm_frame_name(type));
				return r;
			}
		}
	}
}

static int hold(struct pairing *p)
{
	struct tm_worker *w = p->w;
	int r;

	for (;;) {
		r = take_frames(p);
		if (!r)
			r = send_ours(p);
		if (r < 0)
			return r;
		/* After sending: the last state (ACCEPTED, say) goes out before we do. */
		if (w->stop)
			return -ECANCELED;
		if (tm_mono_ms() - p->heard_ms > SILENCE_MS)
			return -ETIMEDOUT;
		r = tm_worker_wait(w, tm_peer_fd(w->link), 1000);
		if (r < 0 || w->conn >= 0)
			return -ECANCELED;
	}
}

static void pair(struct tm_worker *w)
{
	struct pairing p = { .w = w, .source = w->start.role == TM_ROLE_PAIR_SOURCE };
	int r;

	if (tm_worker_connect(w) < 0)
		return;
	p.heard_ms = tm_mono_ms();
	p.ping_ms = p.heard_ms;
	r = hold(&p);
	if (r == -ECANCELED && w->conn < 0)
		tm_worker_disconnect(w, true, &p.text);
	else
		tm_worker_fail(w, r, &p.text);
}

int tm_pair_role(struct tm_worker *w)
{
	tm_worker_say(w, TM_C_READY);
	while (!tm_worker_ending(w)) {
		if (w->conn < 0) {
			tm_worker_wait(w, -1, -1);
			continue;
		}
		pair(w);
		/* An accepted connection is served once; only the source dials again. */
		if (w->start.role == TM_ROLE_PAIR_TARGET)
			break;
	}
	return 0;
}
