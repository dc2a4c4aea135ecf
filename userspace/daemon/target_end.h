/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/target_end.h - the target's end of one policy: a worker per connection, one of which
 * owns the session.
 *
 * A new connection costs a worker that proves who it speaks to; only then the older worker is
 * killed, and only when that has ended the new one may touch the target directory (GO).
 */
#ifndef TM_DAEMON_TARGET_END_H
#define TM_DAEMON_TARGET_END_H

#include "daemon/daemon.h"

/* A connection whose preamble named @p and verified; takes @sock. */
void tm_target_end_accept(struct tm_policy *p, int sock);
void tm_target_end_update(struct tm_policy *p);
bool tm_target_end_stop(struct tm_policy *p, uint32_t code, const char *why);
void tm_target_end_drop(struct tm_policy *p);
/* Pass a notice to the source (aborted). False: nobody is connected. */
bool tm_target_end_notice(struct tm_policy *p, uint32_t code, const char *text);
/* Is a batch being taken or applied? */
bool tm_target_end_busy(const struct tm_policy *p);

#endif
