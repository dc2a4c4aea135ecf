/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bpf/version.bpf.h - change counters that let a reader tell a torn read.
 *
 * Bumped for every operation on a tracked superblock, below a root or not: that is cheaper than
 * the walk and a foreign bump only costs a re-read. The slot function is that of lib/version.h.
 */
#ifndef TM_VERSION_BPF_H
#define TM_VERSION_BPF_H

#include "maps.bpf.h"

static __always_inline struct tm_ver *tm_ver_of(__u64 ino)
{
	__u32 slot = (__u32)((ino * 0x9e3779b97f4a7c15ULL) >> 32) & (TM_VERSIONS - 1);

	return bpf_map_lookup_elem(&tm_versions, &slot);
}

static __always_inline void tm_ver_begin(__u64 ino)
{
	struct tm_ver *v = tm_ver_of(ino);

	if (v)
		__sync_fetch_and_add(&v->begun, 1);
}

static __always_inline void tm_ver_end(__u64 ino)
{
	struct tm_ver *v = tm_ver_of(ino);

	if (v)
		__sync_fetch_and_add(&v->ended, 1);
}

/* A change at one instant: readers across it see other numbers. */
static __always_inline void tm_ver_touch(__u64 ino)
{
	struct tm_ver *v = tm_ver_of(ino);

	if (v) {
		__sync_fetch_and_add(&v->begun, 1);
		__sync_fetch_and_add(&v->ended, 1);
	}
}

#endif
