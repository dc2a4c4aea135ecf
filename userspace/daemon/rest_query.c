// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon/rest_query.c - query arguments as values; the refusals every handler needs.
 */
#include "daemon/rest.h"
#include "daemon/rest_decode.h"
#include "lib/text.h"
#include "lib/units.h"

#include <stdarg.h>
#include <stdio.h>

void tm_call_bad(struct tm_call *c, const char *field, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tm_call_problem_with(c, 400, "bad-request",
			     field[0] ? json_pack("{s:s}", "field", field) : NULL, "%s", text);
}

void tm_call_refused(struct tm_call *c, const struct tm_api_refusal *no)
{
	tm_call_bad(c, no->field, "%s", no->text);
}

bool tm_call_query_u64(struct tm_call *c, const char *key, uint64_t min, uint64_t max,
		       uint64_t *ret)
{
	const char *s = tm_call_query(c, key);
	uint64_t v;

	if (!s)
		return true;
	if (tm_parse_u64(s, &v) < 0 || v < min || v > max) {
		tm_call_bad(c, key, "%s is not a number from %llu to %llu", key,
			    (unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*ret = v;
	return true;
}

bool tm_call_query_bytes(struct tm_call *c, const char *key, char ret[TM_API_PATH_MAX + 1])
{
	const char *plain = tm_call_query(c, key), *b64;
	char b64_key[32], text[2 * TM_API_PATH_MAX];
	ssize_t n;

	snprintf(b64_key, sizeof(b64_key), "%s_b64", key);
	b64 = tm_call_query(c, b64_key);
	if (!plain == !b64) {
		tm_call_bad(c, key, "give %s or %s", key, b64_key);
		return false;
	}
	if (plain) {
		if (tm_percent_decode(plain, strlen(plain), ret, TM_API_PATH_MAX + 1) == 0)
			return true;
		tm_call_bad(c, key, "%s is too long or not percent-encoded as it should be", key);
		return false;
	}
	n = tm_percent_decode(b64, strlen(b64), text, sizeof(text));
	if (n == 0)
		n = tm_api_unbase64(text, ret, TM_API_PATH_MAX);
	if (n < 0 || memchr(ret, 0, (size_t)n)) {
		tm_call_bad(c, b64_key, "%s is not base64 of a path", b64_key);
		return false;
	}
	ret[n] = 0;
	return true;
}
