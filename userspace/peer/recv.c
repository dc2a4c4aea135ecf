/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/recv.c - the receiving half of the link: bytes into one buffer, whole frames out of it.
 */
#include <openssl/err.h>
#include <poll.h>

#include "lib/clock.h"
#include "peer/internal.h"

/* Read what is there. 1: something came; 0: nothing now, *@ret_ssl wants a wait; -errno. */
static int read_some(struct tm_peer_link *l, int *ret_ssl)
{
	size_t got;

	ERR_clear_error();
	*ret_ssl = SSL_read_ex(l->ssl, l->rbuf + l->rlen, TM_PEER_RBUF - l->rlen, &got);
	if (*ret_ssl != 1)
		return 0;
	l->rlen += got;
	l->received += got;
	return 1;
}

/*
 * How many bytes the next frame needs in rbuf, as far as is known: first its header, then all of
 * it. Also moves it to the front if it would not fit behind the others. Or -errno.
 */
static int64_t frame_need(struct tm_peer_link *l)
{
	size_t need = TM_FRAME_HEADER;
	uint16_t type;
	uint32_t len;
	int r;

	if (l->rpos == l->rlen)
		l->rpos = l->rlen = 0;
	if (l->rlen - l->rpos >= TM_FRAME_HEADER) {
		r = tm_frame_header_get(l->rbuf + l->rpos, &type, &len);
		if (r < 0) {
			l->error = r;
			return r;
		}
		need += len;
	}
	if (l->rpos && l->rpos + need > TM_PEER_RBUF) {
		memmove(l->rbuf, l->rbuf + l->rpos, l->rlen - l->rpos);
		l->rlen -= l->rpos;
		l->rpos = 0;
	}
	return (int64_t)need;
}

/* Is there a whole frame? It stays in rbuf until the next call. 1, 0 or -errno. */
static int frame_ready(struct tm_peer_link *l, uint16_t *ret_type, const uint8_t **ret_payload,
		       uint32_t *ret_len)
{
	int64_t need = frame_need(l);
	int r;

	if (need < 0)
		return (int)need;
	if ((int64_t)(l->rlen - l->rpos) < need || l->rlen - l->rpos < TM_FRAME_HEADER)
		return 0;
	r = tm_frame_header_get(l->rbuf + l->rpos, ret_type, ret_len);
	if (r < 0)
		return r;
	*ret_payload = l->rbuf + l->rpos + TM_FRAME_HEADER;
	l->rpos += TM_FRAME_HEADER + (size_t)*ret_len;
	return 1;
}

/* One frame from what has come and comes; silence of @timeout_ms is an error. */
static int next_frame(struct tm_peer_link *l, uint16_t *ret_type, const uint8_t **ret_payload,
		      uint32_t *ret_len, uint32_t timeout_ms)
{
	uint64_t give_up = tm_mono_ms() + timeout_ms;
	int r, ssl;

	for (;;) {
		r = frame_ready(l, ret_type, ret_payload, ret_len);
		if (r)
			return r < 0 ? r : 0;
		r = read_some(l, &ssl);
		if (r) {
			give_up = tm_mono_ms() + timeout_ms;
			continue;
		}
		r = tm_peer_link_want(l, ssl, give_up);
		if (r < 0) {
			l->error = r;
			return r;
		}
	}
}

/* News of the relationship go to the worker, whatever the engine is waiting for. */
static bool take_notice(struct tm_peer_link *l, uint16_t type, const uint8_t *p, uint32_t n)
{
	struct tm_rd r = tm_rd(p, n);
	struct tm_msg_text text;

	if (type != TM_F_NOTICE || !l->notice || l->deadline_ms)
		return false;
	if (!tm_msg_text_get(&r, &text))
		l->notice(l->arg, &text);
	return true;
}

int tm_peer_link_recv(struct tm_link *tl, uint16_t *ret_type, const uint8_t **ret_payload,
		      uint32_t *ret_len, int timeout_ms)
{
	struct tm_peer_link *l = tm_peer_of(tl);
	int r = tm_peer_link_flush(tl);

	if (r < 0)
		return r;
	l->receiving = true;
	do
		r = next_frame(l, ret_type, ret_payload, ret_len,
			       timeout_ms < 0 ? l->timeout_ms : (uint32_t)timeout_ms);
	while (!r && take_notice(l, *ret_type, *ret_payload, *ret_len));
	l->receiving = false;
	tm_peer_count(l);
	return r;
}

int tm_peer_try_recv(struct tm_link *tl, uint16_t *ret_type, const uint8_t **ret_payload,
		     uint32_t *ret_len)
{
	struct tm_peer_link *l = tm_peer_of(tl);
	int r, ssl, why, saved;

	if (l->error)
		return l->error;
	for (;;) {
		r = frame_ready(l, ret_type, ret_payload, ret_len);
		if (r > 0 && take_notice(l, *ret_type, *ret_payload, *ret_len))
			continue;
		if (r)
			break;
		if (read_some(l, &ssl))
			continue;
		saved = errno;
		why = SSL_get_error(l->ssl, ssl);
		if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
			return -EAGAIN;
		r = l->error = tm_peer_link_errno(why, saved);
		break;
	}
	tm_peer_count(l);
	return r < 0 ? r : 0;
}

bool tm_peer_link_pending(struct tm_link *tl)
{
	struct tm_peer_link *l = tm_peer_of(tl);
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (l->rlen > l->rpos || SSL_has_pending(l->ssl))
		return true;
	return poll(&p, 1, 0) > 0;
}

bool tm_peer_last_words(struct tm_link *tl, uint32_t wait_ms, struct tm_msg_text *ret_text)
{
	struct tm_peer_link *l = tm_peer_of(tl);
	uint64_t give_up = tm_mono_ms() + wait_ms;
	const uint8_t *p;
	uint16_t type;
	uint32_t n;
	bool found = false;

	l->poll = NULL;
	while (!found) {
		uint64_t now = tm_mono_ms();
		struct tm_rd r;

		if (next_frame(l, &type, &p, &n, now < give_up ? (uint32_t)(give_up - now) : 0) < 0)
			break;
		r = tm_rd(p, n);
		found = (type == TM_F_ERROR || type == TM_F_NOTICE) &&
			!tm_msg_text_get(&r, ret_text);
	}
	return found;
}
