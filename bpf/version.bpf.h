/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/version.bpf.h - change counters that let a reader tell a torn read.
 *
 * Bumped for every operation, tracked or not: that is cheaper than to ask, a foreign bump only costs a
 * re-read, and entry and exit program cannot disagree, so the pair never ends an operation that it did not
 * begin (one end too many would make the next write look finished while it is under way). The slot function
 * is that of lib/version.h.
 */
#ifndef TM_VERSION_BPF_H
#define TM_VERSION_BPF_H

#include "maps.bpf.h"

static __always_inline __u32 tm_ver_slot(__u64 ino)
{
	return (__u32)((ino * 0x9e3779b97f4a7c15ULL) >> 32) & (TM_VERSIONS - 1);
}

static __always_inline void tm_ver_begin(__u64 ino)
{
	__sync_fetch_and_add(&tm_versions[tm_ver_slot(ino)].begun, 1);
}

static __always_inline void tm_ver_end_slot(__u32 slot)
{
	__sync_fetch_and_add(&tm_versions[slot].ended, 1);
}

static __always_inline void tm_ver_end(__u64 ino)
{
	tm_ver_end_slot(tm_ver_slot(ino));
}

/* A change at one instant: readers across it see other numbers. */
static __always_inline void tm_ver_touch(__u64 ino)
{
	tm_ver_begin(ino);
	tm_ver_end(ino);
}

#endif
