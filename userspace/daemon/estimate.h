/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/estimate.h - how much is in a source directory, for the admin who is asked to accept it.
 */
#ifndef TM_DAEMON_ESTIMATE_H
#define TM_DAEMON_ESTIMATE_H

#include "daemon/daemon.h"

/*
 * Begin to count what is in the source directory of @p, beside the loop: at most 100,000 entries and two
 * seconds. @ready is called once it is through, with est_files and est_bytes of the record set; they stay
 * 0 (not known) when it did not see everything. Returns 0, or -errno: then @ready is not called.
 */
int tm_estimate_start(struct tm_policy *p, void (*ready)(struct tm_policy *p));
/* Does it still count? */
bool tm_estimate_busy(const struct tm_policy *p);
/* The policy goes: nobody is told. */
void tm_estimate_forget(struct tm_policy *p);

#endif
