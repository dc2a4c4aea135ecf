/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/link.c - frames over TLS on a non-blocking socket: struct tm_link for the engine.
 *
 * Sends are collected in one buffer; receives hand out frames from another. The only place that
 * waits is wait_for(): it minds the peer's silence, the handshake's deadline and the daemon's wishes.
 * The process ignores SIGPIPE.
 */
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "peer/internal.h"

static const struct tm_link_ops peer_ops;

static struct tm_peer_link *peer(struct tm_link *l)
{
	return (struct tm_peer_link *)l;
}

/* Bytes on the wire: what the BIO counted, and what sendfile carried past it (without record heads). */
static void count(struct tm_peer_link *l)
{
	BIO *w = SSL_get_wbio(l->ssl);

	l->link.counters.wire_bytes = BIO_number_written(w) + BIO_number_read(SSL_get_rbio(l->ssl)) + l->sendfile_ktls;
}

/* ---- waiting ---- */

static int ask_daemon(struct tm_peer_link *l)
{
	int r;

	if (!l->poll || l->in_poll)
		return 0;
	l->in_poll = true;
	r = l->poll(l->arg);
	l->in_poll = false;
	return r;
}

/* Wait until the socket is ready or @give_up_ms (monotonic). 0 or -errno. */
static int wait_for(struct tm_peer_link *l, short events, uint64_t give_up_ms)
{
	if (l->deadline_ms && l->deadline_ms < give_up_ms)
		give_up_ms = l->deadline_ms;
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = l->fd, .events = events },
			{ .fd = l->poll && !l->in_poll ? l->poll_fd : -1, .events = POLLIN },
		};
		uint64_t now = tm_mono_ms();
		int r;

		if (now >= give_up_ms)
			return -ETIMEDOUT;
		r = poll(fds, 2, (int)TM_MIN(give_up_ms - now, (uint64_t)TM_PEER_SLICE_MS));
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0 || fds[1].revents) {
			r = ask_daemon(l);
			if (r < 0)
				return r;
		}
		if (fds[0].revents)
			return 0;
	}
}

/* What an SSL error means to the engine. */
static int ssl_errno(int why, int saved)
{
	unsigned long e = ERR_peek_error();

	if (why == SSL_ERROR_ZERO_RETURN)
		return -ECONNRESET;
	if (why == SSL_ERROR_SSL)
		/* The end of the stream without close_notify: cut off by someone. */
		return ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? -ECONNRESET : -EPROTO;
	if (saved == ETIMEDOUT)
		return -ETIMEDOUT;
	return -ECONNRESET;
}

int tm_peer_link_want(struct tm_peer_link *l, int ret, uint64_t give_up_ms)
{
	int saved = errno, why = SSL_get_error(l->ssl, ret);

	switch (why) {
	case SSL_ERROR_WANT_READ:
		return wait_for(l, POLLIN, give_up_ms);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(l, POLLOUT, give_up_ms);
	default:
		return ssl_errno(why, saved);
	}
}

int tm_peer_link_tls(struct tm_peer_link *l)
{
	int r, ret;

	for (;;) {
		ERR_clear_error();
		ret = SSL_do_handshake(l->ssl);
		if (ret == 1)
			break;
		r = tm_peer_link_want(l, ret, UINT64_MAX);
		if (r < 0) {
			l->error = r;
			return r;
		}
	}
	l->ktls = BIO_get_ktls_send(SSL_get_wbio(l->ssl));
	return 0;
}

/* ---- sending ---- */

static int write_all(struct tm_peer_link *l, const uint8_t *p, size_t n)
{
	uint64_t give_up = tm_mono_ms() + l->timeout_ms;
	size_t done;
	int r, ret;

	if (l->error)
		return l->error;
	while (n) {
		ERR_clear_error();
		ret = SSL_write_ex(l->ssl, p, n, &done);
		if (ret == 1) {
			p += done;
			n -= done;
			l->sent += done;
			give_up = tm_mono_ms() + l->timeout_ms;
			continue;
		}
		r = tm_peer_link_want(l, ret, give_up);
		if (r < 0) {
			l->error = r;
			return r;
		}
	}
	return 0;
}

static int link_flush(struct tm_link *tl)
{
	struct tm_peer_link *l = peer(tl);
	size_t n = l->wlen;
	int r;

	l->wlen = 0;
	r = write_all(l, l->wbuf, n);
	count(l);
	return r;
}

