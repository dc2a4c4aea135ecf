/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/failpoint.h - named places where a test can kill the process.
 *
 * The hook is a weak symbol that no room defines: a program without a test's definition has a null
 * pointer here and nothing else. Places: staged, logged, committed, acked, apply (after each step),
 * patch (after each range), applied, synced, recorded.
 */
#ifndef TM_TARGET_FAILPOINT_H
#define TM_TARGET_FAILPOINT_H

void tm_target_failpoint(const char *name) __attribute__((weak));

static inline void tm_failpoint(const char *name)
{
	if (tm_target_failpoint)
		tm_target_failpoint(name);
}

#endif
