// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy/status.c - derives the shown status; the order of the questions is the policy.
 */
#include "policy/status.h"

static const char *const status_names[TM_STATUS_MAX] = {
	[TM_STATUS_AWAITING] = "Awaiting Authorization",
	[TM_STATUS_AUTHORIZED] = "Authorized",
	[TM_STATUS_REPLICATING] = "Replicating",
	[TM_STATUS_FINISHED] = "Finished",
	[TM_STATUS_REJECTED] = "Rejected",
	[TM_STATUS_INCOMPLETE] = "Incomplete",
	[TM_STATUS_STOPPED] = "Stopped",
	[TM_STATUS_FAILED] = "Failed",
	[TM_STATUS_DISABLED] = "Disabled",
	[TM_STATUS_DISCONNECTED] = "Disconnected",
};

const char *tm_status_name(enum tm_status s)
{
	return (unsigned int)s < TM_STATUS_MAX ? status_names[s] : "Failed";
}

int tm_status_parse(const char *name)
{
	for (int i = 0; i < TM_STATUS_MAX; i++)
		if (tm_streq(status_names[i], name))
			return i;
	return -EINVAL;
}

/* What the relationship itself says, before any work is looked at. */
static bool derive_relationship(const struct tm_status_in *in, enum tm_status *ret)
{
	switch (in->auth) {
	case TM_REC_AWAITING: *ret = TM_STATUS_AWAITING; return true;
	case TM_REC_REJECTED: *ret = TM_STATUS_REJECTED; return true;
	case TM_REC_AUTHORIZED: break;
	case TM_REC_DELETED:
	default: *ret = TM_STATUS_FAILED; return true;
	}
	if (!in->enabled) {
		*ret = TM_STATUS_DISABLED;
		return true;
	}
	if (in->hold != TM_REC_HOLD_NONE) {
		*ret = in->hold == TM_REC_HOLD_STOPPED ? TM_STATUS_STOPPED : TM_STATUS_FAILED;
		return true;
	}
	return false;
}

/* What the other side said, where that outranks what is seen here. */
static bool derive_peer(const struct tm_status_in *in, enum tm_status *ret)
{
	if (!in->peer_known)
		return false;
	*ret = (enum tm_status)in->peer;
	switch (in->peer) {
	case TM_STATUS_DISABLED: return !in->connected;
	case TM_STATUS_STOPPED:
	case TM_STATUS_FAILED: return in->role == TM_REC_TARGET;
	case TM_STATUS_INCOMPLETE:
	case TM_STATUS_REPLICATING: return in->role == TM_REC_TARGET && in->connected;
	default: return false;
	}
}

enum tm_status tm_status_derive(const struct tm_status_in *in)
{
	enum tm_status s;
	bool dirty;

	if (derive_relationship(in, &s))
		return s;
	if (in->broken)
		return TM_STATUS_FAILED;
	if (derive_peer(in, &s))
		return s;
	if (!in->connected && in->lost)
		return TM_STATUS_DISCONNECTED;
	if (in->incomplete && in->first_done)
		return TM_STATUS_INCOMPLETE;
	/* What a continuous policy knows it will send at once; a manual one waits to be asked. */
	dirty = in->continuous && in->dirty;
	if (in->in_work || in->wanted)
		return TM_STATUS_REPLICATING;
	if (in->role == TM_REC_SOURCE && dirty)
		return in->first_done || in->connected ? TM_STATUS_REPLICATING
						       : TM_STATUS_AUTHORIZED;
	if (!in->finished)
		return TM_STATUS_AUTHORIZED;
	/* A continuous policy promises "in sync": it cannot while nobody watches its root. */
	if (in->role == TM_REC_SOURCE && in->continuous && !in->tracked)
		return TM_STATUS_REPLICATING;
	return TM_STATUS_FINISHED;
}

bool tm_status_in_sync(const struct tm_status_in *in)
{
	return in->role == TM_REC_SOURCE && in->auth == TM_REC_AUTHORIZED && in->enabled &&
	       in->hold == TM_REC_HOLD_NONE && in->first_done && in->finished && !in->incomplete &&
	       !in->in_work && !in->wanted && !in->dirty && in->tracked && !in->broken;
}

static const char *const access_names[] = { "none", "viewer", "operator", "admin" };

const char *tm_access_name(enum tm_access a)
{
	return access_names[(unsigned int)a < TM_ARRAY_SIZE(access_names) ? a : 0];
}

enum tm_access tm_access_parse(const char *s)
{
	for (unsigned int i = TM_ACCESS_VIEWER; i < TM_ARRAY_SIZE(access_names); i++)
		if (tm_streq(s, access_names[i]))
			return (enum tm_access)i;
	return TM_ACCESS_NONE;
}

const char *tm_rec_role_name(enum tm_rec_role r)
{
	return r == TM_REC_SOURCE ? "source" : "target";
}

const char *tm_run_kind_name(enum tm_run_kind k)
{
	switch (k) {
	case TM_RUN_FIRST: return "first";
	case TM_RUN_CONTINUOUS: return "continuous";
	case TM_RUN_VERIFY: return "verify";
	case TM_RUN_HEAL: return "heal";
	case TM_RUN_MANUAL:
	default: return "manual";
	}
}

const char *tm_run_result_name(enum tm_run_result r)
{
	switch (r) {
	case TM_RUN_RUNNING: return "running";
	case TM_RUN_FINISHED: return "finished";
	case TM_RUN_ABORTED: return "aborted";
	case TM_RUN_STOPPED: return "stopped";
	case TM_RUN_FAILED:
	default: return "failed";
	}
}
