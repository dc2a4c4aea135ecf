/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netmon/netmon.h - does the network look different than a moment ago? The only user of libnl.
 *
 * Links that come up and addresses that appear are reasons to dial lost peers at once instead of after the
 * reconnect interval. Nothing else is decided here.
 */
#ifndef TM_NETMON_NETMON_H
#define TM_NETMON_NETMON_H

#include "lib/base.h"

struct tm_netmon;

/* Subscribe to link and address news of this network namespace. 0 or -errno. */
int tm_netmon_open(struct tm_netmon **ret_m);
/* NULL accepted. */
void tm_netmon_close(struct tm_netmon *m);
/* Non-blocking; readable when there is news. */
int tm_netmon_fd(const struct tm_netmon *m);
/*
 * Take all news. Returns how many of them make a new connection worth a try (lost news count as
 * one), or -errno.
 */
int tm_netmon_read(struct tm_netmon *m);

#endif
