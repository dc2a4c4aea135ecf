/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/verify.h - a run that compares all contents with the target.
 *
 * Part of the schedule. What is to be compared is no change and is in no journal: it is a set of its
 * own, handed out in slices between the ordinary sets, so that a comparison of terabytes keeps nobody
 * waiting. It ends with the daemon; a lost connection only interrupts it.
 */
#ifndef TM_DAEMON_VERIFY_H
#define TM_DAEMON_VERIFY_H

#include "daemon/daemon.h"

/*
 * Begin one, or begin it anew. @repair: what differs is put right, and what is pending goes
 * first; else it is only told. 0 or -errno.
 */
int tm_verify_start(struct tm_policy *p, bool repair);
/* Is it over, for whatever reason. */
void tm_verify_drop(struct tm_policy *p);

/* May a slice be handed out now? @pending: changes wait too. */
bool tm_verify_turn(const struct tm_policy *p, bool pending);
void tm_verify_hand(struct tm_policy *p);
/* Is the set in flight a slice? */
bool tm_verify_flying(const struct tm_policy *p);
/* A record given back by the worker. True: it was the verify's. *@ret: 0 or -errno. */
bool tm_verify_requeue(struct tm_policy *p, const struct tm_change *c, int *ret);
/* The slice is done. True: it was the last one. */
bool tm_verify_done(struct tm_policy *p);
/* The slice in flight did not come to its end. */
void tm_verify_lost(struct tm_policy *p);
/* An ordinary set is done: the next turn is the verify's. */
void tm_verify_next(struct tm_policy *p);
/* What a finished run of this kind has to say, in @buf; NULL: everything was equal. */
const char *tm_verify_summary(const struct tm_policy *p, char *buf, size_t cap);

/* What a difference is, by the errno of its report. */
const char *tm_verify_text(int err);

#endif
