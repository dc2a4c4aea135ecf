/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer/send.c - the sending half of the link: one buffer, and files past it where the kernel
 * encrypts.
 */
#include <openssl/err.h>
#include <poll.h>
#include <unistd.h>

#include "lib/clock.h"
#include "peer/internal.h"

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

int tm_peer_link_flush(struct tm_link *tl)
{
	struct tm_peer_link *l = tm_peer_of(tl);
	size_t n = l->wlen;
	int r;

	l->wlen = 0;
	r = write_all(l, l->wbuf, n);
	tm_peer_count(l);
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
			r = tm_peer_link_flush(&l->link);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int tm_peer_link_send(struct tm_link *tl, uint16_t type, const void *payload, uint32_t len)
{
	struct tm_peer_link *l = tm_peer_of(tl);
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
 * The kernel encrypts and sends from the page cache. Returns how many bytes left, fewer at the end
 * of the file or when it cannot be read; -errno when the connection failed.
 */
static int64_t send_by_kernel(struct tm_peer_link *l, int fd, uint64_t off, uint32_t n)
{
	uint64_t give_up = tm_mono_ms() + l->timeout_ms;
	uint32_t done = 0;
	int r = tm_peer_link_flush(&l->link);

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
			r = tm_peer_link_wait(l, POLLOUT, give_up);
			if (r < 0) {
				l->error = r;
				return r;
			}
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT ||
		    errno == ENOTCONN) {
			l->error = errno == ETIMEDOUT ? -ETIMEDOUT : -ECONNRESET;
			return l->error;
		}
		break; /* the file's trouble: the copying path finds out which */
	}
	l->sent += done;
	l->sendfile_ktls += done;
	l->link.counters.sendfile_bytes += done;
	l->link.counters.ktls_bytes += done;
	return done;
}

/* Read straight into the send buffer, behind the head that is already there. */
static int send_by_copy(struct tm_peer_link *l, int fd, uint64_t off, uint32_t n,
			uint32_t *ret_done, int *ret_read_err)
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
			r = tm_peer_link_flush(&l->link);
	}
	*ret_done = done;
	*ret_read_err = err;
	return r;
}

int tm_peer_link_send_file(struct tm_link *tl, uint64_t label, int fd, uint64_t off, uint32_t n,
			   bool *ret_short, int *ret_read_err)
{
	struct tm_peer_link *l = tm_peer_of(tl);
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
	tm_peer_count(l);
	if (r < 0)
		return r;
	*ret_short = done < n && !err;
	*ret_read_err = err;
	return 0;
}
