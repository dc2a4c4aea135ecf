// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/capture_glue.c - the capture's life in the daemon, its slots, and the fan-out to policies.
 *
 * Opening loads programs and may take seconds, while the REST socket has to answer: so it happens in a
 * thread that owns the capture until it says it is through; afterwards the loop owns it.
 */
#include "lib/fault.h"
#include "daemon/capture_glue.h"
#include "daemon/roots.h"
#include "daemon/schedule.h"
#include "lib/beneath.h"
#include "lib/fd.h"
#include "lib/text.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DRAIN_PAUSE_MS                                                                             \
	10 /* between two drains: a doorbell that rings all the time must not starve the rest */
#define DRAIN_RETRY_MS 1000

struct tm_capture_glue {
	struct tm_daemon *d;
	pthread_t thread;
	bool thread_runs;
	int thread_fd;
	int thread_result;
	sd_event_source *thread_io;
	struct tm_capture *c; /* the thread's until it is through */
	bool ready, failed;
	char pin_dir[128];
	sd_event_source *io, *timer, *pause;
	struct tm_policy *slots[TM_CAPTURE_ROOTS_MAX];
	bool slot_resumed[TM_CAPTURE_ROOTS_MAX]; /* what add_root said */
	int64_t barrier_ns;
	bool draining;
};

/* ---- what capture tells us */