/* Append to the buffer; what does not fit pushes the rest out. */
static int put(struct tm_peer_link *l, const void *p, size_t n)
{
	const uint8_t *src = p;
	int r;

	while (n) {
		size_t k = TM_MIN(n, TM_PEER_WBUF - l->wlen);

		memcpy(l->wbuf + l->wlen, src, k);
		l->wlen += k;
		src += k;
		n -= k;
		if (l->wlen == TM_PEER_WBUF) {
			r = link_flush(&l->link);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int link_send(struct tm_link *tl, uint16_t type, const void *payload, uint32_t len)
{
	struct tm_peer_link *l = peer(tl);
	uint8_t head[TM_FRAME_HEADER];
	int r;

	if (l->error)
		return l->error;
	if (len > TM_FRAME_MAX)
		return -EMSGSIZE;
	tm_frame_header_put(head, type, len);
	r = put(l, head, sizeof(head));
	return r < 0 ? r : put(l, payload, len);
}

static int put_zeros(struct tm_peer_link *l, uint32_t n)
{
	static const uint8_t zeros[4096];
	int r = 0;

	while (n && !r) {
		uint32_t k = TM_MIN(n, (uint32_t)sizeof(zeros));

		r = put(l, zeros, k);
		n -= k;
	}
	return r;
}

/*
 * The kernel encrypts and sends from the page cache. Returns how many bytes left, fewer at the end of
 * the file or when it cannot be read; -errno when the connection failed.
 */
static int64_t send_by_kernel(struct tm_peer_link *l, int fd, uint64_t off, uint32_t n)
{
	uint64_t give_up = tm_mono_ms() + l->timeout_ms;
	uint32_t done = 0;
	int r = link_flush(&l->link);

	if (r < 0)
		return r;
	while (done < n) {
		ossl_ssize_t k;

		ERR_clear_error();
		errno = 0;
		k = SSL_sendfile(l->ssl, fd, (off_t)(off + done), n - done, 0);
		if (k > 0) {
			done += (uint32_t)k;
			give_up = tm_mono_ms() + l->timeout_ms;
			continue;
		}
		if (!k)
			break;
		if (BIO_should_retry(SSL_get_wbio(l->ssl))) {
			r = wait_for(l, POLLOUT, give_up);
			if (r < 0) {
				l->error = r;
				return r;
			}
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT || errno == ENOTCONN) {
			l->error = errno == ETIMEDOUT ? -ETIMEDOUT : -ECONNRESET;
			return l->error;
		}
		break;	/* the file's trouble: the copying path finds out which */
	}
	l->sent += done;
	l->sendfile_ktls += done;
	l->link.counters.sendfile_bytes += done;
	l->link.counters.ktls_bytes += done;
	return done;
}

/* Read straight into the send buffer, behind the head that is already there. */
static int send_by_copy(struct tm_peer_link *l, int fd, uint64_t off, uint32_t n, uint32_t *ret_done, int *ret_read_err)
{
	uint32_t done = 0;
	int r = 0, err = 0;

	while (done < n && !r) {
		size_t k = TM_MIN((size_t)(n - done), TM_PEER_WBUF - l->wlen);
		ssize_t got = pread(fd, l->wbuf + l->wlen, k, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = errno;
		if (got <= 0)
			break;
		l->wlen += (size_t)got;
		done += (uint32_t)got;
		l->link.counters.copy_bytes += (uint64_t)got;
		if (l->wlen == TM_PEER_WBUF)
			r = link_flush(&l->link);
	}
	*ret_done = done;
	*ret_read_err = err;
	return r;
}

static int link_send_file(struct tm_link *tl, uint64_t label, int fd, uint64_t off, uint32_t n, bool *ret_short,
			  int *ret_read_err)
{
	struct tm_peer_link *l = peer(tl);
	uint8_t head[TM_FRAME_HEADER + TM_DATA_HEAD] = { 0 };
	uint32_t done = 0, copied = 0;
	int err = 0, r;

	if (l->error)
		return l->error;
	if (!n || n > TM_DATA_MAX || off > (uint64_t)INT64_MAX - n)
		return -EINVAL;
	tm_frame_header_put(head, TM_F_DATA, TM_DATA_HEAD + n);
	for (int i = 0; i < 8; i++)
		head[8 + i] = (uint8_t)(label >> (8 * i));
	for (int i = 0; i < 4; i++)
		head[16 + i] = (uint8_t)(n >> (8 * i));
	r = put(l, head, sizeof(head));
	if (r < 0)
		return r;
	if (l->ktls) {
		int64_t k = send_by_kernel(l, fd, off, n);

		if (k < 0)
			return (int)k;
		done = (uint32_t)k;
	}
	if (done < n) {
		r = send_by_copy(l, fd, off + done, n - done, &copied, &err);
		done += copied;
	}
	if (!r && done < n)
		r = put_zeros(l, n - done);
	count(l);
	if (r < 0)
		return r;
	*ret_short = done < n && !err;
	*ret_read_err = err;
	return 0;
}

/* ---- receiving ---- */

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
 * How many bytes the next frame needs in rbuf, as far as is known: first its header, then all of it.
 * Also moves it to the front if it would not fit behind the others. Or -errno.
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
static int frame_ready(struct tm_peer_link *l, uint16_t *ret_type, const uint8_t **ret_payload, uint32_t *ret_len)
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
static int next_frame(struct tm_peer_link *l, uint16_t *ret_type, const uint8_t **ret_payload, uint32_t *ret_len,
		      uint32_t timeout_ms)
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

static int link_recv(struct tm_link *tl, uint16_t *ret_type, const uint8_t **ret_payload, uint32_t *ret_len,
		     int timeout_ms)
{
	struct tm_peer_link *l = peer(tl);
	int r = link_flush(tl);

	if (r < 0)
		return r;
	l->receiving = true;
	do
		r = next_frame(l, ret_type, ret_payload, ret_len,
			       timeout_ms < 0 ? l->timeout_ms : (uint32_t)timeout_ms);
	while (!r && take_notice(l, *ret_type, *ret_payload, *ret_len));
	l->receiving = false;
	count(l);
	return r;
}

int tm_peer_try_recv(struct tm_link *tl, uint16_t *ret_type, const uint8_t **ret_payload, uint32_t *ret_len)
{
	struct tm_peer_link *l = peer(tl);
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
		r = l->error = ssl_errno(why, saved);
		break;
	}
	count(l);
	return r < 0 ? r : 0;
}

static bool link_pending(struct tm_link *tl)
{
	struct tm_peer_link *l = peer(tl);
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (l->rlen > l->rpos || SSL_has_pending(l->ssl))
		return true;
	return poll(&p, 1, 0) > 0;
}

static const struct tm_link_ops peer_ops = {
	.send = link_send,
	.send_file = link_send_file,
	.flush = link_flush,
	.recv = link_recv,
	.pending = link_pending,
};

/* ---- life ---- */

static void link_free(struct tm_peer_link *l)
{
	SSL_free(l->ssl);
	tm_close(l->fd);
	free(l->wbuf);
	free(l->rbuf);
	free(l);
}

int tm_peer_link_new(SSL *ssl, int fd, const struct tm_peer_handshake *h, struct tm_peer_link **ret_l)
{
	struct tm_peer_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		SSL_free(ssl);
		tm_close(fd);
		return -ENOMEM;
	}
	*l = (struct tm_peer_link){
		.link.ops = &peer_ops, .ssl = ssl, .fd = fd, .poll = h->poll, .poll_fd = h->poll_fd,
		.notice = h->notice, .arg = h->arg, .timeout_ms = TM_PEER_TIMEOUT_MS,
		.deadline_ms = tm_mono_ms() + (h->timeout_ms ? h->timeout_ms : 5000),
	};
	l->wbuf = malloc(TM_PEER_WBUF);
	l->rbuf = malloc(TM_PEER_RBUF);
	r = ssl && l->wbuf && l->rbuf ? tm_set_nonblock(fd, true) : -ENOMEM;
	if (!r)
		r = tm_peer_tune(fd);
	if (!r && SSL_set_fd(ssl, fd) != 1)
		r = -ENOMEM;
	if (r < 0) {
		link_free(l);
		return r;
	}
	if (tm_role_is_source(h->role))
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	*ret_l = l;
	return 0;
}

/*
 * Closing a socket that has unread bytes resets the connection, and a reset can overtake our last
 * words. So: say that nothing more comes, and read on for a moment.
 */
static void linger(struct tm_peer_link *l)
{
	uint64_t give_up = tm_mono_ms() + 500;
	uint8_t junk[16384];

	if (shutdown(l->fd, SHUT_WR) < 0)
		return;
	while (tm_mono_ms() < give_up) {
		ssize_t n = recv(l->fd, junk, sizeof(junk), MSG_DONTWAIT);

		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (n < 0 && tm_poll(l->fd, POLLIN, (int)(give_up - TM_MIN(tm_mono_ms(), give_up))) <= 0)
			return;
	}
}

void tm_peer_close(struct tm_link *tl)
{
	struct tm_peer_link *l;

	if (!tl)
		return;
	l = peer(tl);
	if (!l->error && SSL_is_init_finished(l->ssl)) {
		l->timeout_ms = 1000;
		l->poll = NULL;
		if (!link_flush(tl)) {
			ERR_clear_error();
			SSL_shutdown(l->ssl);
			linger(l);
		}
	}
	ERR_clear_error();
	link_free(l);
}

bool tm_peer_worn(const struct tm_link *tl)
{
	const struct tm_peer_link *l = (const struct tm_peer_link *)tl;

	return l->sent > TM_PEER_WORN_BYTES || l->received > TM_PEER_WORN_BYTES;
}

int tm_peer_fd(const struct tm_link *tl)
{
	return ((const struct tm_peer_link *)tl)->fd;
}

bool tm_peer_may_send(const struct tm_link *tl)
{
	const struct tm_peer_link *l = (const struct tm_peer_link *)tl;

	return l->receiving && !l->error;
}

bool tm_peer_last_words(struct tm_link *tl, uint32_t wait_ms, struct tm_msg_text *ret_text)
{
	struct tm_peer_link *l = peer(tl);
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
		found = (type == TM_F_ERROR || type == TM_F_NOTICE) && !tm_msg_text_get(&r, ret_text);
	}
	return found;
}
