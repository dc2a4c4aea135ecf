/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/failpoint.h - named places where a test build can be killed.
 *
 * Only with -DTM_FAILPOINTS. TM_FAIL="name:n" kills the process by SIGKILL when place @name is passed for the n-th
 * time; "*:n" counts all places. Without the macro nothing of this exists.
 */
#ifndef TM_TARGET_FAILPOINT_H
#define TM_TARGET_FAILPOINT_H

#ifdef TM_FAILPOINTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void tm_failpoint_hit(const char *name)
{
	const char *want = getenv("TM_FAIL"), *colon = want ? strchr(want, ':') : NULL;
	char left[32];
	long n;

	if (!colon || !((size_t)(colon - want) == strlen(name) && !strncmp(want, name, strlen(name)))) {
		if (!colon || want[0] != '*')
			return;
	}
	n = atol(colon + 1);
	if (n <= 1)
		kill(getpid(), SIGKILL);
	snprintf(left, sizeof(left), "%.*s:%ld", (int)(colon - want), want, n - 1);
	setenv("TM_FAIL", left, 1);
}
#define tm_failpoint(name) tm_failpoint_hit(name)
#else
#define tm_failpoint(name) do { } while (0)
#endif

#endif
