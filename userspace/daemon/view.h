/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/view.h - a live policy as its REST object.
 */
#ifndef TM_DAEMON_VIEW_H
#define TM_DAEMON_VIEW_H

#include "api/object.h"
#include "daemon/daemon.h"

/* New object or NULL. Brings the recovery point of an idle policy up to date first. */
json_t *tm_view_policy(struct tm_policy *p);
/* Of an embryo nothing is shown: they are left out. */
json_t *tm_view_policies(struct tm_daemon *d);
json_t *tm_view_failures(const struct tm_policy *p);
json_t *tm_view_runs(struct tm_policy *p);
json_t *tm_view_status(struct tm_daemon *d);
json_t *tm_view_probe(struct tm_daemon *d);
json_t *tm_view_peers(struct tm_daemon *d);
json_t *tm_view_audit(struct tm_daemon *d, unsigned int limit);

#endif
