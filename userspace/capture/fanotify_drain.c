/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify_drain.c - from the queues to the daemon: records, loss, barrier.
 *
 * Records collect in a change set per root for the length of one read, which merges
 * repetitions; the set is emptied when the daemon took all of it. While it refuses, nothing
 * more is read, so memory is bounded by one batch here, and the queue holds the rest.
 */
#include "capture/fanotify.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "capture/fanotify_record.h"
#include "lib/beneath.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define DRAIN_BUDGET_MS 100 /* then the daemon's loop gets its turn */
#define BARRIER_MS	2000

/* ---- records */

/* Something may be lost: say so first, then let the root be compared as a whole. */
static void lose(struct tm_fan *f, unsigned int slot, const char *reason)
{
	const struct tm_capture_ops *ops = &f->opts->ops;
	struct tm_change all = { .kind = TM_CHANGE_ALL };

	if (ops->on_incomplete)
		ops->on_incomplete(ops->arg, slot, reason, "root");
	tm_change_set_add(f->slot[slot].pending, &all); /* needs no memory */
}

static void lose_group(struct tm_fan *f, struct tm_fan_group *g, const char *reason, bool counted)
{
	for (uint64_t left = tm_fan_roots_all(g->roots); left; left &= left - 1) {
		unsigned int slot = (unsigned int)__builtin_ctzll(left);

		/* How many were dropped nobody knows; at least one. */
		if (counted) {
			f->slot[slot].stats.seen++;
			f->slot[slot].stats.dropped++;
		}
		lose(f, slot, reason);
	}
	tm_fan_roots_flush(g->roots);
}

static void on_record(void *arg, uint64_t slots, const struct tm_change *c)
{
	struct tm_fan *f = arg;

	for (; slots; slots &= slots - 1) {
		unsigned int slot = (unsigned int)__builtin_ctzll(slots);
		struct tm_fan_slot *s = &f->slot[slot];
		size_t before = tm_change_set_count(s->pending);
		int r = tm_change_set_add(s->pending, c);

		s->stats.seen++;
		if (r) {
			s->stats.dropped++;
			lose(f, slot,
			     r == 1	    ? "set-full"
			     : r == -ENOMEM ? "no-memory"
					    : "bad-event");
		} else if (tm_change_set_count(s->pending) > before) {
			s->stats.queued++;
		} else {
			s->stats.coalesced++;
		}
	}
}

struct delivery {
	struct tm_fan *fan;
	unsigned int slot;
	int count;
};

static int deliver_one(const struct tm_change *c, void *arg)
{
	struct delivery *d = arg;
	int r = d->fan->opts->ops.on_change(d->fan->opts->ops.arg, d->slot, c);

	if (r < 0)
		return r;
	d->count++;
	return 0;
}

/* Hand over what is pending. A refused set is kept whole: telling twice is harmless. */
static int deliver(struct tm_fan *f)
{
	struct delivery d = { .fan = f };

	for (d.slot = 0; d.slot < TM_CAPTURE_ROOTS_MAX; d.slot++) {
		struct tm_fan_slot *s = &f->slot[d.slot];
		int r;

		if (!s->group || tm_change_set_empty(s->pending))
			continue;
		r = tm_change_set_each(s->pending, deliver_one, &d);
		if (r < 0)
			return r;
		tm_change_set_clear(s->pending);
	}
	return d.count;
}

/* ---- reading */

static bool is_canary(const struct tm_fan_group *g, const struct tm_fan_event *ev)
{
	struct tm_oid dir;

	if (!g->canary[0] || !(ev->mask & FAN_MODIFY) || !ev->entry.present ||
	    ev->entry.name_len != strlen(g->canary) ||
	    memcmp(ev->entry.name, g->canary, ev->entry.name_len))
		return false;
	return tm_fan_roots_oid(g->roots, &ev->entry, &dir) == 0 && tm_oid_eq(dir, g->canary_dir);
}

static void on_event(struct tm_fan *f, struct tm_fan_group *g, const struct tm_fan_event *ev)
{
	struct tm_fan_sink sink = { .emit = on_record, .arg = f };

	if (ev->fd >= 0)
		tm_close(ev->fd);
	if (g->events_left && !--g->events_left && !g->canary[0])
		g->waiting = false;
	if (ev->mask & FAN_Q_OVERFLOW) {
		lose_group(f, g, "queue-overflow", true);
		/* The canary may be among the lost ones, and ALL covers whatever came before it. */
		g->waiting = false;
		return;
	}
	if (is_canary(g, ev))
		g->waiting = false;
	tm_fan_record(g->roots, ev, &sink);
}

