/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/base.h - the few words every file of tidemark uses.
 *
 * Low-level primitive: includes libc only and must not grow functions that
 * know a higher room. Errors everywhere are negative errno; ret_ arguments
 * are written only on success.
 */
#ifndef TM_LIB_BASE_H
#define TM_LIB_BASE_H

/* Effective where this header comes first; -D_GNU_SOURCE on the command line is the same. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define TM_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define TM_MIN(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define TM_MAX(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })

/* The local releases itself when it leaves scope (systemd's habit). */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* Hand ownership over: yields the pointer and clears the variable. */
#define tm_take_ptr(p) ({ __typeof__(p) _p = (p); (p) = NULL; _p; })
/* The same for a descriptor; -EBADF means "none". */
#define tm_take_fd(fd) ({ int _f = (fd); (fd) = -EBADF; _f; })

static inline void tm_freep(void *p)
{
	free(*(void **)p);
}

/* Release a heap string or block: _cleanup_free_ char *s = NULL; */
#define _cleanup_free_ _cleanup_(tm_freep)

static inline bool tm_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

#endif
