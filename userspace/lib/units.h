/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/units.h - what people write: 64K, 50M, 30s, 15min, yes. Pure.
 */
#ifndef TM_LIB_UNITS_H
#define TM_LIB_UNITS_H

#include "lib/base.h"

/* "64K" -> 65536. Suffixes K M G T (binary, optional "iB" or "B"). -EINVAL, -ERANGE. */
int tm_parse_bytes(const char *s, uint64_t *ret);
/* "1500ms", "30s", "15min", "2h", "1d", plain number = seconds. Result in ms. */
int tm_parse_duration_ms(const char *s, uint64_t *ret);
/* yes/no, true/false, on/off, 1/0. */
int tm_parse_bool(const char *s, bool *ret);
int tm_parse_u64(const char *s, uint64_t *ret);

#define TM_HUMAN_LEN 16
/* 1536 -> "1.5 KiB"; returns @buf. */
const char *tm_human_bytes(uint64_t n, char buf[TM_HUMAN_LEN]);

#endif
