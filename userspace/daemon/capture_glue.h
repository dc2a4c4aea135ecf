/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/capture_glue.h - one capture for all policies: opened beside the loop, drained in it, fanned out.
 */
#ifndef TM_DAEMON_CAPTURE_GLUE_H
#define TM_DAEMON_CAPTURE_GLUE_H

#include "daemon/daemon.h"

/*
 * Start opening the capture in a helper thread: the only thread there is; until it is through
 * nobody else touches it.
 */
int tm_glue_start(struct tm_daemon *d);
void tm_glue_free(struct tm_daemon *d);

/* "starting", "bpf", "fanotify", "none". */
const char *tm_glue_backend(const struct tm_daemon *d);
const char *tm_glue_why(const struct tm_daemon *d);
const char *tm_glue_blind_spots(const struct tm_daemon *d);
bool tm_glue_ready(const struct tm_daemon *d);
bool tm_glue_is_fanotify(const struct tm_daemon *d);
/* New string or NULL. */
char *tm_glue_report(const struct tm_daemon *d);
void tm_glue_stats(const struct tm_policy *p, struct tm_capture_stats *ret);
/* Version map for a source worker: a new descriptor and *@ret_n, or -errno. */
int tm_glue_version_fd(struct tm_daemon *d, uint32_t *ret_n);
/* Who wrote below the root of @p: tm_capture_top(). -EAGAIN: not tracked at the moment. */
int tm_glue_top(const struct tm_policy *p, struct tm_capture_writer *ret, size_t max);

/*
 * Track the root of source policy @p (its slot is chosen here where it has none). Without a
 * capture yet nothing happens: it is done when the capture is there. Sets p->tracked or
 * p->untracked_why; adds ALL to the backlog when tracking is not unbroken.
 */
void tm_glue_track(struct tm_policy *p);
/* The policy goes, or its root does: stop tracking unless others share the root. */
void tm_glue_untrack(struct tm_policy *p);

/*
 * Deliver what is there. @barrier: everything that took effect before the call. Returns 0 or
 * -errno. *@ret_ns (may be NULL): wall time just before the drain.
 */
int tm_glue_drain(struct tm_daemon *d, bool barrier, int64_t *ret_ns);
/* Time of the last barrier drain that succeeded; 0: none. */
int64_t tm_glue_barrier_ns(const struct tm_daemon *d);

#endif
