/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/runs.h - the accounts: a run's history row, totals, rates.
 *
 * In continuous mode a run is the time from the first change to "everything is there"; those that
 * begin within a minute share one row, so that history stays history.
 */
#ifndef TM_DAEMON_RUNS_H
#define TM_DAEMON_RUNS_H

#include "daemon/daemon.h"

void tm_run_begin(struct tm_policy *p, enum tm_run_kind kind);
void tm_run_end(struct tm_policy *p, enum tm_run_result result, const char *error);
/* Write the row now. */
void tm_run_store(struct tm_policy *p);
/* A worker's counters: what is new goes to the totals and to the open run. */
void tm_run_progress(struct tm_policy *p, const struct tm_ctl_progress *m);
/* A new worker counts from zero. */
void tm_run_new_worker(struct tm_policy *p);
/* A set begins: rates and progress start again. */
void tm_run_new_set(struct tm_policy *p);

#endif
