/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/status.h - the one word an admin sees, from what is stored and what is going on. Pure.
 *
 * The words are the tutorial's. Finished is shown only for a state that is finished: nothing in
 * work, nothing wanted, the last run complete; Incomplete outranks Replicating, except
 * during the first sync, which has nothing yet to be incomplete about. A target says what its source said,
 * where it was told.
 */
#ifndef TM_POLICY_STATUS_H
#define TM_POLICY_STATUS_H

#include "policy/record.h"

enum tm_status {
	TM_STATUS_AWAITING,
	TM_STATUS_AUTHORIZED,
	TM_STATUS_REPLICATING,
	TM_STATUS_FINISHED,
	TM_STATUS_REJECTED,
	TM_STATUS_INCOMPLETE,
	TM_STATUS_STOPPED,
	TM_STATUS_FAILED,
	TM_STATUS_DISABLED,
	TM_STATUS_DISCONNECTED,
	TM_STATUS_MAX,
};

struct tm_status_in {
	enum tm_rec_role role;
	enum tm_rec_auth auth;
	enum tm_rec_hold hold;
	bool enabled;
	bool continuous;
	bool first_done; /* source: the first sync is through; target: a batch was ever applied */
	bool finished;	 /* a run was ever finished (source), or a batch applied (target) */
	bool incomplete;
	bool connected; /* a session is up */
	bool lost;	/* it is not, and an attempt to get one failed or the last one broke */
	bool broken;	/* the worker cannot work at all, and is tried again */
	bool in_work;	/* a set is in flight (source) or a batch is being taken (target) */
	bool wanted;	/* a run was asked for and is not over */
	bool dirty;	/* changes are known that the target does not have */
	bool tracked;	/* source: the capture sees this root */
	bool peer_known; /* the other side told how it stands, in this connection or at its end */
	int peer;	 /* enum tm_status: what it said */
};

enum tm_status tm_status_derive(const struct tm_status_in *in);
const char *tm_status_name(enum tm_status s);
/* The status of this name, or -EINVAL. */
int tm_status_parse(const char *name);

/* Nothing pending, nothing failed, tracking unbroken, connected or not: the target has it all. */
bool tm_status_in_sync(const struct tm_status_in *in);

#endif
