/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/clock.h - monotonic time for waiting, wall time only for people.
 */
#ifndef TM_LIB_CLOCK_H
#define TM_LIB_CLOCK_H

#include "lib/base.h"

uint64_t tm_mono_ms(void);
uint64_t tm_mono_ns(void);
/* Nanoseconds since the epoch (1970), wall clock. */
int64_t tm_wall_ns(void);

#define TM_RFC3339_LEN 32
/* "2026-11-23T07:49:01.123Z"; returns @buf. ns 0 yields "". */
const char *tm_rfc3339(int64_t wall_ns, char buf[TM_RFC3339_LEN]);

#define TM_BOOT_ID_LEN 37
/* /proc/sys/kernel/random/boot_id as text. Returns 0 or -errno. */
int tm_boot_id(char buf[TM_BOOT_ID_LEN]);

#endif
