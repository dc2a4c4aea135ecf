/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/lib/plain_link.c - a tm_link over a plain stream socket; see plain_link.h.
 */
#include "tests/lib/plain_link.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "wire/msg.h"

#define OUT_FLUSH ((size_t)64 << 10)
#define IN_CAP	  (TM_FRAME_HEADER + TM_FRAME_MAX)

struct plain {
	struct tm_link link;
	int fd;
	int timeout_ms;
	int error;	    /* sticky */
	uint64_t cut_after; /* bytes that may still leave; UINT64_MAX: no limit */
	struct tm_buf out;
	uint8_t *in;   /* IN_CAP bytes */
	size_t in_at;  /* first byte not handed out yet */
	size_t in_len; /* bytes from there */
};

static struct plain *plain(struct tm_link *l)
{
	return (struct plain *)((char *)l - offsetof(struct plain, link));
}

static int fail(struct plain *p, int error)
{
	if (!p->error)
		p->error = error;
	return p->error;
}

/* How much of @n may leave before the cut a test asked for. */
static size_t allowed(struct plain *p, size_t n)
{
	return p->cut_after < n ? (size_t)p->cut_after : n;
}

static int spend(struct plain *p, size_t n)
{
	p->link.counters.wire_bytes += n;
	if (p->cut_after == UINT64_MAX)
		return 0;
	p->cut_after -= n;
	if (p->cut_after)
		return 0;
	shutdown(p->fd, SHUT_RDWR);
	return fail(p, -ECONNRESET);
}

