/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/accept.h - the listening socket: 64 bytes of a stranger, and nothing more.
 */
#ifndef TM_DAEMON_ACCEPT_H
#define TM_DAEMON_ACCEPT_H

#include "daemon/daemon.h"

/* Listen as configured. A failure is not the end: d->listen_error says it, and it is tried again. */
int tm_listener_start(struct tm_daemon *d);
void tm_listener_free(struct tm_daemon *d);
/* The port really listened on; 0: none. */
uint16_t tm_listener_port(const struct tm_daemon *d);

#endif