static int on_change(void *arg, unsigned int slot, const struct tm_change *c)
{
	struct tm_capture_glue *g = arg;

	if (slot >= TM_CAPTURE_ROOTS_MAX)
		return 0;
	if ((c->kind == TM_CHANGE_INODE && (c->flags & TM_CF_DATA) && tm_fault("mark-dropped")) ||
	    (c->kind == TM_CHANGE_NAME && tm_fault("rename-ignored")))
		return 0;
	for (struct tm_policy *p = g->slots[slot]; p; p = p->next_in_slot) {
		int r = tm_schedule_change(p, c);

		/*
		 * Not remembered for one is not remembered: capture delivers it again, to all
		 * (merging is idempotent).
		 */
		if (r == -EINVAL) {
			/* A change that nobody could replay: look everywhere. */
			const struct tm_change all = { .kind = TM_CHANGE_ALL };

			tm_err("%s: capture gave a malformed record (kind %d, flags %x, name of %u "
			       "bytes, %u ranges): everything is compared",
			       p->rec.name, c->kind, c->flags, c->name_len, c->n_ranges);
			tm_schedule_incomplete(p, "bad-record", "root");
			r = tm_schedule_change(p, &all);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_incomplete(void *arg, unsigned int slot, const char *reason, const char *scope)
{
	struct tm_capture_glue *g = arg;

	if (slot >= TM_CAPTURE_ROOTS_MAX)
		return;
	for (struct tm_policy *p = g->slots[slot]; p; p = p->next_in_slot)
		tm_schedule_incomplete(p, reason, scope);
}

/* ---- draining */

static void rearm(struct tm_capture_glue *g);

int tm_glue_drain(struct tm_daemon *d, bool barrier, int64_t *ret_ns)
{
	struct tm_capture_glue *g = d->glue;
	static struct tm_ratelimit limit;
	int64_t now = tm_wall_ns();
	int r;

	if (!g || !g->ready || g->draining)
		return -EAGAIN;
	g->draining = true;
	r = tm_capture_drain(g->c, barrier);
	g->draining = false;
	if (r < 0) {
		if (tm_ratelimit_ok(&limit, 5, 60000))
			tm_err("captured changes cannot be taken over: %s; they are kept and asked for again",
			       strerror(-r));
		return r;
	}
	if (barrier)
		g->barrier_ns = now;
	if (ret_ns)
		*ret_ns = now;
	return 0;
}

int64_t tm_glue_barrier_ns(const struct tm_daemon *d)
{
	return d->glue ? d->glue->barrier_ns : 0;
}

static int on_pause_over(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_capture_glue *g = arg;

	(void)s;
	(void)usec;
	if (g->io)
		(void)sd_event_source_set_enabled(g->io, SD_EVENT_ON);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct tm_capture_glue *g = arg;

	(void)s;
	(void)usec;
	(void)tm_glue_drain(g->d, false, NULL);
	rearm(g);
	return 0;
}

static void rearm(struct tm_capture_glue *g)
{
	int ms = tm_capture_timeout_ms(g->c);

	if (ms >= 0)
		(void)tm_timer_set(g->d, &g->timer, (uint64_t)ms, on_timer, g);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_capture_glue *g = arg;
	int r;

	(void)s;
	(void)fd;
	(void)revents;
	r = tm_glue_drain(g->d, false, NULL);
	(void)sd_event_source_set_enabled(g->io, SD_EVENT_OFF);
	(void)tm_timer_set(g->d, &g->pause, r < 0 ? DRAIN_RETRY_MS : DRAIN_PAUSE_MS, on_pause_over,
			   g);
	rearm(g);
	return 0;
}

/* ---- slots */

static void slot_join(struct tm_policy *p)
{
	struct tm_capture_glue *g = p->d->glue;

	if (p->in_slot)
		return;
	p->next_in_slot = g->slots[p->rec.slot];
	g->slots[p->rec.slot] = p;
	p->in_slot = true;
}

static void slot_leave(struct tm_policy *p)
{
	struct tm_policy **at = &p->d->glue->slots[p->rec.slot];

	for (; *at; at = &(*at)->next_in_slot)
		if (*at == p) {
			*at = p->next_in_slot;
			break;
		}
	p->next_in_slot = NULL;
	p->in_slot = false;
}

/* The slot of the policies with the same root, or a free one; stored, so that it is stable. */
static int slot_choose(struct tm_policy *p)
{
	bool used[TM_CAPTURE_ROOTS_MAX] = { false };

	tm_policy_foreach(p->d, q)
	{
		if (q == p || q->rec.role != TM_REC_SOURCE || q->rec.slot < 0)
			continue;
		if (q->rec.root_dev == p->rec.root_dev && q->rec.root_ino == p->rec.root_ino) {
			p->rec.slot = q->rec.slot;
			p->rec.root_key = q->rec.root_key;
			return tm_policy_save(p);
		}
		used[q->rec.slot] = true;
	}
	for (int i = 0; i < TM_CAPTURE_ROOTS_MAX; i++)
		if (!used[i]) {
			p->rec.slot = i;
			if (tm_random(&p->rec.root_key, sizeof(p->rec.root_key)) < 0)
				return -EIO;
			return tm_policy_save(p);
		}
	return -ENOSPC;
}

static void untracked(struct tm_policy *p, const char *what, int err)
{
	p->tracked = false;
	tm_text_set(p->untracked_why, sizeof(p->untracked_why),
		    "the source directory cannot be tracked: %s%s%s", what, err ? ": " : "",
		    err ? strerror(err) : "");
	tm_policy_error(p, "%s", p->untracked_why);
}

void tm_glue_track(struct tm_policy *p)
{
	struct tm_capture_glue *g = p->d->glue;
	_cleanup_close_ int fd = -EBADF;
	bool resumed = false, shared = false;
	int r;

	if (p->tracked || !g || !p->bl)
		return;
	if (g->failed) {
		untracked(p, tm_capture_why(), 0);
		return;
	}
	if (!g->ready)
		return;
	r = tm_root_open(p, &fd);
	if (r < 0)
		return; /* the watch over roots says what is wrong */
	if (p->rec.slot < 0) {
		r = slot_choose(p);
		if (r < 0) {
			untracked(p,
				  r == -ENOSPC ? "63 source directories are tracked already"
					       : "no slot",
				  r);
			return;
		}
	}
	for (struct tm_policy *q = g->slots[p->rec.slot]; q; q = q->next_in_slot)
		shared = shared || q->tracked;
	/* Join first: the capture may deliver for this slot from now on. */
	slot_join(p);
	if (!shared) {
		r = tm_capture_add_root(g->c, (unsigned int)p->rec.slot, fd, p->rec.root_key,
					&resumed);
		if (r < 0) {
			slot_leave(p);
			untracked(p, tm_capture_why(), -r);
			return;
		}
		g->slot_resumed[p->rec.slot] = resumed;
	} else {
		/*
		 * The root was added for another policy a moment ago: what was true for that one
		 * is true for this one.
		 */
		resumed = g->slot_resumed[p->rec.slot];
	}
	p->tracked = true;
	p->untracked_why[0] = 0;
	tm_info("%s: changes below %s are tracked (%s, slot %d%s)", p->rec.name, p->rec.source_dir,
		tm_glue_backend(p->d), p->rec.slot, resumed ? ", unbroken" : "");
	tm_schedule_tracked(p, resumed);
}

void tm_glue_untrack(struct tm_policy *p)
{
	struct tm_capture_glue *g = p->d->glue;
	bool was = p->tracked;

	p->tracked = false;
	if (!g || !p->in_slot)
		return;
	slot_leave(p);
	/* A daemon that stops leaves its roots to the pinned programs: the next one goes on from there. */
	if (was && !p->d->stopping && !g->slots[p->rec.slot] && g->ready)
		(void)tm_capture_del_root(g->c, (unsigned int)p->rec.slot);
}

/* ---- opening */

static void *open_thread(void *arg)
{
	struct tm_capture_glue *g = arg;
	struct tm_daemon *d = g->d;
	struct tm_capture_opts o = {
		.sz = sizeof(o),
		.backend = d->cfg.backend,
		.runtime_dir = d->runtime_dir,
		.pin_dir = g->pin_dir,
		.dirty_entries = d->cfg.capture_dirty_entries,
		.ring_bytes = d->cfg.capture_ring_bytes,
		.reconcile_interval_ms = d->cfg.reconcile_interval_ms,
		.ops = { .on_change = on_change, .on_incomplete = on_incomplete, .arg = g },
	};
	uint64_t one = 1;

	g->thread_result = tm_capture_open(&o, &g->c);
	(void)tm_write_full(g->thread_fd, &one, sizeof(one));
	return NULL;
}

static int on_opened(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct tm_capture_glue *g = arg;
	struct tm_daemon *d = g->d;

	(void)s;
	(void)fd;
	(void)revents;
	pthread_join(g->thread, NULL);
	g->thread_runs = false;
	g->thread_io = sd_event_source_disable_unref(g->thread_io);
	if (g->thread_result < 0) {
		g->failed = true;
		tm_err("changes cannot be tracked: %s (%s)", tm_capture_why(),
		       strerror(-g->thread_result));
	} else {
		g->ready = true;
		tm_notice("changes are tracked by %s%s%s",
			  tm_backend_name(tm_capture_backend(g->c)), *tm_capture_why() ? ": " : "",
			  tm_capture_why());
		if (sd_event_add_io(d->ev, &g->io, tm_capture_fd(g->c), EPOLLIN, on_io, g) < 0)
			tm_warn("the capture cannot be watched: changes are asked for by timer only");
		rearm(g);
	}
	tm_policy_foreach(d, p) if (!p->embryo && p->rec.role == TM_REC_SOURCE) tm_policy_update(p);
	return 0;
}

int tm_glue_start(struct tm_daemon *d)
{
	struct tm_capture_glue *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return -ENOMEM;
	g->d = d;
	d->glue = g;
	snprintf(g->pin_dir, sizeof(g->pin_dir), "/sys/fs/bpf/tidemark/%s/v1", d->instance);
	g->thread_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->thread_fd < 0)
		return -errno;
	r = sd_event_add_io(d->ev, &g->thread_io, g->thread_fd, EPOLLIN, on_opened, g);
	if (r < 0)
		return r;
	r = pthread_create(&g->thread, NULL, open_thread, g);
	if (r)
		return -r;
	g->thread_runs = true;
	return 0;
}

void tm_glue_free(struct tm_daemon *d)
{
	struct tm_capture_glue *g = d->glue;

	if (!g)
		return;
	if (g->thread_runs)
		pthread_join(g->thread, NULL);
	sd_event_source_disable_unref(g->thread_io);
	sd_event_source_disable_unref(g->io);
	sd_event_source_disable_unref(g->timer);
	sd_event_source_disable_unref(g->pause);
	if (g->c)
		tm_capture_close(g->c);
	tm_close(g->thread_fd);
	free(g);
	d->glue = NULL;
}

/* ---- questions */

bool tm_glue_ready(const struct tm_daemon *d)
{
	return d->glue && d->glue->ready;
}

const char *tm_glue_backend(const struct tm_daemon *d)
{
	if (!d->glue || (!d->glue->ready && !d->glue->failed))
		return "starting";
	return d->glue->ready ? tm_backend_name(tm_capture_backend(d->glue->c)) : "none";
}

const char *tm_glue_why(const struct tm_daemon *d)
{
	/* While the thread runs the text is its own. */
	return d->glue && (d->glue->ready || d->glue->failed) ? tm_capture_why() : "";
}

const char *tm_glue_blind_spots(const struct tm_daemon *d)
{
	return tm_glue_ready(d) ? tm_capture_blind_spots(d->glue->c) : "";
}

bool tm_glue_is_fanotify(const struct tm_daemon *d)
{
	return tm_glue_ready(d) && tm_capture_backend(d->glue->c) == TM_BACKEND_FANOTIFY;
}

char *tm_glue_report(const struct tm_daemon *d)
{
	return tm_glue_ready(d) ? tm_capture_report(d->glue->c) : NULL;
}

void tm_glue_stats(const struct tm_policy *p, struct tm_capture_stats *ret)
{
	*ret = (struct tm_capture_stats){ .seen = 0 };
	if (p->tracked && tm_glue_ready(p->d))
		tm_capture_stats_get(p->d->glue->c, (unsigned int)p->rec.slot, ret);
}

int tm_glue_top(const struct tm_policy *p, struct tm_capture_writer *ret, size_t max)
{
	if (!p->tracked || !tm_glue_ready(p->d))
		return -EAGAIN;
	return tm_capture_top(p->d->glue->c, (unsigned int)p->rec.slot, ret, max);
}

int tm_glue_version_fd(struct tm_daemon *d, uint32_t *ret_n)
{
	uint32_t n;
	int fd;

	if (!tm_glue_ready(d))
		return -EAGAIN;
	fd = tm_capture_version_fd(d->glue->c, &n);
	if (fd >= 0)
		*ret_n = n;
	return fd;
}
