/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/dial.h - one outgoing connection up to its preamble; nothing of the peer is read.
 */
#ifndef TM_DAEMON_DIAL_H
#define TM_DAEMON_DIAL_H

#include "daemon/daemon.h"

/* Once: the connected socket (the callee's from now on), or -errno. The dial is freed before. */
typedef void (*tm_dial_fn)(void *arg, int fd_or_error);

/*
 * Connect to @address and send the preamble for @id and @secret (NULL: pairing, zeros). Gives up after
 * @timeout_ms. 0 or -errno: then @fn is not called.
 */
int tm_dial_start(struct tm_daemon *d, const char *address, uint16_t port, const uint8_t *id,
		  const uint8_t *secret, unsigned int timeout_ms, tm_dial_fn fn, void *arg,
		  struct tm_dial **ret);
/* Stop without calling @fn. NULL accepted. Returns NULL. */
struct tm_dial *tm_dial_cancel(struct tm_dial *dial);

#endif
