/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source/moment.h - is what was read one moment of the file?
 *
 * By the version counters of the inode where the kernel side keeps them (begun equal to ended before,
 * both unchanged after), else by its times and size.
 */
#ifndef TM_SOURCE_MOMENT_H
#define TM_SOURCE_MOMENT_H

#include <sys/stat.h>

#include "lib/base.h"
#include "lib/version.h"

struct src_moment {
	uint64_t begun, ended;
	struct statx stx;
};

/* @version NULL: compare times. 0 or -errno. */
int src_moment_get(int fd, const struct tm_version *version, struct src_moment *ret);
/* The same, but wait a moment for operations on the file that are under way. */
int src_moment_quiet(int fd, const struct tm_version *version, struct src_moment *ret);
/* Is an operation under way? */
bool src_moment_in_flight(const struct tm_version *version, const struct src_moment *m);
bool src_moment_eq(const struct tm_version *version, const struct src_moment *a,
		   const struct src_moment *b);
/*
 * A page that is dirty and mapped for writing changes without a trace. Written back it is write-protected, so
 * that the next store faults and is marked: stores before are in what is read now, stores after
 * come with another change. 0 or -errno.
 */
int src_clean_mapped(int fd, uint64_t off, uint64_t n);

#endif