/* Read and deliver one batch. Returns 1; 0 when the queue is empty; -errno. Adds to *count. */
static int read_batch(struct tm_fan *f, struct tm_fan_group *g, int *count)
{
	struct tm_fan_event ev;
	size_t pos = 0;
	ssize_t n;
	int r;

	do {
		n = read(g->fd, f->batch, TM_FAN_BATCH_BYTES);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	while ((r = tm_fan_event_next(f->batch, (size_t)n, &pos, &ev)) > 0)
		on_event(f, g, &ev);
	if (r < 0) {
		lose_group(f, g, "bad-event", true);
		g->waiting = false;
	}
	r = deliver(f);
	if (r < 0)
		return r;
	*count += r;
	return n > 0;
}

static int drain_group(struct tm_fan *f, struct tm_fan_group *g, int *count)
{
	uint64_t end = tm_mono_ms() + DRAIN_BUDGET_MS;
	int r;

	do {
		r = read_batch(f, g, count);
	} while (r > 0 && tm_mono_ms() < end);
	return r < 0 ? r : 0;
}

/* ---- barrier */

/*
 * Leave a mark at the end of the queue: an event of our own file. Its name differs after a
 * time-out, because the kernel merges with an event that is still queued, far ahead of the end.
 * Where nothing can be written (read-only, full) the number of queued events must do.
 */
static void barrier_begin(struct tm_fan_group *g)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t now = tm_mono_ns();
	int dir, queued = 0;

	g->waiting = true;
	g->canary[0] = 0;
	g->events_left = 0;
	dir = tm_fan_roots_canary_dir(g->roots, &g->canary_dir);
	if (dir >= 0) {
		char name[TM_FAN_CANARY_MAX] = "canary";

		if (g->canary_no)
			snprintf(name, sizeof(name), "canary-%u", g->canary_no);
		fd = tm_open_name(dir, name, O_WRONLY | O_CREAT, 0600);
		if (fd >= 0 && tm_pwrite_full(fd, &now, sizeof(now), 0) == 0) {
			memcpy(g->canary, name, sizeof(name));
			return;
		}
	}
	/* The kernel counts a fixed size for each queued event. */
	if (ioctl(g->fd, FIONREAD, &queued) == 0)
		g->events_left = (uint64_t)queued / FAN_EVENT_METADATA_LEN;
	if (!g->events_left)
		g->waiting = false;
}

/* The mark did not come though it was waited for: marks do not arrive, or not in time. */
static int barrier_failed(struct tm_fan *f, struct tm_fan_group *g, bool empty)
{
	struct tm_oid unused;
	int dir = tm_fan_roots_canary_dir(g->roots, &unused);

	if (g->canary[0] && dir >= 0)
		unlinkat(dir, g->canary, 0);
	g->canary_no++;
	g->waiting = false;
	g->canary[0] = 0;
	if (!empty)
		return -ETIMEDOUT; /* a backlog: nothing is lost, call again */
	lose_group(f, g, "canary-lost", false);
	return deliver(f);
}

static int barrier_group(struct tm_fan *f, struct tm_fan_group *g, uint64_t end_ms, int *count)
{
	while (g->waiting) {
		int r = read_batch(f, g, count);

		if (r < 0)
			return r;
		if (!g->waiting)
			break;
		if (!r && g->events_left && !g->canary[0])
			break; /* merged away: the queue is empty, so all of them were read */
		if (tm_mono_ms() >= end_ms)
			return barrier_failed(f, g, !r);
		if (!r)
			tm_poll(g->fd, POLLIN, 10);
	}
	g->waiting = false;
	return 0;
}

int tm_fan_drain(void *b, bool barrier)
{
	struct tm_fan *f = b;
	uint64_t now = tm_mono_ms(), end = now + BARRIER_MS;
	int count, r;

	count = deliver(f); /* what was refused the last time */
	if (count < 0)
		return count;
	if (now >= f->next_reconcile_ms) {
		struct tm_change all = { .kind = TM_CHANGE_ALL };

		for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
			if (f->slot[i].group)
				tm_change_set_add(f->slot[i].pending, &all);
		f->next_reconcile_ms = now + tm_fan_reconcile_ms(f);
		r = deliver(f);
		if (r < 0)
			return r;
		count += r;
	}
	/* All marks first, so that every queue is held to the moment of the call. */
	for (unsigned int i = 0; barrier && i < TM_CAPTURE_ROOTS_MAX; i++)
		if (f->group[i].used)
			barrier_begin(&f->group[i]);
	for (unsigned int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++) {
		struct tm_fan_group *g = &f->group[i];

		if (!g->used)
			continue;
		r = barrier ? barrier_group(f, g, end, &count) : drain_group(f, g, &count);
		if (r < 0)
			return r;
	}
	return count;
}
