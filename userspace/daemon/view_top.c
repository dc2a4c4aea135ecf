/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/view_top.c - who writes below a policy's root, as REST shows it.
 */
#include "daemon/capture_glue.h"
#include "daemon/view.h"
#include "lib/clock.h"

#define TOP_MAX 100
/* The kernel keeps this window of CLOCK_MONOTONIC and the one before it (tm_abi.h). */
#define WINDOW_NS (1LL << 38)

static json_t *writer_object(const struct tm_capture_writer *w)
{
	_cleanup_json_ json_t *o = json_object();
	_cleanup_free_ char *cgroup = tm_capture_cgroup(w->cgroup);
	int64_t ago_ns = ((int64_t)tm_mono_ms() - (int64_t)w->last_ms) * 1000000;

	if (!o || tm_api_set_bytes(o, "comm", w->comm, strlen(w->comm), false) < 0 || tm_api_set_u64(o, "pid", w->pid) < 0 ||
	    tm_api_set_u64(o, "uid", w->uid) < 0 || tm_api_set_str(o, "cgroup", cgroup ?: "") < 0 ||
	    tm_api_set_u64(o, "operations", w->operations) < 0 ||
	    tm_api_set_u64(o, "bytes", w->bytes) < 0 ||
	    tm_api_set_time(o, "last", tm_wall_ns() - ago_ns) < 0)
		return NULL;
	return tm_take_ptr(o);
}

json_t *tm_view_top(const struct tm_policy *p)
{
	_cleanup_free_ struct tm_capture_writer *w = calloc(TOP_MAX, sizeof(*w));
	_cleanup_json_ json_t *o = json_object(), *list = json_array();
	int64_t now = (int64_t)tm_mono_ns(), since = (now / WINDOW_NS - 1) * WINDOW_NS;
	int n;

	if (!w || !o || !list)
		return NULL;
	n = tm_glue_top(p, w, TOP_MAX);
	if (n < 0)
		return NULL;
	for (int i = 0; i < n; i++) {
		json_t *row = writer_object(&w[i]);

		if (!row || json_array_append_new(list, row))
			return NULL;
	}
	/* Not from before this machine was up. */
	if (tm_api_set_time(o, "since", tm_wall_ns() - (now - TM_MAX(since, (int64_t)0))) < 0 ||
	    json_object_set(o, "writers", list))
		return NULL;
	return tm_take_ptr(o);
}
