// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/tune.c - replaces workers whose settings are old, when they are idle.
 */
#include "daemon/tune.h"
#include "daemon/supervisor.h"
#include "daemon/target_end.h"
#include "daemon/watch.h"

void tm_settings_changed(struct tm_daemon *d, const struct tm_config *old)
{
	tm_log_level_set(d->cfg.log_level);
	if (!tm_config_workers_differ(&d->cfg, old))
		return;
	tm_policy_foreach(d, p) p->worker_stale = p->w;
	tm_watch_poke(d);
}

void tm_tune_look(struct tm_policy *p)
{
	bool busy = p->rec.role == TM_REC_TARGET ? tm_target_end_busy(p) : p->bl && p->bl->out;

	if (p->worker_stale && p->w && !busy && p->conn != TM_CONN_HANDSHAKE &&
	    p->conn != TM_CONN_AUTHED && !tm_worker_stopping(p->w))
		tm_worker_stop(p->w, 0, "");
}
