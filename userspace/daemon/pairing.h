/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/pairing.h - a request on its way from the source's admin to the target's, and the answer back.
 *
 * Source side: one attempt at a time per policy: dial, pairing worker, PAIR_REQUEST; the
 * connection stays open while the request waits and is made again when it breaks. The same
 * exchange asks later what became of a relationship whose target refuses connections. Target
 * side: connections with a zero policy id, each in a worker without any file access.
 */
#ifndef TM_DAEMON_PAIRING_H
#define TM_DAEMON_PAIRING_H

#include "daemon/daemon.h"

/* ---- source (pairing_source.c) */

/* An embryo (p->create_call waits for the answer): begin. 0 or -errno. */
int tm_pairing_create(struct tm_policy *p);
/* Keep asking while it awaits authorization; stop otherwise. */
void tm_pairing_source_update(struct tm_policy *p);
/* Ask once what the target thinks of this policy. */
void tm_pairing_query(struct tm_policy *p);
/* End the exchange; @code tells the peer why (0: nothing). Returns true if it could be told. */
bool tm_pairing_source_end(struct tm_policy *p, uint32_t code, const char *why);

/* ---- target (pairing_target.c) */

/* A connection whose preamble asked for pairing; takes @sock. */
void tm_pairing_accept(struct tm_daemon *d, int sock);
/* Tell everybody who waits for @p its state. Returns true if there was somebody. */
bool tm_pairing_target_tell(struct tm_policy *p, enum tm_pair_state state, const char *text);
/* The policy goes away: no connection may point to it any more. */
void tm_pairing_target_forget(struct tm_policy *p);
void tm_pairing_target_free(struct tm_daemon *d);

#endif
