/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daemon/rest_decode.h - percent-decoding, in rest_routes.c. Pure.
 */
#ifndef TM_DAEMON_REST_DECODE_H
#define TM_DAEMON_REST_DECODE_H

#include "lib/base.h"

/*
 * @n bytes of @s into @dst, terminated. 0; -EINVAL: a stray '%', an encoded NUL, or it does not fit into
 * @cap bytes.
 */
int tm_percent_decode(const char *s, size_t n, char *dst, size_t cap);

#endif
