/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/start.h - what the daemon stands on: directories, lock, names, store, the memory of a clean stop.
 */
#ifndef TM_DAEMON_START_H
#define TM_DAEMON_START_H

#include "daemon/daemon.h"

/* Absolute names of both directories and the boot's id. 0 or -errno (logged). */
int tm_start_names(struct tm_daemon *d, const char *state, const char *runtime);
/* Make and open both directories, take the lock, derive the instance's name. */
int tm_start_dirs(struct tm_daemon *d);
int tm_start_store(struct tm_daemon *d);
/*
 * At an orderly stop: what the sources sent is synced to their own disks, so that the next boot
 * need not suspect them.
 */
void tm_start_clean(struct tm_daemon *d);
void tm_start_dirs_free(struct tm_daemon *d);

/* Reconnect at once when the network changes. Not having this is no failure. */
void tm_start_netmon(struct tm_daemon *d);
void tm_start_netmon_stop(struct tm_daemon *d);

#endif
