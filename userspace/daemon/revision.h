/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/revision.h - a short text that differs when a policy's definition or status word differs.
 */
#ifndef TM_DAEMON_REVISION_H
#define TM_DAEMON_REVISION_H

#include "daemon/daemon.h"

#define TM_REVISION_LEN 17

/*
 * The same definition and status give the same revision, before and after a restart. Progress, counters and
 * times do not count. Returns @buf.
 */
const char *tm_policy_revision(const struct tm_policy *p, char buf[TM_REVISION_LEN]);

/* Is "@revision", quoted, in the list of an If-Match or If-None-Match header? Weak ones count. Pure. */
bool tm_etag_lists(const char *header, const char *revision);

#endif