static int write_all(struct plain *p, const uint8_t *b, size_t n)
{
	while (n) {
		ssize_t k = send(p->fd, b, allowed(p, n), MSG_NOSIGNAL);
		int r;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fail(p, errno == EPIPE ? -ECONNRESET : -errno);
		b += k;
		n -= (size_t)k;
		r = spend(p, (size_t)k);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plain_flush(struct tm_link *l)
{
	struct plain *p = plain(l);
	int r;

	if (p->error)
		return p->error;
	if (!p->out.len)
		return 0;
	r = write_all(p, p->out.data, p->out.len);
	tm_buf_reset(&p->out);
	return r;
}

static int plain_send(struct tm_link *l, uint16_t type, const void *payload, uint32_t len)
{
	struct plain *p = plain(l);
	uint8_t h[TM_FRAME_HEADER];

	if (p->error)
		return p->error;
	if (len > TM_FRAME_MAX)
		return -EMSGSIZE;
	tm_frame_header_put(h, type, len);
	tm_put_raw(&p->out, h, sizeof(h));
	tm_put_raw(&p->out, payload, len);
	if (tm_buf_error(&p->out))
		return fail(p, tm_buf_error(&p->out));
	return p->out.len >= OUT_FLUSH ? plain_flush(l) : 0;
}

/* The part that sendfile could not or would not deliver: through a buffer, zero-padded. */
static int copy_rest(struct plain *p, int fd, uint64_t off, uint32_t n, bool *ret_short,
		     int *ret_read_err)
{
	static const uint8_t zeros[4096];
	uint8_t buf[16384];
	bool end = *ret_short || *ret_read_err;

	while (n) {
		size_t want = TM_MIN((size_t)n, end ? sizeof(zeros) : sizeof(buf));
		ssize_t k = end ? (ssize_t)want : tm_pread_full(fd, buf, want, (off_t)off);
		int r;

		if (k < 0)
			*ret_read_err = (int)k;
		if (k >= 0 && (size_t)k < want)
			*ret_short = true;
		if (k <= 0) {
			end = true;
			continue;
		}
		r = write_all(p, end ? zeros : buf, (size_t)k);
		if (r < 0)
			return r;
		if (!end)
			p->link.counters.copy_bytes += (uint64_t)k;
		off += (uint64_t)k;
		n -= (uint32_t)k;
		end = end || *ret_short;
	}
	return 0;
}

static int plain_send_file(struct tm_link *l, uint64_t label, int fd, uint64_t off, uint32_t n,
			   bool *ret_short, int *ret_read_err)
{
	uint8_t head[TM_FRAME_HEADER];
	struct plain *p = plain(l);
	off_t pos = (off_t)off;
	int r;

	*ret_short = false;
	*ret_read_err = 0;
	if (p->error)
		return p->error;
	if (!n || n > TM_DATA_MAX)
		return -EINVAL;
	tm_frame_header_put(head, TM_F_DATA, n + TM_DATA_HEAD);
	tm_put_raw(&p->out, head, sizeof(head));
	tm_put_u64(&p->out, label);
	tm_put_u32(&p->out, n);
	tm_put_u32(&p->out, 0);
	r = plain_flush(l);
	while (r == 0 && n) {
		ssize_t k = sendfile(p->fd, fd, &pos, allowed(p, n));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && (errno == EPIPE || errno == ECONNRESET))
			return fail(p, -ECONNRESET);
		if (k <= 0)
			return copy_rest(p, fd, (uint64_t)pos, n, ret_short, ret_read_err);
		p->link.counters.sendfile_bytes += (uint64_t)k;
		n -= (uint32_t)k;
		r = spend(p, (size_t)k);
	}
	return r;
}

/* At least @want bytes in the buffer. */
static int fill(struct plain *p, size_t want, uint64_t deadline)
{
	if (p->in_at + want > IN_CAP) {
		memmove(p->in, p->in + p->in_at, p->in_len);
		p->in_at = 0;
	}
	while (p->in_len < want) {
		uint64_t now = tm_mono_ms();
		ssize_t k;
		int r;

		if (now >= deadline)
			return fail(p, -ETIMEDOUT);
		r = tm_poll(p->fd, POLLIN, (int)(deadline - now));
		if (r < 0)
			return fail(p, r);
		if (r == 0)
			continue;
		k = recv(p->fd, p->in + p->in_at + p->in_len, IN_CAP - p->in_at - p->in_len, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return fail(p, k < 0 ? -errno : -ECONNRESET);
		p->in_len += (size_t)k;
		p->link.counters.wire_bytes += (uint64_t)k;
	}
	return 0;
}

static int plain_recv(struct tm_link *l, uint16_t *ret_type, const uint8_t **ret_payload,
		      uint32_t *ret_len, int timeout_ms)
{
	struct plain *p = plain(l);
	uint64_t deadline = tm_mono_ms() + (uint64_t)(timeout_ms < 0 ? p->timeout_ms : timeout_ms);
	uint16_t type;
	uint32_t len;
	int r;

	r = plain_flush(l);
	if (r < 0)
		return r;
	if (!p->in_len)
		p->in_at = 0;
	r = fill(p, TM_FRAME_HEADER, deadline);
	if (r < 0)
		return r;
	r = tm_frame_header_get(p->in + p->in_at, &type, &len);
	if (r < 0)
		return fail(p, r);
	r = fill(p, TM_FRAME_HEADER + (size_t)len, deadline);
	if (r < 0)
		return r;
	*ret_type = type;
	*ret_payload = p->in + p->in_at + TM_FRAME_HEADER;
	*ret_len = len;
	p->in_at += TM_FRAME_HEADER + (size_t)len;
	p->in_len -= TM_FRAME_HEADER + (size_t)len;
	return 0;
}

static bool plain_pending(struct tm_link *l)
{
	struct plain *p = plain(l);

	return p->in_len || tm_poll(p->fd, POLLIN, 0) > 0;
}

static const struct tm_link_ops plain_ops = {
	.send = plain_send,
	.send_file = plain_send_file,
	.flush = plain_flush,
	.recv = plain_recv,
	.pending = plain_pending,
};

struct tm_link *tm_plain_link_new(int fd, int timeout_ms)
{
	struct plain *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->in = malloc(IN_CAP);
	if (!p->in) {
		free(p);
		return NULL;
	}
	p->fd = fd;
	p->timeout_ms = timeout_ms ? timeout_ms : 30000;
	p->cut_after = UINT64_MAX;
	p->link.ops = &plain_ops;
	p->link.features = TM_FEATURE_KNOWN;
	tm_buf_init(&p->out, 0);
	return &p->link;
}

void tm_plain_link_free(struct tm_link *l)
{
	struct plain *p;

	if (!l)
		return;
	p = plain(l);
	plain_flush(l);
	tm_close(p->fd);
	tm_buf_free(&p->out);
	free(p->in);
	free(p);
}

int tm_plain_link_fd(struct tm_link *l)
{
	return plain(l)->fd;
}

void tm_plain_link_cut_after(struct tm_link *l, uint64_t bytes)
{
	plain(l)->cut_after = bytes ? bytes : UINT64_MAX;
}

int tm_plain_link_pair(struct tm_link **ret_a, struct tm_link **ret_b)
{
	struct tm_link *a, *b;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	a = tm_plain_link_new(fd[0], 0);
	b = a ? tm_plain_link_new(fd[1], 0) : NULL;
	if (!b) {
		if (a)
			tm_plain_link_free(a);
		else
			tm_close(fd[0]);
		tm_close(fd[1]);
		return -ENOMEM;
	}
	*ret_a = a;
	*ret_b = b;
	return 0;
}
