/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/health.h - what is wrong at this moment, since when, and what to do about it.
 *
 *	health_checks.c	what is wrong, from the daemon's state; remembers nothing
 *	health.c	since when, what is muted, the object, and the event when it changes
 */
#ifndef TM_DAEMON_HEALTH_H
#define TM_DAEMON_HEALTH_H

#include "daemon/daemon.h"

#include <jansson.h>

enum tm_health_code {
	TM_H_PEER_UNREACHABLE,
	TM_H_AUTH_PENDING,
	TM_H_TARGET_FULL,
	TM_H_TARGET_REFUSED,
	TM_H_TRACKER_OVERFLOW,
	TM_H_TRACKING_INCOMPLETE,
	TM_H_BPF_NOT_ATTACHED,
	TM_H_CAPTURE_BLIND_SPOTS,
	TM_H_CONFIG_INVALID,
	TM_H_POLICY_STOPPED,
	TM_H_POLICY_FAILED,
	TM_H_FILES_FAILED,
	TM_H_LISTEN_FAILED,
	TM_H_MAX,
};

/* Only warnings and errors make the whole not "ok". */
enum tm_severity { TM_SEV_INFO, TM_SEV_WARNING, TM_SEV_ERROR };

struct tm_check {
	enum tm_health_code code;
	enum tm_severity severity;
	const struct tm_policy *p; /* or NULL: the node */
	int64_t since_ns;	   /* 0: nobody wrote it down */
	char summary[512];
	char cause[TM_REC_TEXT_MAX + 128]; /* "": not known */
};

const char *tm_health_code_name(enum tm_health_code c);
int tm_health_code_parse(const char *name); /* or -ENOENT */
const char *tm_health_cure(enum tm_health_code c);
const char *tm_severity_name(enum tm_severity s);

/* Everything that is wrong now. */
void tm_health_checks(struct tm_daemon *d, void (*fn)(void *arg, const struct tm_check *c), void *arg);

int tm_health_start(struct tm_daemon *d);
void tm_health_free(struct tm_daemon *d);
/* The health object. NULL: no memory. */
json_t *tm_health_json(struct tm_daemon *d);
/* Compare with what was told last, and tell it (event "health") when it is another. */
void tm_health_look(struct tm_daemon *d);
/*
 * Show @code of @p (NULL: of everything) as muted for @seconds; 0 ends it. Muted checks are listed and do not
 * count. 0; -ENOSPC when too much is muted; -errno.
 */
int tm_health_mute(struct tm_daemon *d, enum tm_health_code code, const struct tm_policy *p,
		   uint64_t seconds);

#endif
