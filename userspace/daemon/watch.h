/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/watch.h - notices what changed in what is shown, and makes events of it.
 *
 * Nothing that changes a policy has to know what of it is shown: it only calls tm_watch_poke(), or not
 * even that: everything is looked at once a second. A changed status word is published within a few
 * hundredths of a second (a policy at most five times a second), progress once a second.
 */
#ifndef TM_DAEMON_WATCH_H
#define TM_DAEMON_WATCH_H

#include "daemon/daemon.h"

int tm_watch_start(struct tm_daemon *d);
void tm_watch_free(struct tm_daemon *d);
/* Something may have changed: look soon. Cheap; may be called from anywhere in the loop. */
void tm_watch_poke(struct tm_daemon *d);
/* A policy has come: publish it now, so that its first status is seen however soon the next one follows. */
void tm_watch_new(struct tm_policy *p);
/* The policy is going: publish its end. */
void tm_watch_gone(struct tm_policy *p);

#endif
