/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/link.c - frames over TLS on a non-blocking socket: struct tm_link for the engine.
 *
 * Sends are collected in one buffer (send.c); receives hand out frames from another (recv.c). The
 * only place that waits is here, in tm_peer_link_wait(): it minds the peer's silence, the
 * handshake's deadline and the daemon's wishes. The process ignores SIGPIPE.
 */
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "peer/internal.h"

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
int tm_peer_link_wait(struct tm_peer_link *l, short events, uint64_t give_up_ms)
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
int tm_peer_link_errno(int why, int saved)
{
	unsigned long e = ERR_peek_error();

	if (why == SSL_ERROR_ZERO_RETURN)
		return -ECONNRESET;
	if (why == SSL_ERROR_SSL)
		/* The end of the stream without close_notify: cut off by someone. */
		return ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? -ECONNRESET
									       : -EPROTO;
	if (saved == ETIMEDOUT)
		return -ETIMEDOUT;
	return -ECONNRESET;
}

int tm_peer_link_want(struct tm_peer_link *l, int ret, uint64_t give_up_ms)
{
	int saved = errno, why = SSL_get_error(l->ssl, ret);

	switch (why) {
	case SSL_ERROR_WANT_READ: return tm_peer_link_wait(l, POLLIN, give_up_ms);
	case SSL_ERROR_WANT_WRITE: return tm_peer_link_wait(l, POLLOUT, give_up_ms);
	default: return tm_peer_link_errno(why, saved);
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

static const struct tm_link_ops peer_ops = {
	.send = tm_peer_link_send,
	.send_file = tm_peer_link_send_file,
	.flush = tm_peer_link_flush,
	.recv = tm_peer_link_recv,
	.pending = tm_peer_link_pending,
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

int tm_peer_link_new(SSL *ssl, int fd, const struct tm_peer_handshake *h,
		     struct tm_peer_link **ret_l)
{
	struct tm_peer_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		SSL_free(ssl);
		tm_close(fd);
		return -ENOMEM;
	}
	*l = (struct tm_peer_link){
		.link.ops = &peer_ops,
		.ssl = ssl,
		.fd = fd,
		.poll = h->poll,
		.poll_fd = h->poll_fd,
		.notice = h->notice,
		.arg = h->arg,
		.timeout_ms = TM_PEER_TIMEOUT_MS,
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
		if (n < 0 &&
		    tm_poll(l->fd, POLLIN, (int)(give_up - TM_MIN(tm_mono_ms(), give_up))) <= 0)
			return;
	}
}

void tm_peer_close(struct tm_link *tl)
{
	struct tm_peer_link *l;

	if (!tl)
		return;
	l = tm_peer_of(tl);
	if (!l->error && SSL_is_init_finished(l->ssl)) {
		l->timeout_ms = 1000;
		l->poll = NULL;
		if (!tm_peer_link_flush(tl)) {
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
