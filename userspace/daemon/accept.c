// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/accept.c - accepts, reads the preamble within its time, drops what does not verify.
 */
#include "daemon/accept.h"
#include "daemon/pairing.h"
#include "daemon/target_end.h"
#include "lib/fd.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PENDING_MAX	 64
#define PREAMBLE_MS	 5000
#define ACCEPTS_PER_TURN 16
#define LISTEN_RETRY_MS	 5000

struct pending {
	struct pending *next, **prev;
	struct tm_listener *l;
	int fd;
	sd_event_source *io, *timer;
	uint8_t buf[TM_PREAMBLE_LEN];
	size_t got;
};

struct tm_listener {
	struct tm_daemon *d;
	int fd;
	uint16_t port;
	sd_event_source *io, *retry;
	struct pending *newest;
	unsigned int n_pending;
	struct tm_ratelimit limit;
};

/* Returns the socket when @keep, else closes it. */
static int pending_free(struct pending *q, bool keep)
{
	int fd = q->fd;

	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	q->l->n_pending--;
	sd_event_source_disable_unref(q->io);
	sd_event_source_disable_unref(q->timer);
	free(q);
	return keep ? fd : tm_close(fd);
}

static void complain(struct tm_listener *l, int fd, const char *what)
{
	char name[80];

	if (tm_ratelimit_ok(&l->limit, 10, 60000))
		tm_info("connection from %s dropped: %s", tm_peer_name(fd, name), what);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

static void dispatch(struct pending *q)
{
	struct tm_listener *l = q->l;
	struct tm_daemon *d = l->d;
	struct tm_preamble pre;
	struct tm_policy *p;

	if (tm_preamble_get(q->buf, &pre) < 0) {
		complain(l, q->fd, "it does not speak this protocol");
		pending_free(q, false);
		return;
	}
	if (all_zero(pre.id, sizeof(pre.id))) {
		tm_pairing_accept(d, pending_free(q, true));
		return;
	}
	p = tm_policy_by_id(d, pre.id);
	if (!p || p->rec.role != TM_REC_TARGET || !tm_policy_active(p) ||
	    !tm_preamble_check(&pre, p->rec.secret)) {
		/* The same for all of them: a stranger learns nothing about what exists. */
		complain(
			l, q->fd,
			p && tm_policy_active(p)
				? "its preamble does not verify"
				: "it asks for a policy that is not here, not authorized or disabled");
		pending_free(q, false);
		return;
	}
	tm_target_end_accept(p, pending_free(q, true));
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct pending *q = arg;

	(void)s;
	(void)usec;
	complain(q->l, q->fd, "its preamble did not come in time");
	pending_free(q, false);
	return 0;
}

static int on_bytes(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct pending *q = arg;
	ssize_t n = recv(fd, q->buf + q->got, sizeof(q->buf) - q->got, 0);

	(void)s;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		pending_free(q, false);
		return 0;
	}
	q->got += (size_t)n;
	if (q->got == sizeof(q->buf))
		dispatch(q);
	return 0;
}

static void drop_oldest(struct tm_listener *l)
{
	struct pending *q = l->newest;

	while (q && q->next)
		q = q->next;
	if (q) {
		complain(l, q->fd, "too many wait, and it waited longest");
		pending_free(q, false);
	}
}

static void take_connection(struct tm_listener *l, int fd)
{
	struct pending *q;

	/* Newcomers win: else a few silent connections would keep everybody out for their five seconds. */
	if (l->n_pending >= PENDING_MAX)
		drop_oldest(l);
	q = calloc(1, sizeof(*q));
	if (!q) {
		tm_close(fd);
		return;
	}
	*q = (struct pending){ .next = l->newest, .prev = &l->newest, .l = l, .fd = fd };
	if (q->next)
		q->next->prev = &q->next;
	l->newest = q;
	l->n_pending++;
	if (sd_event_add_io(l->d->ev, &q->io, fd, EPOLLIN, on_bytes, q) < 0 ||
	    tm_timer_set(l->d, &q->timer, PREAMBLE_MS, on_deadline, q) < 0)
		pending_free(q, false);
}

static int on_accept(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_listener *l = arg;

	(void)s;
	(void)revents;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (c < 0)
			break;
		take_connection(l, c);
	}
	return 0;
}

static uint16_t bound_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a;
	socklen_t n = sizeof(a);

	if (getsockname(fd, &a.sa, &n) < 0)
		return 0;
	return ntohs(a.sa.sa_family == AF_INET6 ? a.in6.sin6_port : a.in.sin_port);
}

static int try_listen(struct tm_listener *l);

static int on_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	(void)try_listen(arg);
	return 0;
}

static int try_listen(struct tm_listener *l)
{
	struct tm_daemon *d = l->d;
	int r = tm_peer_listen(d->cfg.listen_address, d->cfg.listen_port);

	if (r >= 0) {
		l->fd = r;
		r = sd_event_add_io(d->ev, &l->io, l->fd, EPOLLIN, on_accept, l);
		if (r < 0)
			l->fd = tm_close(l->fd);
	}
	if (r < 0) {
		bool first = !d->listen_error[0];

		tm_text_set(d->listen_error, sizeof(d->listen_error),
			    "cannot listen on %s port %u: %s", d->cfg.listen_address,
			    d->cfg.listen_port, strerror(-r));
		if (first)
			tm_err("%s; it is tried again every %d s", d->listen_error,
			       LISTEN_RETRY_MS / 1000);
		return tm_timer_set(d, &l->retry, LISTEN_RETRY_MS, on_retry, l);
	}
	l->port = bound_port(l->fd);
	d->listen_error[0] = 0;
	tm_notice("listening on %s port %u", d->cfg.listen_address, l->port);
	return 0;
}

int tm_listener_start(struct tm_daemon *d)
{
	struct tm_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->d = d;
	l->fd = -EBADF;
	d->listener = l;
	return try_listen(l);
}

void tm_listener_free(struct tm_daemon *d)
{
	struct tm_listener *l = d->listener;

	if (!l)
		return;
	while (l->newest)
		pending_free(l->newest, false);
	sd_event_source_disable_unref(l->io);
	sd_event_source_disable_unref(l->retry);
	tm_close(l->fd);
	free(l);
	d->listener = NULL;
}

uint16_t tm_listener_port(const struct tm_daemon *d)
{
	return d->listener ? d->listener->port : 0;
}
