/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/capture.c - the front: checks arguments, chooses a backend, forwards.
 *
 * Everything that knows how changes are seen is in a backend (backend.h).
 */
#include "capture/capture.h"

#include <stdarg.h>
#include <stdio.h>

#include "capture/backend.h"
#include "lib/buf.h"

#define DIRTY_ENTRIES_DEFAULT	65536u
#define RING_BYTES_DEFAULT	(4u << 20)
#define RING_BYTES_MIN		4096u

struct tm_capture {
	const struct tm_backend_ops *ops;
	void *b;
	struct tm_capture_opts opts;
	char *runtime_dir;		/* owned, opts point to it */
	char *pin_dir;			/* owned */
};

static char why[512];

void tm_backend_why(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
}

const char *tm_capture_why(void)
{
	return why;
}

const char *tm_backend_name(enum tm_backend b)
{
	switch (b) {
	case TM_BACKEND_BPF: return "bpf";
	case TM_BACKEND_FANOTIFY: return "fanotify";
	case TM_BACKEND_AUTO: break;
	}
	return "auto";
}

/* Best first: the order in which AUTO tries them. */
static const struct tm_backend_ops *const backends[] = {
	&tm_backend_bpf,
	&tm_backend_fanotify,
};

static void capture_free(struct tm_capture *c)
{
	if (!c)
		return;
	free(c->runtime_dir);
	free(c->pin_dir);
	free(c);
}

static void capture_freep(struct tm_capture **c)
{
	capture_free(*c);
}

static int capture_new(const struct tm_capture_opts *o, struct tm_capture **ret_c)
{
	_cleanup_(capture_freep) struct tm_capture *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	/* A caller built against an older header has a shorter struct: the rest is zero. */
	memcpy(&c->opts, o, TM_MIN(o->sz, sizeof(*o)));
	c->opts.sz = sizeof(c->opts);
	c->runtime_dir = strdup(o->runtime_dir ?: "");
	c->pin_dir = strdup(o->pin_dir ?: "");
	if (!c->runtime_dir || !c->pin_dir)
		return -ENOMEM;
	c->opts.runtime_dir = c->runtime_dir;
	c->opts.pin_dir = c->pin_dir;
	if (!c->opts.dirty_entries)
		c->opts.dirty_entries = DIRTY_ENTRIES_DEFAULT;
	if (!c->opts.ring_bytes)
		c->opts.ring_bytes = RING_BYTES_DEFAULT;
	*ret_c = tm_take_ptr(c);
	return 0;
}

/* Errors that mean "not on this kernel", so that AUTO goes on. */
static bool cannot_work(int r)
{
	return r == -EPERM || r == -EOPNOTSUPP;
}

static int backend_choose(struct tm_capture *c)
{
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < TM_ARRAY_SIZE(backends); i++) {
		if (c->opts.backend != TM_BACKEND_AUTO && c->opts.backend != backends[i]->id)
			continue;
		r = backends[i]->open(&c->opts, &c->b);
		if (!r) {
			c->ops = backends[i];
			return 0;
		}
		if (!cannot_work(r))
			return r;
	}
	return r;
}

int tm_capture_open(const struct tm_capture_opts *opts, struct tm_capture **ret_c)
{
	_cleanup_(capture_freep) struct tm_capture *c = NULL;
	int r;

	if (!opts || opts->sz < offsetof(struct tm_capture_opts, ops) + sizeof(opts->ops) ||
	    !opts->ops.on_change || !opts->ops.on_incomplete)
		return -EINVAL;
	if (opts->ring_bytes && (opts->ring_bytes < RING_BYTES_MIN ||
				 (opts->ring_bytes & (opts->ring_bytes - 1))))
		return -EINVAL;
	why[0] = '\0';
	r = capture_new(opts, &c);
	if (r)
		return r;
	r = backend_choose(c);
	if (r)
		return r;
	*ret_c = tm_take_ptr(c);
	return 0;
}

void tm_capture_close(struct tm_capture *c)
{
	if (!c)
		return;
	c->ops->close(c->b);
	capture_free(c);
}

enum tm_backend tm_capture_backend(const struct tm_capture *c)
{
	return c->ops->id;
}

const char *tm_capture_blind_spots(const struct tm_capture *c)
{
	return c->ops->blind_spots(c->b);
}

int tm_capture_add_root(struct tm_capture *c, unsigned int slot, int rootfd, uint64_t key, bool *ret_resumed)
{
	if (slot >= TM_CAPTURE_ROOTS_MAX || rootfd < 0)
		return -EINVAL;
	return c->ops->add_root(c->b, slot, rootfd, key, ret_resumed);
}

int tm_capture_del_root(struct tm_capture *c, unsigned int slot)
{
	if (slot >= TM_CAPTURE_ROOTS_MAX)
		return -EINVAL;
	return c->ops->del_root(c->b, slot);
}

int tm_capture_fd(const struct tm_capture *c)
{
	return c->ops->fd(c->b);
}

int tm_capture_timeout_ms(const struct tm_capture *c)
{
	return c->ops->timeout_ms(c->b);
}

int tm_capture_drain(struct tm_capture *c, bool barrier)
{
	return c->ops->drain(c->b, barrier);
}

void tm_capture_stats_get(const struct tm_capture *c, unsigned int slot, struct tm_capture_stats *ret)
{
	*ret = (struct tm_capture_stats){ 0 };
	if (slot < TM_CAPTURE_ROOTS_MAX)
		c->ops->stats(c->b, slot, ret);
}

int tm_capture_top(const struct tm_capture *c, unsigned int slot, struct tm_capture_writer *ret, size_t max)
{
	if (slot >= TM_CAPTURE_ROOTS_MAX)
		return -EINVAL;
	return c->ops->top ? c->ops->top(c->b, slot, ret, max) : -EOPNOTSUPP;
}

int tm_capture_version_fd(const struct tm_capture *c, uint32_t *ret_n)
{
	if (!c->ops->version_fd)
		return -EOPNOTSUPP;
	return c->ops->version_fd(c->b, ret_n);
}

char *tm_capture_report(const struct tm_capture *c)
{
	return c->ops->report(c->b);
}

char *tm_capture_probe(void)
{
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < TM_ARRAY_SIZE(backends); i++) {
		_cleanup_free_ char *part = backends[i]->probe();
		_cleanup_free_ char *before = tm_take_ptr(text);

		if (!part || asprintf(&text, "%s%s", before ?: "", part) < 0) {
			text = NULL;
			return NULL;
		}
	}
	return tm_take_ptr(text);
}
