/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/aside.h - work that may wait for a disk, beside the loop: looking through directories.
 *
 * A job runs in a thread of its own and touches nothing but itself: no policy, no daemon, no log. Its
 * end is told in the loop. Few at a time, so that a directory that hangs costs little.
 */
#ifndef TM_DAEMON_ASIDE_H
#define TM_DAEMON_ASIDE_H

#include "daemon/daemon.h"

#define TM_ASIDES_MAX 8

struct tm_aside_ops {
	/* In the thread. Ends by itself within a few seconds unless a system call hangs. */
	void (*work)(void *job);
	/*
	 * In the loop, exactly once. @stuck: the daemon ends and the thread still runs: only what the loop
	 * owns of the job may be touched, and nothing freed.
	 */
	void (*done)(void *job, bool stuck);
};

/* 0; -EBUSY: enough run already; -errno. */
int tm_aside_run(struct tm_daemon *d, const struct tm_aside_ops *ops, void *job);
/* Wait a moment for those that run, then tell all of them the end. */
void tm_asides_free(struct tm_daemon *d);

#endif
