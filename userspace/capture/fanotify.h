/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/fanotify.h - the state of the fanotify backend, between its files. Others use backend.h.
 */
#ifndef TM_CAPTURE_FANOTIFY_H
#define TM_CAPTURE_FANOTIFY_H

#include "capture/backend.h"
#include "capture/fanotify_roots.h"
#include "changes/set.h"

#define TM_FAN_BATCH_BYTES  (256u << 10)
#define TM_FAN_CANARY_MAX   32
#define TM_FAN_RECONCILE_MS 60000 /* default */

/* One file system: a queue with an order of its own. */
struct tm_fan_group {
	bool used;
	int fd;
	dev_t dev;
	struct tm_fan_roots *roots;
	bool unlimited;
	/* The barrier under way. */
	bool waiting;
	struct tm_oid canary_dir;
	char canary[TM_FAN_CANARY_MAX];
	unsigned int canary_no; /* another name after each time-out */
	uint64_t events_left;	/* without a canary: what was queued at the call */
};

struct tm_fan_slot {
	struct tm_fan_group *group; /* NULL: free */
	struct tm_change_set *pending;
	struct tm_capture_stats stats;
};

struct tm_fan {
	const struct tm_capture_opts *opts;
	int epfd; /* all groups: the one descriptor to wait for */
	uint64_t next_reconcile_ms;
	uint8_t *batch;
	struct tm_fan_group group[TM_CAPTURE_ROOTS_MAX];
	struct tm_fan_slot slot[TM_CAPTURE_ROOTS_MAX];
};

static inline uint64_t tm_fan_reconcile_ms(const struct tm_fan *f)
{
	uint32_t ms = f->opts->reconcile_interval_ms;

	return ms ? ms : TM_FAN_RECONCILE_MS;
}

/* The drain of backend.h. -ETIMEDOUT: a barrier met a backlog it could not read in 2 s; nothing is lost. */
int tm_fan_drain(void *b, bool barrier);

/* For tests: take the system's queue limit (fs.fanotify.max_queued_events) instead of none. */
void tm_fanotify_limit_queue(bool on);

#endif
