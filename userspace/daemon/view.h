/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/view.h - a live policy as its REST object.
 */
#ifndef TM_DAEMON_VIEW_H
#define TM_DAEMON_VIEW_H

#include "api/object.h"
#include "daemon/daemon.h"

/* A part of a list, newest first: at most @limit rows, with ids below @before (0: from the top). */
struct tm_page {
	unsigned int limit;
	int64_t before;
};

/* New object or NULL. Brings the recovery point of an idle policy up to date first. */
json_t *tm_view_policy(struct tm_policy *p);
/* Of an embryo nothing is shown: they are left out. */
json_t *tm_view_policies(struct tm_daemon *d);
/* Those that await authorization here. */
json_t *tm_view_requests(struct tm_daemon *d);
json_t *tm_view_failures(const struct tm_policy *p, const struct tm_page *at);
json_t *tm_view_runs(struct tm_policy *p, const struct tm_page *at);
/* {"since", "writers": []}, most bytes first; NULL: the backend does not tell, nothing is tracked, or no memory. */
json_t *tm_view_top(const struct tm_policy *p);
/* The run as events show it: with "policy" and "name". */
json_t *tm_view_run(const struct tm_policy *p);
json_t *tm_view_status(struct tm_daemon *d);
json_t *tm_view_probe(struct tm_daemon *d);
json_t *tm_view_capture(struct tm_daemon *d);
json_t *tm_view_peers(struct tm_daemon *d);
json_t *tm_view_audit(struct tm_daemon *d, const struct tm_page *at);
json_t *tm_view_audit_row(const struct tm_audit_rec *a);
/* Milliseconds the target is behind; -1: not known. */
int64_t tm_view_lag_ms(const struct tm_policy *p);

#endif
