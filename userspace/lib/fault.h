/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/fault.h - defences that a test build can switch off, one at a time.
 *
 * An oracle that never saw a difference proves nothing. With -DTM_FAULTS (never in a build that is
 * installed) the environment variable TM_FAULT names defences to leave out, for example
 * TM_FAULT=fsync-off,hole-skipped; "name:N" means: only the N-th time this process gets there. The tests
 * then expect the oracle to report a difference. Without TM_FAULTS every question is a constant false.
 *
 *	mark-dropped	a content mark from the kernel is thrown away
 *	rename-ignored	name records are thrown away
 *	hole-skipped	the source does not tell of holes
 *	fsync-off	the target syncs nothing before it acknowledges
 *	early-ack	the target acknowledges before it commits
 *	hook-lost	the exit program of fallocate is not attached
 *	other-build	the kernel side's programs count as those of another build
 *	other-layout	pinned maps count as those of another layout
 */
#ifndef TM_LIB_FAULT_H
#define TM_LIB_FAULT_H

#include <stdbool.h>

#ifdef TM_FAULTS
bool tm_fault(const char *name);
#else
static inline bool tm_fault(const char *name)
{
	(void)name;
	return false;
}
#endif

#endif
