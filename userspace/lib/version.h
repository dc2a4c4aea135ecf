/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/version.h - where the version counter of an inode sits.
 *
 * The BPF side (bpf/version.bpf.h) and a reader in user space must agree on
 * this function; a collision only makes a good read look torn, which costs a re-read.
 */
#ifndef TM_LIB_VERSION_H
#define TM_LIB_VERSION_H

#include <stdint.h>

/* Bumped before (begun) and after (ended) every operation on an inode that falls into the slot. */
struct tm_version {
	uint64_t begun;
	uint64_t ended;
};

/* @n: a power of two. */
static inline uint32_t tm_version_slot(uint64_t ino, uint32_t n)
{
	uint64_t h = ino * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32) & (n - 1);
}

#endif
