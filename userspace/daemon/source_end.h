/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/source_end.h - the source's end of one policy: its worker, and the connection it is given.
 */
#ifndef TM_DAEMON_SOURCE_END_H
#define TM_DAEMON_SOURCE_END_H

#include "daemon/daemon.h"

/* Start, dial or stop, as the record says. */
void tm_source_end_update(struct tm_policy *p);
/* Stop the worker, telling the peer @code and @why. Returns true if a session could be told. */
/* The target is somewhere else now: connect there. What is in work is handed out again. */
void tm_source_end_redial(struct tm_policy *p);
bool tm_source_end_stop(struct tm_policy *p, uint32_t code, const char *why);
/* Forget worker, dial and timers at once. */
void tm_source_end_drop(struct tm_policy *p);
/* Dial now instead of after the reconnect interval (the network changed, or the admin asked). */
void tm_source_end_hurry(struct tm_policy *p);

#endif
