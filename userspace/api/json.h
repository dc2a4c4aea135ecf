/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api/json.h - the rules every JSON text of the REST interface follows. Pure.
 *
 * Bodies are small, strict objects; bytes that are not UTF-8 appear twice (lossy, and base64);
 * times are RFC 3339 or null; 64-bit counters stay exact up to INT64_MAX.
 */
#ifndef TM_API_JSON_H
#define TM_API_JSON_H

#include "lib/base.h"

#include <jansson.h>

#define TM_API_BODY_MAX 65536

/*
 * Parse a request body: one object, no duplicate keys, nothing after it; empty is {}. Returns 0; -EMSGSIZE;
 * -EBADMSG with *@ret_why (new string).
 */
int tm_api_body_parse(const void *p, size_t n, json_t **ret, char **ret_why);

/*
 * Set @key to a byte string: lossy text, and KEY_b64 when it is not UTF-8. NULL or, with
 * @null_if_empty, "": null.
 */
int tm_api_set_bytes(json_t *o, const char *key, const char *s, size_t n, bool null_if_empty);
int tm_api_set_str(json_t *o, const char *key, const char *s);
/* 0: null. */
int tm_api_set_time(json_t *o, const char *key, int64_t wall_ns);
/* Values above INT64_MAX are shown as INT64_MAX. */
int tm_api_set_u64(json_t *o, const char *key, uint64_t v);
int tm_api_set_bool(json_t *o, const char *key, bool v);

/* RFC 4648 with padding, strictly. Returns bytes written to @dst (at most @cap), or -EINVAL, -EMSGSIZE. */
ssize_t tm_api_unbase64(const char *s, void *dst, size_t cap);

static inline void tm_json_decrefp(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(tm_json_decrefp)

#endif
