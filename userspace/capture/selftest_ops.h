/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture/selftest_ops.h - the operations of the self-test. Pure system calls; what must come of each is
 * said here.
 */
#ifndef TM_CAPTURE_SELFTEST_OPS_H
#define TM_CAPTURE_SELFTEST_OPS_H

#include <stdint.h>

#define TM_SELFTEST_OPS_MAX 48

struct tm_selftest_op {
	/* of the operation and of its object in the scratch directory */
	const char *name;
	/* enum tm_change_flags that its inode must show; 0: the name must be told */
	uint32_t flags;
	int (*prepare)(int dir, const char *name);	/* NULL: nothing; 0 or -errno */
	int (*act)(int dir, const char *name);	/* 0, or -errno: not possible here */
};

extern const struct tm_selftest_op tm_selftest_ops[];	/* ends with name NULL */

#endif
