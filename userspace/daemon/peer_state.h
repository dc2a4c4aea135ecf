/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/peer_state.h - how the policy stands on the other side: told by NOTICE, shown here.
 *
 * The source knows when a run is over, up to when the target has everything, and whether it stopped; a
 * target sees batches only. So the source's daemon tells the target's: at once when its status is another
 * word, at most once a second for the recovery point. The target's daemon tells when it stopped. What a peer
 * tells is shown and decides nothing.
 */
#ifndef TM_DAEMON_PEER_STATE_H
#define TM_DAEMON_PEER_STATE_H

#include "daemon/daemon.h"

/* ---- the text of the notice; pure */

/* "status=Finished;mode=manual;recovery=1;finished=2;why=..." */
void tm_peer_state_format(const struct tm_peer_state *s, char *buf, size_t cap);
/* Fields that are not known are passed over. 0, or -EBADMSG. */
int tm_peer_state_parse(const char *text, struct tm_peer_state *ret);

/* ---- telling and hearing */

/* Tell what is new, if something is and it is time; called by the watch. */
void tm_peer_state_look(struct tm_policy *p);
/* Tell it now: the connection is about to end. */
void tm_peer_state_tell(struct tm_policy *p);
/* Does the other side say that it replicates? */
bool tm_peer_state_busy(const struct tm_policy *p);
/* The peer told. */
void tm_peer_state_heard(struct tm_policy *p, const char *text);
/* A connection begins: nothing is told or known yet. */
void tm_peer_state_begin(struct tm_policy *p);

#endif
