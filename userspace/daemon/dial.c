// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/dial.c - non-blocking connect, then 64 bytes.
 */
#include "daemon/dial.h"
#include "lib/fd.h"

#include <sys/epoll.h>
#include <sys/socket.h>

struct tm_dial {
	struct tm_daemon *d;
	int fd;
	sd_event_source *io, *timer;
	uint8_t preamble[TM_PREAMBLE_LEN];
	tm_dial_fn fn;
	void *arg;
};

struct tm_dial *tm_dial_cancel(struct tm_dial *dial)
{
	if (!dial)
		return NULL;
	sd_event_source_disable_unref(dial->io);
	sd_event_source_disable_unref(dial->timer);
	tm_close(dial->fd);
	free(dial);
	return NULL;
}

static void finish(struct tm_dial *dial, int result)
{
	tm_dial_fn fn = dial->fn;
	void *arg = dial->arg;

	if (result >= 0)
		result = tm_take_fd(dial->fd);
	tm_dial_cancel(dial);
	fn(arg, result);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	finish(arg, -ETIMEDOUT);
	return 0;
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_dial *dial = arg;
	ssize_t n;
	int r = tm_peer_connected(fd);

	(void)s;
	(void)revents;
	if (r == 0) {
		/* An empty send buffer takes 64 bytes, or the connection is of no use. */
		n = send(fd, dial->preamble, sizeof(dial->preamble), MSG_NOSIGNAL);
		r = n == (ssize_t)sizeof(dial->preamble) ? 0 : n < 0 ? -errno : -EIO;
	}
	finish(dial, r);
	return 0;
}

int tm_dial_start(struct tm_daemon *d, const char *address, uint16_t port, const uint8_t *id,
		  const uint8_t *secret, unsigned int timeout_ms, tm_dial_fn fn, void *arg,
		  struct tm_dial **ret)
{
	static const uint8_t nobody[TM_POLICY_ID_LEN];
	struct tm_dial *dial = calloc(1, sizeof(*dial));
	int r;

	if (!dial)
		return -ENOMEM;
	*dial = (struct tm_dial){ .d = d, .fd = -EBADF, .fn = fn, .arg = arg };
	r = tm_preamble_put(dial->preamble, id ?: nobody, secret);
	if (r < 0)
		goto fail;
	r = dial->fd = tm_peer_connect(address, port);
	if (r < 0)
		goto fail;
	r = sd_event_add_io(d->ev, &dial->io, dial->fd, EPOLLOUT, on_writable, dial);
	if (r < 0)
		goto fail;
	r = tm_timer_set(d, &dial->timer, timeout_ms, on_timeout, dial);
	if (r < 0)
		goto fail;
	*ret = dial;
	return 0;
fail:
	tm_dial_cancel(dial);
	return r;
}
