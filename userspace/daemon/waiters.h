/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/waiters.h - calls that wait for a policy: sync and wait. Internal to the schedule.
 */
#ifndef TM_DAEMON_WAITERS_H
#define TM_DAEMON_WAITERS_H

#include "daemon/daemon.h"

/* Is somebody waiting for everything up to a barrier? */
bool tm_waiters_sync(const struct tm_policy *p);
/* Set @set_id is done; with @torn something of it is still owed. */
void tm_waiters_done(struct tm_policy *p, uint64_t set_id, bool torn);
/* The root is tracked at last: syncs that came earlier get their barrier now. */
void tm_waiters_tracked(struct tm_policy *p);
/* A run is over. */
void tm_waiters_run_over(struct tm_policy *p);
/* Nothing will come of it: syncs are answered with problem @code, waits with the policy as it is. */
void tm_waiters_fail(struct tm_policy *p, const char *code, const char *why);

#endif
