/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/handover.h - a change set as control messages.
 */
#ifndef TM_DAEMON_HANDOVER_H
#define TM_DAEMON_HANDOVER_H

#include "daemon/daemon.h"

/* Send the set in flight to p->w: CHANGES..., CHANGES_END. 0 or -errno. */
int tm_handover_set(struct tm_policy *p);
/* The same with records to be compared; @look: nothing is repaired. */
int tm_handover_compare(struct tm_policy *p, const struct tm_change_set *set, bool look);

#endif
