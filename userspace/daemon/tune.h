/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/tune.h - settings that change while the daemon runs reach those who work by them.
 *
 * A worker is told its settings when it starts. One that was started with others ends as soon as it is
 * idle, and its successor has the new ones: for a source within a tenth of a second, and its target waits.
 */
#ifndef TM_DAEMON_TUNE_H
#define TM_DAEMON_TUNE_H

#include "daemon/daemon.h"

/* d->cfg was @old. */
void tm_settings_changed(struct tm_daemon *d, const struct tm_config *old);
/* Is it the moment to replace this one's worker? */
void tm_tune_look(struct tm_policy *p);

#endif
