/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/series.h - how a policy did lately: rate, lag and what is pending, for a chart.
 */
#ifndef TM_DAEMON_SERIES_H
#define TM_DAEMON_SERIES_H

#include "daemon/daemon.h"

#include <jansson.h>

#define TM_SERIES_MS  5000
#define TM_SERIES_MAX 180 /* fifteen minutes */

struct tm_sample {
	int64_t time_ns;
	uint64_t rate; /* bytes of content a second since the sample before */
	int64_t lag_ms; /* -1: not known */
	uint64_t pending;
};

/* Pure: the ring of one policy; zero-initialise. */
struct tm_series {
	struct tm_sample s[TM_SERIES_MAX];
	unsigned int n, next;
	uint64_t mark_bytes, mark_ms; /* when the last one was taken */
};
/* @bytes: a counter that only grows. */
void tm_series_add(struct tm_series *r, uint64_t now_ms, int64_t now_ns, uint64_t bytes, int64_t lag_ms,
		   uint64_t pending);
/* The @i-th oldest. */
const struct tm_sample *tm_series_at(const struct tm_series *r, unsigned int i);

/* Take a sample of every policy from now on. */
int tm_series_start(struct tm_daemon *d);
void tm_series_free(struct tm_daemon *d);
/* {"interval_ms", "samples": [...]}, oldest first. NULL: no memory. */
json_t *tm_series_json(const struct tm_policy *p);

#endif
