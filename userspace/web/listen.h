/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web/listen.h - the listening socket: given by systemd, or made here.
 */
#ifndef TM_WEB_LISTEN_H
#define TM_WEB_LISTEN_H

#include "lib/base.h"

/*
 * A listening, non-blocking TCP socket on @address (a literal; "::" takes IPv4 too, or only IPv4
 * where there is no IPv6) and @port (0: any), or the first one that systemd passed. Logs what is
 * wrong. Returns the descriptor and *@ret_port, or -errno.
 */
int tm_listen(const char *address, uint16_t port, uint16_t *ret_port);

#endif
